"""Valid sessions with mutations: the fuzzer changes real PDUs and packets, so deep states count."""

from __future__ import annotations

from collections.abc import Callable

from tests.core.provisioning.site import Site
from tests.core.wire import End

from fuzz.invariant import must
from fuzz.octets import Decisions
from fuzz.scenarios import SCENARIOS
from fuzz.talk import Talk

_PDUS = 32
"""PDUs that can be changed; the longest session has 18."""


class Changes:
    """What becomes of each PDU: nothing, or what the octets say of its number."""

    def __init__(self, decisions: Decisions) -> None:
        self._by_number: dict[int, list[Change]] = {}
        self._octets = decisions
        self._seen: list[bytes] = []
        for _ in range(8):
            if decisions.left:
                number = decisions.octet() % _PDUS
                make = _CHANGES[decisions.octet() % len(_CHANGES)]
                self._by_number.setdefault(number, []).append(make(decisions))

    def fate(self, pdu: bytes) -> list[bytes]:
        """Return what arrives instead of `pdu`."""
        arriving = [pdu]
        for change in self._by_number.get(len(self._seen), ()):
            arriving = change(arriving, self._seen)
        self._seen.append(pdu)
        return arriving


Change = Callable[[list[bytes], list[bytes]], list[bytes]]
"""Takes what would arrive and all that was sent before."""


def _flip(decisions: Decisions) -> Change:
    at, bits = decisions.octet(), decisions.octet() or 1

    def change(arriving: list[bytes], _seen: list[bytes]) -> list[bytes]:
        return [
            pdu[: at % len(pdu)] + bytes([pdu[at % len(pdu)] ^ bits]) + pdu[at % len(pdu) + 1 :]
            for pdu in arriving
            if pdu
        ]

    return change


def _cut(decisions: Decisions) -> Change:
    size = decisions.octet()
    return lambda arriving, _seen: [pdu[:size] for pdu in arriving]


def _longer(decisions: Decisions) -> Change:
    more = decisions.sized()
    return lambda arriving, _seen: [pdu + more for pdu in arriving]


def _lose(_decisions: Decisions) -> Change:
    return lambda _arriving, _seen: []


def _twice(_decisions: Decisions) -> Change:
    return lambda arriving, _seen: arriving * 2


def _replace(decisions: Decisions) -> Change:
    other = decisions.sized()
    return lambda _arriving, _seen: [other]


def _insert(decisions: Decisions) -> Change:
    other = decisions.sized()
    return lambda arriving, _seen: [other, *arriving]


def _replay(decisions: Decisions) -> Change:
    number = decisions.octet()
    return lambda arriving, seen: [*arriving, *seen[number % (len(seen) or 1) :][:1]]


def _reflect(decisions: Decisions) -> Change:
    number = decisions.octet()
    return lambda arriving, seen: seen[number % (len(seen) or 1) :][:1] or arriving


_CHANGES = (_flip, _cut, _longer, _lose, _twice, _replace, _insert, _replay, _reflect)


def session(data: bytes) -> Talk:
    """Run a whole session whose PDUs are changed on the way."""
    decisions = Decisions(data)
    scenario = decisions.one_of(SCENARIOS)
    wrong = decisions.octet()
    typed = "12A4" if wrong == 1 else None
    talk = Talk(scenario, Changes(decisions).fate, lambda value: typed or value)
    talk.run()
    talk.check()
    return talk


def air(data: bytes) -> None:
    """Run a whole session on links; one octet decides the fate of each packet."""
    decisions = Decisions(data)
    site = Site(decisions.octet(), lambda _packet: _fate_of(decisions))
    deliver = site.wire.deliver

    def damaging(end: End, payload: bytes, sender: bytes | None) -> None:
        octet = decisions.octet()
        if octet >= 0xC0:
            at = octet % len(payload)
            payload = payload[:at] + bytes([payload[at] ^ (1 << octet % 8)]) + payload[at + 1 :]
        deliver(end, payload, sender)

    site.wire.deliver = damaging  # type: ignore[method-assign]
    site.start().run(1_200.0)
    _check_ended(site)


def _fate_of(decisions: Decisions) -> tuple[float, ...]:
    octet = decisions.octet()
    if octet < 0x80:
        return (0.0,)
    if octet < 0xA0:
        return ()
    late = (octet & 0x0F) / 8
    return (late,) if octet < 0xD0 else (0.0, late)


def _check_ended(site: Site) -> None:
    try:
        site.check_ended()
    except AssertionError as error:
        must(False, f"the two do not agree: {error}")
