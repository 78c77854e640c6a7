"""What the options of `meshwright device run` make of a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshwright.cli.radios import static_of, uuid_of
from meshwright.core.errors import InputError

if TYPE_CHECKING:
    from meshwright.core.discovery.beacon import OobInformation
    from meshwright.core.provisioning.device import DeviceOptions
    from meshwright.sim.flash import FlashFile

OUTPUTS = ("blink", "beep", "vibrate", "numeric", "alphanumeric")
INPUTS = ("push", "twist", "numeric", "alphanumeric")
ALGORITHMS = ("hmac", "cmac")
INFORMATION = (
    "other",
    "uri",
    "machine-readable-2d",
    "bar-code",
    "nfc",
    "number",
    "string",
    "on-box",
    "inside-box",
    "on-paper",
    "inside-manual",
    "on-device",
)


@dataclass(frozen=True)
class Said:
    """The options that describe the device, as they were given."""

    uuid: str | None
    state: Path | None
    key: Path | None
    chain: tuple[Path, ...]
    static_oob: str | None = field(repr=False)
    algorithms: tuple[str, ...]
    output: tuple[str, ...]
    output_size: int
    input: tuple[str, ...]
    input_size: int
    only_oob: bool
    elements: int
    uri: str | None
    oob_information: tuple[str, ...]

    def flash(self) -> FlashFile:
        """Open or make the flash, with what was said kept in it."""
        from meshwright.randomness import SystemRandomness
        from meshwright.sim.flash import Flash, FlashFile, VolatileFlash

        address = SystemRandomness().stream("device address")(6)
        if self.state is None:
            flash: FlashFile = VolatileFlash(Flash(address))
        elif self.state.exists():
            flash = FlashFile.open(self.state)
        else:
            flash = FlashFile.create(self.state, address)
        flash.store(replace(flash.content, **dict(self._told(unnamed=flash.content.uuid is None))))
        return flash

    def _told(self, *, unnamed: bool) -> Iterator[tuple[str, Any]]:
        """Yield the fields of the flash that options set."""
        from uuid import UUID

        from meshwright.randomness import SystemRandomness

        if self.uuid is not None:
            yield "uuid", uuid_of(self.uuid)
        elif unnamed:
            yield "uuid", UUID(bytes=SystemRandomness().stream("uuid")(16), version=4)
        if self.key is not None:
            yield "private_key", _private_key(self.key)
        if self.chain:
            yield "records", _records(self.chain)
        if self.static_oob is not None:
            yield "static_oob", static_of(self.static_oob)

    def information(self) -> OobInformation:
        """Return the bits of the beacon."""
        from meshwright.core.discovery.beacon import OobInformation

        bits = OobInformation.NONE
        for name in self.oob_information:
            bits |= OobInformation[_member(name)]
        return bits

    def options(self, flash: FlashFile) -> DeviceOptions:
        """Return what the device is able to do."""
        from meshwright.core.provisioning.fields import Algorithms, InputAction, OutputAction
        from meshwright.sim.line_device import device_options

        algorithms = Algorithms(0)
        for name in self._algorithms():
            algorithms |= Algorithms[_member(name)]
        return replace(
            device_options(flash),
            elements=self.elements,
            algorithms=algorithms,
            output_actions=tuple(OutputAction[_member(each)] for each in self.output),
            output_size=self.output_size if self.output else 0,
            input_actions=tuple(InputAction[_member(each)] for each in self.input),
            input_size=self.input_size if self.input else 0,
            only_oob=self.only_oob,
        )

    def _algorithms(self) -> tuple[str, ...]:
        """Return the algorithms; a device that wants OOB only must not offer CMAC (5.4.1.2)."""
        if not self.only_oob:
            return self.algorithms or ALGORITHMS
        no_value = not (self.static_oob or self.output or self.input)
        if "cmac" in self.algorithms or no_value:
            raise InputError(
                "--only-oob goes with HMAC alone, and with --static-oob, --output or --input.",
                code="contradictory-options",
            )
        return ("hmac",)


def _member(name: str) -> str:
    return name.upper().replace("-", "_")


def _private_key(path: Path) -> int:
    from meshwright.core.crypto import in_private_range
    from meshwright.services.given_keys import private_key_in

    scalar = private_key_in(path.read_bytes())
    if not in_private_range(scalar):
        raise InputError(
            "This private key is in the upper half of its range, where a device must not have it; "
            "make another.",
            code="bad-private-key",
        )
    return scalar


def _records(paths: tuple[Path, ...]) -> dict[int, bytes]:
    from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
    from meshwright.pki.certificate_file import read_certificates

    device, *above = [each for path in paths for each in read_certificates(path)]
    if len(above) > len(INTERMEDIATES):
        raise InputError("A device keeps 15 certificates above its own.", code="bad-chain")
    return {RecordId.DEVICE_CERTIFICATE: device, **dict(zip(INTERMEDIATES, above, strict=False))}
