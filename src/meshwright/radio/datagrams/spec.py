"""What a datagram radio is opened by: `unix:LOCAL,REMOTE` or `udp:HOST:PORT,HOST:PORT`.

Several remotes, separated by commas, share one air. Behind a question mark stand options, joined by
`&`: `length=no` for peers that leave out the length octet of a structure, and `pacing=MS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from meshwright.core.discovery.ad import LEGACY_SIZE, structure, structures
from meshwright.core.errors import InputError
from meshwright.radio.port import HOST_10, Pacing

FORMS = {
    "unix": "unix:LOCAL,REMOTE[,REMOTE...]",
    "udp": "udp:HOST:PORT,HOST:PORT[,HOST:PORT...]",
}
_OPTIONS = "[?length=no][&pacing=MILLISECONDS]"
_SLOWEST = 10_000.0


@dataclass(frozen=True, slots=True)
class Framing:
    """How structures stand in datagrams, one in each; `left_out` octets of its front do not."""

    left_out: int = 0

    def datagrams(self, payload: bytes) -> list[bytes]:
        """Return one datagram for each structure of `payload`."""
        return [structure(kind, data)[self.left_out :] for kind, data in structures(payload)]

    def payload(self, datagram: bytes) -> bytes | None:
        """Return the structures of a datagram, length octets included; None unless it is whole.

        A peer that puts several structures into one datagram is understood.
        """
        if not 0 < len(datagram) <= LEGACY_SIZE - self.left_out:
            return None
        whole = bytes([len(datagram)]) * self.left_out + datagram
        complete = sum(2 + len(data) for _, data in structures(whole))
        return whole if complete == len(whole) else None


@dataclass(frozen=True, slots=True)
class DatagramSpec:
    """Where a radio listens, to whom it sends, and how."""

    scheme: str
    local: str
    remotes: tuple[str, ...]
    framing: Framing = Framing()
    pacing: Pacing = HOST_10


def parse(spec: str) -> DatagramSpec:
    """Read `spec`; raises `InputError` (`bad-radio`)."""
    scheme, _, rest = spec.partition(":")
    places, _, options = rest.partition("?")
    local, *remotes = (place.strip() for place in places.split(","))
    if scheme not in FORMS or not (remotes and all((local, *remotes))) or "\0" in places:
        _refuse(spec, scheme)
    if local in remotes or len(set(remotes)) < len(remotes):
        raise InputError(
            f"A radio cannot have one address twice, as in {spec}; give each program its own.",
            code="bad-radio",
        )
    chosen: dict[str, str] = {}
    for option in filter(None, options.split("&")):
        name, _, value = option.partition("=")
        if name not in ("length", "pacing") or name in chosen:
            _refuse(spec, scheme)
        chosen[name] = value
    return DatagramSpec(
        scheme,
        local,
        tuple(remotes),
        _framing(chosen.get("length", "yes")),
        _pacing(chosen.get("pacing")),
    )


def host_and_port(place: str) -> tuple[str, int]:
    """Read `HOST:PORT`, an IPv6 address in brackets; raises `InputError` (`bad-radio`)."""
    host, _, digits = place.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0
    if not host or (":" in host) != bracketed or not 0 < port < 65536:
        raise InputError(
            f"{place} is no UDP address; write HOST:PORT, and an IPv6 address in brackets.",
            code="bad-radio",
        )
    return host.strip("[]"), port


def _framing(text: str) -> Framing:
    if text not in ("yes", "no"):
        raise InputError(f"length is yes or no, and not {text}.", code="bad-radio")
    return Framing(left_out=int(text == "no"))


def _pacing(text: str | None) -> Pacing:
    if text is None:
        return HOST_10
    milliseconds = _number(text)
    if not 0 <= milliseconds <= _SLOWEST:  # NaN is refused, too
        raise InputError(
            f"pacing is 0 to {_SLOWEST:.0f} milliseconds, and not {text}.", code="bad-radio"
        )
    return Pacing(milliseconds / 1000)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _refuse(spec: str, scheme: str) -> NoReturn:
    form = FORMS.get(scheme, " or ".join(FORMS.values()))
    raise InputError(
        f"{spec} describes no datagram radio; write {form}{_OPTIONS}.", code="bad-radio"
    )
