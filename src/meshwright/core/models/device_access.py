"""Proving a device key: one unsegmented question and its answer, both sides.

A node that took its Provisioning Data just before we lost it no longer beacons. Whoever answers a
Config Default TTL Get under the right device key is that node. The caller puts network PDUs into
advertisements of type Mesh Message and takes them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from meshwright.core.errors import PeerError
from meshwright.core.models.configuration import (
    ConfigurationMessage,
    DefaultTtlGet,
    DefaultTtlStatus,
    decode_message,
    encode_message,
)
from meshwright.core.models.configuration_server import ConfigurationServer
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.network.lower_transport import AccessPdu
from meshwright.core.network.network_pdu import NetworkPdu
from meshwright.core.network.replay import ReplayList
from meshwright.core.network.upper_transport import Route, open_device, seal_device

NextSequence = Callable[[], int]
"""Returns a sequence number that was never used before; durable before it is returned."""


@dataclass(frozen=True, slots=True)
class DeviceChannel:
    """Configuration messages under one device key, each in one network PDU."""

    keys: NetworkKeys
    iv: IvIndex
    device_key: bytes = field(repr=False)

    def seal(
        self, message: ConfigurationMessage, *, src: int, dst: int, seq: int, ttl: int
    ) -> bytes:
        """Return the network PDU that carries `message`."""
        route = Route(src, dst, seq, self.iv.transmit)
        upper = seal_device(self.device_key, route, encode_message(message))
        lower = AccessPdu(None, upper).encode()
        return NetworkPdu(False, ttl, seq, src, dst, self.iv.transmit, lower).seal(
            self.keys.flooding
        )

    def open_network(self, octets: bytes) -> NetworkPdu:
        """Return the network PDU in `octets`; raises `PeerError` when it is not of this network."""
        return NetworkPdu.open(octets, self.keys.flooding, self.iv)

    def open_message(self, pdu: NetworkPdu) -> ConfigurationMessage | None:
        """Return the message, None under another kind of key; raises `PeerError` if not genuine."""
        lower = None if pdu.control else AccessPdu.decode(pdu.transport)
        if lower is None or lower.aid is not None or lower.segment is not None:
            return None
        route = Route(pdu.src, pdu.dst, pdu.seq, pdu.iv_index)
        return decode_message(open_device(self.device_key, route, lower.upper))


class Inquiry:
    """Asks the node at an address to prove its device key.

    An answer is not bound to its question: `replay` has to remember what the node said before,
    across restarts too, or a recorded answer would pass for a new one.
    """

    __slots__ = ("_channel", "_next_sequence", "_node", "_own", "_replay", "_ttl")

    def __init__(
        self,
        channel: DeviceChannel,
        *,
        own_address: int,
        node_address: int,
        next_sequence: NextSequence,
        replay: ReplayList,
        ttl: int = 7,
    ) -> None:
        self._channel = channel
        self._own = own_address
        self._node = node_address
        self._next_sequence = next_sequence
        self._replay = replay
        self._ttl = ttl

    def question(self) -> bytes:
        """Return a network PDU to send; ask again with a new one, never with the same."""
        seq = self._next_sequence()
        return self._channel.seal(
            DefaultTtlGet(), src=self._own, dst=self._node, seq=seq, ttl=self._ttl
        )

    def receive(self, network_pdu: bytes, now: float) -> DefaultTtlStatus | None:
        """Return the node's answer; None for everything else that is on the air."""
        del now  # nothing waits here; every machine takes the time
        try:
            return self._answer(network_pdu)
        except PeerError:
            return None

    def _answer(self, network_pdu: bytes) -> DefaultTtlStatus | None:
        pdu = self._channel.open_network(network_pdu)
        if (pdu.src, pdu.dst) != (self._node, self._own):
            return None
        message = self._channel.open_message(pdu)
        if not isinstance(message, DefaultTtlStatus):
            return None
        self._replay.admit(pdu.src, pdu.iv_index, pdu.seq)
        return message


class NodeAccess:
    """The node's side: answers configuration messages under its device key."""

    __slots__ = ("_addresses", "_channel", "_next_sequence", "_replay", "_server")

    def __init__(
        self,
        channel: DeviceChannel,
        *,
        addresses: range,
        next_sequence: NextSequence,
        replay: ReplayList | None = None,
        server: ConfigurationServer | None = None,
    ) -> None:
        self._channel = channel
        self._addresses = addresses
        self._next_sequence = next_sequence
        self._replay = replay or ReplayList()
        self._server = server or ConfigurationServer()

    def receive(self, network_pdu: bytes, now: float) -> list[bytes]:
        """Return the network PDUs to send; none for what is not for this node."""
        del now  # nothing waits here; every machine takes the time
        try:
            return self._answers(network_pdu)
        except PeerError:
            return []

    def _answers(self, network_pdu: bytes) -> list[bytes]:
        pdu = self._channel.open_network(network_pdu)
        primary = self._addresses.start
        if pdu.dst != primary or pdu.src in self._addresses:
            return []
        message = self._channel.open_message(pdu)
        if message is None:
            return []
        self._replay.admit(pdu.src, pdu.iv_index, pdu.seq)
        answer = self._server.receive(message)
        if answer is None:
            return []
        # A question that was not to be relayed has an answer that is not to be relayed.
        ttl = self._server.default_ttl if pdu.ttl else 0
        seq = self._next_sequence()
        return [self._channel.seal(answer, src=primary, dst=pdu.src, seq=seq, ttl=ttl)]
