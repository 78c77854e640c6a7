"""Every way to authenticate, as both sides have to be told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.interop.independent.speech import INPUT, NO_OOB, OUTPUT, STATIC, Value
from tests.interop.independent.toolbox import CMAC_ALGORITHM, HMAC_ALGORITHM, Pair

from meshwright import (
    DeviceOptions,
    InputAction,
    KeyPair,
    Method,
    OobKind,
    OutputAction,
    StaticOob,
)
from meshwright.core.provisioning.fields import Algorithms

OOB_PAIR = Pair(0x529AA0670D72CD6497502ED473502B037E8803B5C60829A5A3CAA219505530BA)
STATICS: dict[str, tuple[OobKind, Value]] = {
    "binary": (OobKind.BINARY, bytes(range(1, 21))),
    "alphanumeric": (OobKind.ALPHANUMERIC, "123ABC"),
    "numeric": (OobKind.NUMERIC, 19655),
}
RECORDS = {
    0x0001: bytes(range(130)),
    0x0002: bytes(58),
    0x0011: b"lamp",
    0x0012: b"\x40\x05",
}


def capabilities(
    *,
    elements: int = 1,
    algorithms: int = 3,
    key: int = 0,
    oob: int = 0,
    output: tuple[int, int] = (0, 0),
    inputs: tuple[int, int] = (0, 0),
) -> bytes:
    """Return the parameters of Capabilities; `output` and `inputs` are size and action bits."""
    return b"".join(
        (
            bytes([elements]),
            algorithms.to_bytes(2, "big"),
            bytes([key, oob]),
            *(bytes([size]) + bits.to_bytes(2, "big") for size, bits in (output, inputs)),
        )
    )


@dataclass(frozen=True)
class Case:
    """One way through the protocol."""

    algorithm: int = HMAC_ALGORITHM
    oob_key: bool = False
    method: int = NO_OOB
    action: int = 0
    size: int = 0
    kind: str = ""
    """Of a static value."""

    @property
    def name(self) -> str:
        key = "OOB key" if self.oob_key else "in-band key"
        way = ("no OOB", f"static {self.kind}", f"output {self.action}", f"input {self.action}")
        return f"{('CMAC', 'HMAC')[self.algorithm]}, {key}, {way[self.method]}"

    @property
    def start(self) -> bytes:
        """The parameters of Start."""
        return bytes([self.algorithm, self.oob_key, self.method, self.action, self.size])

    @property
    def capabilities(self) -> bytes:
        """What a device has to offer for it; with CMAC nothing better."""
        bits = self.size, 1 << self.action
        return capabilities(
            elements=2,
            algorithms=1 << self.algorithm,
            key=int(self.oob_key),
            oob=int(self.method == STATIC),
            output=bits if self.method == OUTPUT else (0, 0),
            inputs=bits if self.method == INPUT else (0, 0),
        )

    @property
    def static(self) -> Value:
        """What both sides know, for a peer."""
        return STATICS[self.kind][1] if self.kind else b""

    @property
    def static_oob(self) -> StaticOob | None:
        """What both sides know, for ours."""
        return StaticOob(*STATICS[self.kind]) if self.kind else None

    @property
    def chosen(self) -> Method:
        """What our Provisioner is told to choose."""
        if self.static_oob is not None:
            return Method.static(self.static_oob)
        if self.method == OUTPUT:
            return Method.output(OutputAction(self.action), self.size)
        if self.method == INPUT:
            return Method.input(InputAction(self.action), self.size)
        return Method.no_oob()

    @property
    def options(self) -> DeviceOptions:
        """A device of ours that can do it, and all else too where that does not matter."""
        options = DeviceOptions(
            elements=2,
            algorithms=Algorithms(3 if self.algorithm == CMAC_ALGORITHM else 2),
            key_pair=KeyPair(OOB_PAIR.scalar) if self.oob_key else None,
            records=RECORDS,
            static_oob=self.static_oob,
        )
        if self.method == OUTPUT:
            actions = (OutputAction(self.action),)
            return replace(options, output_actions=actions, output_size=self.size)
        if self.method == INPUT:
            entries = (InputAction(self.action),)
            return replace(options, input_actions=entries, input_size=self.size)
        return options


_WAYS = [
    Case(),
    *(Case(method=STATIC, kind=kind) for kind in STATICS),
    *(Case(method=OUTPUT, action=action, size=1 + action) for action in range(5)),
    *(Case(method=INPUT, action=action, size=2 + 2 * action) for action in range(4)),
]
CASES = [
    replace(way, algorithm=algorithm, oob_key=oob_key)
    for algorithm in (HMAC_ALGORITHM, CMAC_ALGORITHM)
    for oob_key in (False, True)
    for way in _WAYS
]
