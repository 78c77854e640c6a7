"""One provisioning session on GATT connections: its values sent, its deadline kept.

The same for both roles: a client calls `connect`, a server passes `accept` to `GattServer.serve`.
An exception that leaves a machine is a mistake of ours and is not caught.
"""

from __future__ import annotations

from collections.abc import Callable

from meshwright.core.bearers.pb_gatt import GattLink, ProvisionerGattLink
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseReason, Disconnect, Effect, Lane, Transmit
from meshwright.core.provisioning.session import Session
from meshwright.radio.driven import OnEffects
from meshwright.radio.gatt import GattClient, GattConnection, ServiceReport
from meshwright.radio.port import Timebase, Timer


class GattDriven:
    """Drives `machine` on `link`; what is not for the radio goes to `on_effects`.

    With a device it serves one connection after the other. `finished` is told when a link that is
    used only once has been.
    """

    def __init__(
        self,
        link: GattLink,
        machine: ProvisioningMachine,
        on_effects: OnEffects,
        timebase: Timebase,
        finished: Callable[[GattDriven], object] | None = None,
    ) -> None:
        self.session = Session(link, machine)
        self.link = link
        self.reason: str | None = None
        """Why the radio says that the last connection ended, for people."""
        self._on_effects = on_effects
        self._timebase = timebase
        self._finished = finished
        self._connection: GattConnection | None = None
        self._waiting: bytes | None = None
        self._unreported = False
        self._stopped = False
        self._timer: Timer | None = None
        self._armed = 0.0

    # The owner's side.

    @property
    def connection(self) -> GattConnection | None:
        """The connection at present, open or being made."""
        return self._connection

    def connect(self, client: GattClient, report: ServiceReport) -> None:
        """Open the link of a Provisioner to whoever sent `report`."""
        if not isinstance(self.link, ProvisionerGattLink):
            raise TypeError("only the link of a Provisioner is opened")
        self._stopped = False
        self._connection = client.connect(report, self)
        self.carry_out(self.link.open(self._timebase.time()))

    def accept(self, connection: GattConnection, now: float) -> GattDriven:
        """Take a connection that a server offers; an earlier one is over."""
        self._stopped = False
        if self._let_go() is not None:
            self.disconnected(now, "another client came")
        self._connection = connection
        return self

    def carry_out(self, effects: list[Effect]) -> None:
        """Carry out what a call to the machine or the link has returned.

        Call it even for no effects, because the deadline may have changed.
        """
        now = self._timebase.time()
        self.perform(self.session.carry_out(effects, now), now)

    def close(self, reason: CloseReason) -> None:
        """Close the link when all that is queued has left."""
        self.carry_out(self.link.close(reason, self._timebase.time()))

    def release(self) -> GattConnection | None:
        """Drive no more and give back the connection, to which nobody listens then.

        It is None when there is none, or no longer. Nothing of the session is sent any more: wait
        for the `LinkClosed` of a link that keeps its connection.
        """
        self._stopped = True
        self._cancel()
        return self._let_go()

    def stop(self) -> None:
        """Drive no more and disconnect."""
        connection = self.release()
        if connection is not None:
            connection.disconnect()

    # The connection's side.

    def connected(self, mtu: int, now: float) -> None:
        effects = self.link.connected(mtu, now)
        self.perform(self.session.carry_out(effects, now), now)

    def received(self, value: bytes, now: float) -> None:
        self.perform(self.session.receive(value, now, None), now)

    def ready(self, now: float) -> None:
        self.perform([], now)

    def disconnected(self, now: float, reason: str | None) -> None:
        self.reason = reason
        self._let_go()
        effects = self.link.disconnected(now)
        self.perform(self.session.carry_out(effects, now), now)

    # Common steps.

    def perform(self, effects: list[Effect], now: float) -> None:
        """Carry out `effects`, send what can be sent, and look at the deadline again."""
        self._take(effects, now)
        while (connection := self._connection) is not None and connection.ready:
            if self._unreported:
                self._unreported = False
                self._take(self.session.transmitted(Lane.TRANSACTION, now), now)
            elif self._waiting is not None:
                value, self._waiting, self._unreported = self._waiting, None, True
                connection.send(value)
            else:
                break
        self._keep_deadline()
        if self.session.finished:
            self._end()

    def _take(self, effects: list[Effect], now: float) -> None:
        others = [effect for effect in effects if not self._for_radio(effect)]
        if others:
            self._on_effects(others, now)

    def _for_radio(self, effect: Effect) -> bool:
        if isinstance(effect, Transmit):
            self._waiting = effect.payload
            return True
        if isinstance(effect, Disconnect):
            connection = self._let_go()
            if connection is not None:
                connection.disconnect()
            return True
        return False

    def _let_go(self) -> GattConnection | None:
        """Have no connection any more; return the one there was."""
        connection, self._connection = self._connection, None
        self._waiting, self._unreported = None, False
        if connection is not None:
            connection.listen(None)
        return connection

    def _end(self) -> None:
        self._cancel()
        finished, self._finished = self._finished, None
        if finished is not None:
            finished(self)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _keep_deadline(self) -> None:
        # A timer that is early costs one idle call; moving it each time would cost far more.
        deadline = self.session.next_deadline()
        if deadline is None or self._stopped:
            return
        if self._timer is not None and self._armed <= deadline:
            return
        self._cancel()
        self._armed = deadline
        self._timer = self._timebase.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._timebase.time()
        self.perform(self.session.handle_deadline(now), now)
