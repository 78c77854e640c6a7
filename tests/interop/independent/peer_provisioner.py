"""The other Provisioner: one coroutine for each step of 9.1, written from the text alone."""

from __future__ import annotations

from dataclasses import dataclass

from tests.interop.independent.framing import Kind
from tests.interop.independent.speech import (
    INPUT,
    OUTPUT,
    STATIC,
    ComplaintError,
    Line,
    Person,
    Value,
    auth_value,
    carried_value,
    draw,
    hear,
)
from tests.interop.independent.toolbox import Agreement, Dice, Pair, SessionKeys, width


@dataclass(frozen=True)
class Wish:
    """What is to be done with a device; `start` and `data` as they are on the wire."""

    start: bytes
    data: bytes
    device_public: bytes = b""
    """Known from elsewhere; it is used when `start` says so."""
    static: Value = b""
    attention: int = 0

    @property
    def method(self) -> int:
        return self.start[2]


class PeerProvisioner:
    """One session over an open link."""

    def __init__(self, link: Line, wish: Wish, dice: Dice, person: Person | None = None) -> None:
        self.link, self.wish, self.dice, self.person = link, wish, dice, person
        self.pair = Pair.drawn(dice)
        self.random = dice.octets(width(wish.start[0]))
        self.capabilities = b""
        self.device_public = wish.device_public
        self.auth = bytes(width(wish.start[0]))
        self.confirmation = b""
        self.device_confirmation = b""
        self.keys: SessionKeys | None = None

    async def provision(self) -> bytes:
        """Go through all steps; return the DevKey."""
        await self.until("end")
        assert self.keys is not None
        return self.keys.device_key

    async def until(self, last: str) -> None:
        """Go through the steps before `last`."""
        for name, step in STEPS.items():
            if name == last:
                return
            await step(self)
        assert last == "end", last

    async def say(self, kind: Kind, parameters: bytes) -> None:
        """Send one PDU."""
        await self.link.send(bytes([kind]) + parameters)

    @property
    def agreement(self) -> Agreement:
        """What both ends have computed from."""
        wish = self.wish
        inputs = bytes([wish.attention]) + self.capabilities + wish.start
        inputs += self.pair.public + self.device_public
        secret = self.pair.secret(self.device_public)
        return Agreement(wish.start[0], inputs, secret, self.auth)

    async def _invite(self) -> None:
        await self.say(Kind.INVITE, bytes([self.wish.attention]))
        self.capabilities = await hear(self.link, Kind.CAPABILITIES, 11)

    async def _start(self) -> None:
        await self.say(Kind.START, self.wish.start)

    async def _exchange(self) -> None:
        await self.say(Kind.PUBLIC_KEY, self.pair.public)
        if not self.wish.start[1]:
            self.device_public = await hear(self.link, Kind.PUBLIC_KEY, 64)

    async def _authenticate(self) -> None:
        if self.wish.method == STATIC:
            self.auth = auth_value(self.wish.static, self.wish.start[0])
        elif self.wish.method == OUTPUT:
            assert self.person is not None
            self.auth = carried_value(await self.person.read(), self.wish.start)
        elif self.wish.method == INPUT:
            assert self.person is not None
            value = draw(self.wish.start, self.dice)
            self.auth = carried_value(value, self.wish.start)
            await self.person.show(value)
            await hear(self.link, Kind.INPUT_COMPLETE, 0)

    async def _commit(self) -> None:
        self.confirmation = self.agreement.confirmation(self.random)
        await self.say(Kind.CONFIRMATION, self.confirmation)
        self.device_confirmation = await hear(self.link, Kind.CONFIRMATION, len(self.confirmation))

    async def _prove(self) -> None:
        await self.say(Kind.RANDOM, self.random)
        shown = await hear(self.link, Kind.RANDOM, len(self.random))
        if self.agreement.confirmation(shown) != self.device_confirmation:
            raise ComplaintError("the device's Confirmation does not fit its Random")
        self.keys = self.agreement.keys(self.random, shown)

    async def _hand_over(self) -> None:
        assert self.keys is not None
        await self.say(Kind.DATA, self.keys.seal(self.wish.data))
        await hear(self.link, Kind.COMPLETE, 0)


STEPS = {
    "invite": PeerProvisioner._invite,
    "start": PeerProvisioner._start,
    "exchange": PeerProvisioner._exchange,
    "authenticate": PeerProvisioner._authenticate,
    "commit": PeerProvisioner._commit,
    "prove": PeerProvisioner._prove,
    "hand over": PeerProvisioner._hand_over,
}
