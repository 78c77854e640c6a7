"""The other device: the order of 9.1 in one coroutine, written from the text alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.interop.independent import record_book
from tests.interop.independent.antenna import BEACON, Antenna
from tests.interop.independent.framing import Kind
from tests.interop.independent.link import Link, LinkClosedError, Manners, opened_link
from tests.interop.independent.speech import (
    INPUT,
    OUTPUT,
    STATIC,
    ComplaintError,
    FailedError,
    Line,
    Person,
    Value,
    auth_value,
    carried_value,
    draw,
    hear,
    take,
)
from tests.interop.independent.toolbox import Agreement, Dice, Pair, SessionKeys, width


@dataclass(frozen=True)
class Ability:
    """What a device can do: `capabilities` as they are on the wire."""

    capabilities: bytes
    oob_pair: Pair | None = None
    static: Value = b""
    records: Mapping[int, bytes] = field(default_factory=dict)
    extensions: int = 0
    fragment_limit: int = 57
    oob_information: int = 0
    checks: bool = True
    """Goes on only with a Provisioner that has proved itself."""


Spoil = Callable[["PeerDevice", bytes], list[bytes]]
"""What is sent instead of a PDU."""


class PeerDevice:
    """One device and one session of it; `run` or `serve` it."""

    antenna: Antenna
    """What `run` needs, and so are `uuid` and `manners`."""
    uuid: bytes
    manners: Manners

    def __init__(self, ability: Ability, dice: Dice) -> None:
        self.ability, self.dice = ability, dice
        self.person: Person | None = None
        self.spoils: dict[Kind, Spoil] = {}
        self.pair = ability.oob_pair or Pair.drawn(dice)
        self.link: Link
        self.line: Line
        self.start = b""
        self.attention = 0
        self.provisioner_public = b""
        self.provisioner_confirmation = b""
        self.provisioner_random = b""
        self.agreement: Agreement
        self.keys: SessionKeys
        self.data = b""
        self.failed: int | None = None
        """Error Code of a Failed that the Provisioner has sent."""

    async def run(self) -> int:
        """Be provisioned over PB-ADV; return the reason with which the link was closed."""
        beacons = asyncio.ensure_future(self._beacon())
        try:
            self.link = await opened_link(self.antenna, self.uuid, self.manners, self.dice)
        finally:
            beacons.cancel()
        try:
            return await self.serve(self.link)
        finally:
            self.link.leave()

    async def serve(self, line: Line) -> int:
        """Be provisioned over an open link; return the reason with which it was closed."""
        self.line = line
        try:
            await self._session()
            return await line.closed()
        except LinkClosedError as error:
            return error.reason
        except FailedError as error:
            self.failed = error.code
            return await line.closed()

    async def _beacon(self) -> None:
        oob = self.ability.oob_information.to_bytes(2, "big")
        while True:
            await self.antenna.send(BEACON, b"\0" + self.uuid + oob)
            await asyncio.sleep(0.5)

    async def _say(self, kind: Kind, parameters: bytes = b"") -> None:
        pdu = bytes([kind]) + parameters
        spoil = self.spoils.get(kind)
        for each in [pdu] if spoil is None else spoil(self, pdu):
            await self.line.send(each)

    async def _session(self) -> None:
        self.attention = (await self._until_invited())[0]
        await self._say(Kind.CAPABILITIES, self.ability.capabilities)
        self.start = await hear(self.line, Kind.START, 5)
        auth = await self._exchange()
        await self._agree(auth)
        await self._prove()
        sealed = await hear(self.line, Kind.DATA, 33)
        self.data = self.keys.unseal(sealed)
        await self._say(Kind.COMPLETE)

    async def _until_invited(self) -> bytes:
        ability = self.ability
        while True:
            pdu = await self.line.receive()
            if pdu[0] == Kind.RECORDS_GET:
                take(pdu, Kind.RECORDS_GET, 0)
                said = record_book.listing(ability.records, ability.extensions)
                await self._say(Kind.RECORDS_LIST, said[1:])
            elif pdu[0] == Kind.RECORD_REQUEST:
                take(pdu, Kind.RECORD_REQUEST, 6)
                said = record_book.answer(pdu, ability.records, ability.fragment_limit)
                await self._say(Kind.RECORD_RESPONSE, said[1:])
            else:
                return take(pdu, Kind.INVITE, 1)

    async def _exchange(self) -> bytes:
        """Exchange keys and the value; return the AuthValue."""
        self.provisioner_public = await hear(self.line, Kind.PUBLIC_KEY, 64)
        secret = self.pair.secret(self.provisioner_public)
        in_band, method = not self.start[1], self.start[2]
        if in_band:
            await self._say(Kind.PUBLIC_KEY, self.pair.public)
        auth = await self._auth(method)
        if method == INPUT:
            await self._say(Kind.INPUT_COMPLETE)
        inputs = bytes([self.attention]) + self.ability.capabilities + self.start
        inputs += self.provisioner_public + self.pair.public
        self.agreement = Agreement(self.start[0], inputs, secret, auth)
        return auth

    async def _auth(self, method: int) -> bytes:
        algorithm = self.start[0]
        if method == STATIC:
            return auth_value(self.ability.static, algorithm)
        if method == OUTPUT:
            assert self.person is not None
            value = draw(self.start, self.dice)
            await self.person.show(value)
            return carried_value(value, self.start)
        if method == INPUT:
            assert self.person is not None
            return carried_value(await self.person.read(), self.start)
        return bytes(width(algorithm))

    async def _agree(self, auth: bytes) -> None:
        self.random = self.dice.octets(len(auth))
        self.provisioner_confirmation = await hear(self.line, Kind.CONFIRMATION, len(auth))
        await self._say(Kind.CONFIRMATION, self.agreement.confirmation(self.random))

    async def _prove(self) -> None:
        self.provisioner_random = await hear(self.line, Kind.RANDOM, len(self.random))
        told = self.agreement.confirmation(self.provisioner_random)
        if self.ability.checks and told != self.provisioner_confirmation:
            raise ComplaintError("the Provisioner's Confirmation does not fit its Random")
        self.keys = self.agreement.keys(self.provisioner_random, self.random)
        await self._say(Kind.RANDOM, self.random)
