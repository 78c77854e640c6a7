"""What a demo tells of every physical device: those on the list, the stranger and the rogue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from uuid import UUID

from meshwright.services.report import AssetResult, CommissioningReport, ResultKind
from meshwright.services.sightings import Refusal
from meshwright.sim.device import VirtualDevice


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one physical device."""

    uuid: str
    name: str
    authorized: bool
    outcome: str
    code: str | None = None
    reason: str | None = None
    address: int | None = None
    seconds_on_air: float | None = None
    retransmissions: int = 0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What `--json` prints."""

    seed: int
    home: str
    unaccounted: int
    simulated_seconds: float
    devices: list[Row] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Tell whether every authorized device is a node and nobody else is."""
        return all(row.authorized == (row.outcome == ResultKind.NODE) for row in self.devices)

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def row_of(device: VirtualDevice, report: CommissioningReport, authorized: Collection[Path]) -> Row:
    """Tell what became of one physical device; `authorized` is the flash of those on the list.

    Only a demo can: it alone knows which device sends from which address.
    """
    content = device.flash.content
    name, uuid = device.flash.path.stem, content.uuid
    base = Row(str(uuid), name, device.flash.path in authorized, ResultKind.UNACCOUNTED.value)
    refusal = _refusal_of(report, content.address)
    if base.authorized:
        return _authorized_row(base, _result_of(report, uuid), refusal)
    if device.is_node:
        return replace(base, outcome=ResultKind.NODE.value)
    return _intruder_row(base, content.address, refusal, report)


def _authorized_row(base: Row, result: AssetResult, refusal: Refusal | None) -> Row:
    if result.kind is ResultKind.NODE:
        return replace(
            base,
            outcome=result.kind.value,
            address=result.address,
            seconds_on_air=_rounded(result.seconds_on_air),
            retransmissions=result.retransmissions,
        )
    if refusal is not None:
        return _refused(base, refusal)
    if result.kind is ResultKind.UNACCOUNTED:
        return replace(base, code=result.code, reason=result.reason)
    return replace(base, code="not-heard", reason="Only somebody else was heard under its UUID.")


def _intruder_row(
    base: Row, address: bytes, refusal: Refusal | None, report: CommissioningReport
) -> Row:
    if refusal is not None:
        return _refused(base, refusal)
    if any(stranger.sender == address for stranger in report.strangers):
        reason = "The device is not on the list of this network."
        refused = replace(base, code="not-on-list", reason=reason, seconds_on_air=0.0)
        return replace(refused, outcome=ResultKind.REFUSED.value)
    return replace(base, code="not-heard", reason="The device was not heard.")


def _refused(base: Row, refusal: Refusal) -> Row:
    return replace(
        base,
        outcome=ResultKind.REFUSED.value,
        code=refusal.code,
        reason=refusal.reason,
        seconds_on_air=_rounded(refusal.seconds_on_air),
        retransmissions=refusal.retransmissions,
    )


def _result_of(report: CommissioningReport, uuid: UUID | None) -> AssetResult:
    return next(result for result in report.assets if result.asset.uuid == uuid)


def _refusal_of(report: CommissioningReport, address: bytes) -> Refusal | None:
    return next((each for each in report.refusals if each.sender == address), None)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
