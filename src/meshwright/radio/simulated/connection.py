"""Connections in virtual time: two ends, and connection events in which values change sides.

An event happens every interval when there is something to do, and now and then to see whether the
other side is still there. In one event each side sends some of the values that waited when it
began, in order, up to the first that is lost; the rest waits for the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import IntEnum, auto
from typing import Protocol

from meshwright.radio.errors import RadioBusyError
from meshwright.radio.gatt import SMALLEST_MTU, GattListener, MeshService, check_value
from meshwright.radio.simulated.medium import Medium, Side

CLOSED_HERE = "disconnected by this side"
CLOSED_THERE = "disconnected by the other side"
LOST = "the other side is no longer heard"
NO_SERVICE = "the other side does not have the service"
NOT_FOUND = "nobody answered"


class Server(Side, Protocol):
    """The side that was connected to."""

    def admit(self, end: SimulatedConnection) -> bool:
        """Offer a connection to whoever serves its service; return whether somebody does."""
        ...

    def freed(self) -> None:
        """Learn that the connection is over."""
        ...


class _State(IntEnum):
    MAKING = auto()
    SWITCHING = auto()
    OPEN = auto()
    LEAVING = auto()
    CLOSED = auto()


class SimulatedConnection:
    """One end of a connection."""

    def __init__(
        self, medium: Medium, side: Side, service: MeshService, listener: GattListener | None
    ) -> None:
        self.side = side
        self.service = service
        self.mtu = SMALLEST_MTU
        self.link: ConnectionLink | None = None
        self.waiting: deque[tuple[MeshService, bytes]] = deque()
        self._medium = medium
        self._listener = listener
        self._state = _State.MAKING

    @property
    def ready(self) -> bool:
        room = self._medium.parameters.values_per_event
        return self._state is _State.OPEN and len(self.waiting) < room

    def send(self, value: bytes) -> None:
        check_value(value, self.mtu)
        if not self.ready or self.link is None:
            raise RadioBusyError("The connection takes no value now; wait until it is ready.")
        self.waiting.append((self.service, value))
        self.link.wake()

    def disconnect(self) -> None:
        if self._state in _ENDED:
            return
        if self.link is None:
            self._medium.give_up(self)
            self.end_soon(CLOSED_HERE)
        else:
            self._state = _State.LEAVING
            self.link.wake()

    def listen(self, listener: GattListener | None) -> None:
        self._listener = listener

    def switch(self, service: MeshService) -> None:
        if self._state in _ENDED or self.link is None:
            return
        self.service = service
        self._state = _State.SWITCHING
        self.link.switched(self)

    # The link's side.

    @property
    def leaving(self) -> bool:
        """Tell whether this end wants to be gone and has nothing more to say."""
        return self._state is _State.LEAVING and not self.waiting

    @property
    def switching(self) -> bool:
        """Tell whether this end waits for a service."""
        return self._state is _State.SWITCHING

    def open(self, mtu: int) -> None:
        """Carry values from now on, if that is still wanted."""
        if self._state in _OPENING:
            self._state, self.mtu = _State.OPEN, mtu
            self._later(lambda listener, now: listener.connected(mtu, now))

    def take(self, service: MeshService, value: bytes) -> None:
        """Receive a value, unless its service is no longer, or not yet, in use here."""
        if self._state is _State.OPEN and service is self.service and self._listener is not None:
            self._listener.received(value, self._medium.time())

    def tell_ready(self) -> None:
        """Say that there is room again."""
        if self.ready and self._listener is not None:
            self._listener.ready(self._medium.time())

    def end(self, reason: str) -> None:
        """Be over; tell it, unless the power is off here."""
        if self._state is _State.CLOSED:
            return
        self._state = _State.CLOSED
        self.waiting.clear()
        if self.side.is_on and self._listener is not None:
            self._listener.disconnected(self._medium.time(), reason)

    def end_soon(self, reason: str) -> None:
        """Do so, but not within a call of the owner."""
        self._state = _State.LEAVING
        self._medium.soon(lambda: self.end(reason))

    def _later(self, tell: Callable[[GattListener, float], object]) -> None:
        """Tell whoever listens then."""

        def call() -> None:
            if self._listener is not None and self._state is _State.OPEN:
                tell(self._listener, self._medium.time())

        self._medium.soon(call)


_ENDED = frozenset({_State.LEAVING, _State.CLOSED})
_OPENING = frozenset({_State.MAKING, _State.SWITCHING})


class ConnectionLink:
    """What is between two ends: the connection events."""

    def __init__(self, medium: Medium, client: SimulatedConnection, server: Server) -> None:
        self._medium = medium
        self._client = client
        self._server = server
        self._server_end: SimulatedConnection | None = None
        self._anchor = self._heard = medium.time()
        self._steps = medium.parameters.setup_events
        self._patience = medium.time()
        self._turn = 0  # an event that was ordered in an earlier turn does not take place
        self._next = float("inf")
        self._is_over = False
        client.link = self
        self.wake()

    def wake(self) -> None:
        """Learn that there is something to do in the next event."""
        self._order(self._next_event())

    def switched(self, end: SimulatedConnection) -> None:
        """Learn that an end changes its service; a client has to look for it."""
        if end is self._client:
            self._steps = self._medium.parameters.setup_events // 2
            self._patience = self._medium.time() + self._medium.parameters.switching
        self.wake()

    def _order(self, when: float) -> None:
        if when < self._next:
            self._turn += 1
            self._next = when
            self._medium.at(when, self._event, self._turn)

    def _next_event(self) -> float:
        interval = self._medium.parameters.interval
        passed = int((self._medium.time() - self._anchor) / interval + 1e-6)
        return self._anchor + (passed + 1) * interval

    def _event(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._next = float("inf")
        now, supervision = self._medium.time(), self._medium.parameters.supervision
        if now - self._heard >= supervision - 1e-9:
            self._over(LOST, LOST)
            return
        if self._medium.heard(self._client.side, self._server):
            self._heard = now
            self._exchange()
        if not self._is_over:
            restless = self._busy or self._heard < now
            following = self._next_event() if restless else now + supervision / 4
            self._order(min(following, self._heard + supervision))

    @property
    def _ends(self) -> list[SimulatedConnection]:
        return [self._client] if self._server_end is None else [self._client, self._server_end]

    @property
    def _busy(self) -> bool:
        return any(end.waiting or end.leaving or end.switching for end in self._ends) or (
            self._server_end is None
        )

    def _exchange(self) -> None:
        for end in self._ends:
            if end.leaving:
                self._leave(end)
                return
        self._look_for_service()
        most = self._medium.parameters.values_per_event
        due = [(end, min(len(end.waiting), most)) for end in self._ends]
        for end, count in due:
            self._carry(end, count)

    def _carry(self, end: SimulatedConnection, count: int) -> None:
        other = self._server_end if end is self._client else self._client
        was_ready = end.ready
        for _ in range(count):
            if other is None or not end.waiting or self._medium.loses():
                break
            service, value = end.waiting.popleft()
            self._medium.passed(end.side, other.side, value)
            other.take(service, value)
        if not was_ready:
            end.tell_ready()

    # Finding the service, and the end.

    def _look_for_service(self) -> None:
        if self._steps > 0:
            self._steps -= 1
        elif self._server_end is None:
            self._subscribe()
        elif self._client.switching:
            self._subscribe_again(self._server_end)

    def _subscribe(self) -> None:
        end = SimulatedConnection(self._medium, self._server, self._client.service, None)
        if not self._server.admit(end):
            self._over(NO_SERVICE, CLOSED_THERE)
            return
        end.link, self._server_end = self, end
        self._open(end, self._client)

    def _subscribe_again(self, server_end: SimulatedConnection) -> None:
        if server_end.service is self._client.service:
            self._open(server_end, self._client)
        elif self._medium.time() >= self._patience:
            self._over(NO_SERVICE, CLOSED_THERE)

    def _open(self, *ends: SimulatedConnection) -> None:
        mtu = min(self._client.side.mtu, self._server.mtu)
        for end in ends:
            end.open(mtu)

    def _leave(self, end: SimulatedConnection) -> None:
        here, there = CLOSED_HERE, CLOSED_THERE
        self._over(*((here, there) if end is self._client else (there, here)))

    def _over(self, for_client: str, for_server: str) -> None:
        self._turn += 1
        self._is_over = True
        self._server.freed()
        self._client.end(for_client)
        if self._server_end is not None:
            self._server_end.end(for_server)
