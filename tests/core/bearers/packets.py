"""Packets of one PB-ADV link, as a peer would send them."""

from __future__ import annotations

from collections.abc import Callable

from tests.core.wire import Alone

from meshwright.core.bearers import generic
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.bearers.timing import LinkTiming
from meshwright.core.effects import Effect, PduReceived

UUID = bytes(range(0x10, 0x20))
LINK = bytes.fromhex("11223344")
OTHER_LINK = bytes.fromhex("11223345")


def soonest() -> float:
    return 0.0


def latest() -> float:
    return 1.0


def control(pdu: bytes, link: bytes = LINK) -> bytes:
    return link + b"\0" + pdu


def link_open(link: bytes = LINK, uuid: bytes = UUID) -> bytes:
    return control(generic.link_open(uuid), link)


def link_close(reason: int, link: bytes = LINK) -> bytes:
    return control(generic.link_close(reason), link)


LINK_ACK = control(generic.LINK_ACK)


def ack(number: int, link: bytes = LINK) -> bytes:
    return link + bytes([number]) + generic.ACK


def transaction(number: int, pdu: bytes, link: bytes = LINK) -> list[bytes]:
    return [link + bytes([number]) + segment for segment in generic.segment(pdu)]


def open_provisioner(
    uniform: Callable[[], float] = soonest,
    *,
    refused: frozenset[bytes] = frozenset(),
    sender: bytes | None = None,
) -> Alone:
    """Return a Provisioner's link that has just been opened, and forget how."""
    link = ProvisionerLink(UUID, LINK, uniform, refused=refused, timing=LinkTiming())
    alone = Alone(link)
    alone.act(link.open(0.0))
    alone.run(0.1)
    alone.hear(LINK_ACK, sender=sender)
    alone.sent.clear()
    return alone


def open_device(uniform: Callable[[], float] = soonest, *, sender: bytes | None = None) -> Alone:
    """Return a device's link that has been opened and acknowledged, and forget how."""
    alone = Alone(DeviceLink(UUID, uniform))
    alone.hear(link_open(), sender=sender)
    alone.run(0.1)
    alone.sent.clear()
    return alone


def link_of(alone: Alone) -> ProvisionerLink | DeviceLink:
    assert isinstance(alone.machine, ProvisionerLink | DeviceLink)
    return alone.machine


def send(alone: Alone, *pdus: bytes) -> None:
    """Hand PDUs to the link."""
    for pdu in pdus:
        alone.act(link_of(alone).send(pdu, alone.now))


def received(told: list[Effect]) -> list[bytes]:
    return [event.pdu for event in told if isinstance(event, PduReceived)]
