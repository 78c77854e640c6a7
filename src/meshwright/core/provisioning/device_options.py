"""What a device is able to do: its Capabilities, and which Start fits them (5.4.1.2, 5.4.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshwright.core.crypto import KeyPair
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    InputAction,
    OobType,
    OutputAction,
    PublicKeyOffer,
    PublicKeyType,
)
from meshwright.core.provisioning.pdu import Capabilities, Start
from meshwright.core.provisioning.records import SMALL_FRAGMENT
from meshwright.core.provisioning.values import StaticOob

_ALGORITHMS = frozenset(Algorithm)


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """What a device is able to do.

    `key_pair` is the one its certificate names; it is offered as OOB public key. `records` by
    Record ID; with none of them the device does not know record PDUs. Output and Input OOB are
    offered with their actions and the largest size; `only_oob` accepts no session without OOB, and
    none with CMAC.
    """

    elements: int = 1
    algorithms: Algorithms = Algorithms.CMAC | Algorithms.HMAC
    key_pair: KeyPair | None = None
    records: Mapping[int, bytes] = field(default_factory=dict)
    fragment_limit: int = SMALL_FRAGMENT
    static_oob: StaticOob | None = None
    output_actions: tuple[OutputAction, ...] = ()
    output_size: int = 0
    input_actions: tuple[InputAction, ...] = ()
    input_size: int = 0
    only_oob: bool = False

    @property
    def offered_algorithms(self) -> int:
        """Which algorithms a Provisioner may choose; `only_oob` rules out CMAC (5.4.1.2)."""
        legacy = Algorithms.CMAC if self.only_oob else 0
        return int(self.algorithms) & ~int(legacy)

    def capabilities(self) -> Capabilities:
        """Return the Capabilities PDU that says so."""
        static = OobType.STATIC_AVAILABLE if self.static_oob else 0
        only = OobType.ONLY_OOB if self.only_oob else 0
        return Capabilities(
            self.elements,
            self.offered_algorithms,
            PublicKeyOffer.OOB_AVAILABLE if self.key_pair else 0,
            int(static) | int(only),
            self.output_size,
            _bits(self.output_actions),
            self.input_size,
            _bits(self.input_actions),
        )

    def accepts(self, start: Start) -> bool:
        """Tell whether Start asks only for what is offered (5.4.2.3)."""
        offered = start.algorithm in _ALGORITHMS and self.offered_algorithms >> start.algorithm & 1
        in_band = start.public_key == PublicKeyType.IN_BAND
        oob = start.public_key == PublicKeyType.OOB and self.key_pair is not None
        return bool(offered) and (in_band or oob) and self._offers_method(start)

    def _offers_method(self, start: Start) -> bool:
        if start.method == AuthenticationMethod.OUTPUT:
            return start.action in self.output_actions and 0 < start.size <= self.output_size
        if start.method == AuthenticationMethod.INPUT:
            return start.action in self.input_actions and 0 < start.size <= self.input_size
        if start.action or start.size:
            return False
        if start.method == AuthenticationMethod.STATIC:
            return self.static_oob is not None
        return start.method == AuthenticationMethod.NO_OOB and not self.only_oob


def _bits(actions: tuple[OutputAction | InputAction, ...]) -> int:
    return sum(1 << action for action in set(actions))
