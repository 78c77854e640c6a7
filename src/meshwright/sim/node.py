"""What a virtual device does as a node: it answers configuration messages under its DevKey."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from meshwright.core.discovery.ad import AdType
from meshwright.core.effects import Priority
from meshwright.core.models.device_access import DeviceChannel, NodeAccess
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.radio.port import Report
from meshwright.radio.runner import Runner
from meshwright.randomness import Uniform
from meshwright.sim.flash import FlashFile, Membership

_ANSWER_FASTEST, _ANSWER_SLOWEST = 0.020, 0.050
_SEQUENCES_AHEAD = 64


class VirtualNode:
    """Serves the membership that is in `flash`, for as long as its runner has a radio."""

    def __init__(self, flash: FlashFile, runner: Runner, uniform: Uniform, elements: int) -> None:
        self._flash = flash
        self._runner = runner
        self._uniform = uniform
        data, device_key = self._membership.data, self._membership.device_key
        channel = DeviceChannel(
            NetworkKeys.derive(data.net_key), IvIndex.told(data.iv_index, data.flags), device_key
        )
        addresses = range(data.address, data.address + elements)
        self._access = NodeAccess(channel, addresses=addresses, next_sequence=self._next_sequence)
        self._sequence = self._leased = self._membership.next_sequence
        runner.subscribe(AdType.MESH_MESSAGE, self._on_message)

    @property
    def _membership(self) -> Membership:
        membership = self._flash.content.membership
        assert membership is not None  # noqa: S101 - only a node is served
        return membership

    def _next_sequence(self) -> int:
        """Take a number; those that are used are below what is in flash."""
        if self._sequence == self._leased:
            self._leased += _SEQUENCES_AHEAD
            ahead = replace(self._membership, next_sequence=self._leased)
            self._flash.store(replace(self._flash.content, membership=ahead))
        self._sequence += 1
        return self._sequence - 1

    def _on_message(self, network_pdu: bytes, _report: Report, now: float) -> None:
        for answer in self._access.receive(network_pdu, now):
            wait = _ANSWER_FASTEST + (_ANSWER_SLOWEST - _ANSWER_FASTEST) * self._uniform()
            self._runner.timebase.call_at(now + wait, partial(self._answer, answer))

    def _answer(self, network_pdu: bytes) -> None:
        self._runner.send(AdType.MESH_MESSAGE, network_pdu, Priority.SEGMENT)
