"""What the options of `meshwright device run` make of a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from meshwright.cli.radios import static_of, uuid_of
from meshwright.core.errors import InputError

if TYPE_CHECKING:
    from meshwright.core.discovery.beacon import OobInformation
    from meshwright.core.provisioning.device_options import DeviceOptions
    from meshwright.sim.flash import Flash, FlashFile

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
        """Open or make the flash, with what was said kept in it.

        What cannot be used leaves no file behind, and one that is there as it is.
        """
        from meshwright.randomness import SystemRandomness
        from meshwright.sim.flash import Flash, FlashFile, VolatileFlash

        told = dict(self._told())
        new = Flash(SystemRandomness().stream("device address")(6))
        if self.state is None:
            flash: FlashFile = VolatileFlash(new)
        elif self.state.exists():
            flash = FlashFile.open(self.state)
        else:
            flash = FlashFile(self.state, new)
        content = self._named(flash.content, told)
        self._check(content)
        flash.store(content)
        return flash

    def _told(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields of the flash that options set."""
        if self.uuid is not None:
            yield "uuid", uuid_of(self.uuid)
        if self.key is not None:
            yield "private_key", _private_key(self.key)
        if self.chain:
            yield "records", _records(self.chain)
        if self.static_oob is not None:
            yield "static_oob", static_of(self.static_oob)

    def _named(self, content: Flash, told: dict[str, Any]) -> Flash:
        """Return the flash with what was told, under the UUID that it has or gets."""
        from meshwright.randomness import SystemRandomness

        before, changed = content.uuid, replace(content, **told)
        if before is not None and changed.uuid != before:
            raise _contradiction(
                f"{self.state} is the flash of {before}; give another --state, or no --uuid."
            )
        if changed.uuid is not None:
            return changed
        drawn = UUID(bytes=SystemRandomness().stream("uuid")(16), version=4)
        return replace(changed, uuid=_certified(changed.records) if self.chain else drawn)

    def _check(self, content: Flash) -> None:
        """Refuse what cannot be a device."""
        from meshwright.roles.advertised import Advertised

        if content.records and content.private_key is None:
            raise _contradiction("--chain goes with --key: a certificate proves nothing alone.")
        values = (content.static_oob, self.output, self.input)
        if self.only_oob and ("cmac" in self.algorithms or not any(values)):
            raise _contradiction(
                "--only-oob goes with HMAC alone, and with --static-oob, --output or --input."
            )
        if content.uuid is not None:
            Advertised(content.uuid, uri=self.uri).uri_data()

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
        return ("hmac",) if self.only_oob else self.algorithms or ALGORITHMS


def _member(name: str) -> str:
    return name.upper().replace("-", "_")


def _contradiction(sentence: str) -> InputError:
    return InputError(sentence, code="contradictory-options")


def _private_key(path: Path) -> int:
    from meshwright.core.crypto import in_private_range
    from meshwright.services.given_keys import LONGEST, private_key_in

    with path.open("rb") as stream:
        scalar = private_key_in(stream.read(LONGEST + 1))
    if not in_private_range(scalar):
        raise InputError(
            "This private key is in the upper half of its range, where a device must not have it "
            "(Mesh Protocol 1.1, 5.4.3.1); make another.",
            code="bad-private-key",
        )
    return scalar


def _records(paths: tuple[Path, ...]) -> dict[int, bytes]:
    from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
    from meshwright.pki.certificate_file import read_certificates

    device, *above = [each for path in paths for each in read_certificates(path)]
    if len(above) > len(INTERMEDIATES):
        raise InputError(
            f"A device keeps {len(INTERMEDIATES)} certificates above its own; leave some out.",
            code="bad-chain",
        )
    return {RecordId.DEVICE_CERTIFICATE: device, **dict(zip(INTERMEDIATES, above, strict=False))}


def _certified(records: dict[int, bytes]) -> UUID:
    """Return the UUID that the certificate names."""
    from meshwright.core.errors import TrustError
    from meshwright.core.provisioning.fields import RecordId
    from meshwright.pki.certificate import Certificate
    from meshwright.pki.identity import parse_common_name
    from meshwright.pki.oids import COMMON_NAME

    try:
        names = Certificate.parse(records[RecordId.DEVICE_CERTIFICATE]).names(COMMON_NAME)
        return parse_common_name(names[0] if names else "").uuid
    except TrustError:
        raise InputError(
            "The first certificate of --chain names no device; put that of the device first, or "
            "give --uuid.",
            code="bad-chain",
        ) from None
