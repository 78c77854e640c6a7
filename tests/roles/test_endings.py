"""How provisioning ends when somebody is silent, gives up or goes away; all times are exact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from tests.roles.roles_world import BEARERS, IN_BAND, ONE, World

from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseReason, Effect
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import AuthenticationMethod, OutputAction, PduType
from meshwright.radio.gatt import GattConnection, GattListener, ServiceReport
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.roles.provisioned import ProvisioningError
from meshwright.roles.transceiver import Transceiver

bearers = pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)
STRING = DeviceOptions(output_actions=(OutputAction.ALPHANUMERIC,), output_size=4)
OUTPUT = replace(IN_BAND, methods=(AuthenticationMethod.OUTPUT,))


class Mute:
    """A machine that hangs when it gets one type of PDU, or when it has answered that."""

    def __init__(
        self, machine: ProvisioningMachine, fatal: PduType, *, answers: bool = False
    ) -> None:
        self._machine = machine
        self._fatal = fatal
        self._answers = answers
        self._hangs = False

    def bearer_opened(self, now: float) -> list[Effect]:
        return self._machine.bearer_opened(now)

    def bearer_closed(self, now: float) -> list[Effect]:
        self._hangs = False
        return self._machine.bearer_closed(now)

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        fatal = pdu[0] == self._fatal
        self._hangs = self._hangs or (fatal and not self._answers)
        effects = [] if self._hangs else self._machine.receive(pdu, now)
        self._hangs = self._hangs or fatal
        return effects

    def next_deadline(self) -> float | None:
        return None if self._hangs else self._machine.next_deadline()

    def handle_deadline(self, now: float) -> list[Effect]:
        return [] if self._hangs else self._machine.handle_deadline(now)


def ending(
    world: World,
    bearer: Bearer,
    policy: object = IN_BAND,
    **more: object,
) -> tuple[ProvisioningError, float]:
    """Return how provisioning fails, and when."""

    async def program() -> float:
        async with world.provisioner(policy=policy, **more) as provisioner:
            with pytest.raises(ProvisioningError) as caught:
                await provisioner.provision(ONE, bearer)
            failed.append(caught.value)
            return world.air.time()

    failed: list[ProvisioningError] = []
    at = world.run(program())
    return failed[0], at


# Silence.


@bearers
def test_a_device_that_is_not_there_is_given_up_after_60_seconds(bearer: Bearer) -> None:
    world = World()
    error, at = ending(world, bearer)
    assert (error.code, at) == ("no-answer", 60.0)


@bearers
def test_a_device_that_answers_no_link_open_is_given_up_after_60_seconds(bearer: Bearer) -> None:
    world = World()
    device = world.device()
    began: list[float] = []

    async def program() -> None:
        async with world.provisioner() as provisioner:
            await provisioner.discovery.find_soon(ONE, bearer)
            device.suspend()
            began.append(world.air.time())
            with pytest.raises(ProvisioningError) as caught:
                await provisioner.provision(ONE, bearer)
            assert caught.value.code == "no-answer"
            assert world.air.time() - began[0] == pytest.approx(60.0)
            # And when it is back, it is provisioned like any other.
            device.resume()
            await provisioner.provision(ONE, bearer)

    world.run(program())
    assert device.is_provisioned


@bearers
@pytest.mark.parametrize("fatal", [PduType.INVITE, PduType.PUBLIC_KEY, PduType.CONFIRMATION])
def test_a_device_that_hangs_is_given_up_60_seconds_after_the_last_pdu(
    bearer: Bearer, fatal: PduType
) -> None:
    world = World()
    device = world.device(wrap=lambda machine: Mute(machine, fatal))
    last: list[float] = []
    events = world.provisioner_events(
        link_opened=lambda *_: last.append(world.air.time()),
        capabilities=lambda *_: last.append(world.air.time()),
    )
    error, at = ending(world, bearer, events=events)
    assert error.code == "provisioning-timeout"
    if fatal is PduType.CONFIRMATION:  # two PDUs later
        assert last[-1] + 60.0 < at < last[-1] + 62.0
    else:
        assert at == pytest.approx(last[-1] + 60.0)
    assert not device.is_provisioned


@bearers
def test_a_person_has_120_seconds(bearer: Bearer) -> None:
    world = World()
    world.device(
        options=STRING, wrap=lambda machine: Mute(machine, PduType.PUBLIC_KEY, answers=True)
    )
    asked: list[float] = []
    cancelled: list[float] = []

    async def nobody_is_there(_uuid: UUID, _challenge: Challenge) -> str:
        asked.append(world.air.time())
        try:
            return await asyncio.Future[str]()
        except asyncio.CancelledError:
            cancelled.append(world.air.time())
            raise

    events = world.provisioner_events(entry_needed=nobody_is_there)
    error, at = ending(world, bearer, OUTPUT, events=events)
    assert error.code == "provisioning-timeout"
    assert at == pytest.approx(asked[0] + 120.0)
    assert cancelled == [at]
    assert len(world.noted("device", "stop_showing")) == 1


@bearers
def test_a_person_who_takes_almost_120_seconds_is_in_time(bearer: Bearer) -> None:
    world = World()
    world.device(options=STRING)

    async def slow(_uuid: UUID, _challenge: Challenge) -> str:
        value = await world.values.get()
        await asyncio.sleep(118.0)
        return value

    events = world.provisioner_events(entry_needed=slow)

    async def program() -> None:
        async with world.provisioner(policy=OUTPUT, events=events) as provisioner:
            await provisioner.provision(ONE, bearer)

    world.run(program())
    assert world.devices[ONE].is_provisioned


@bearers
def test_a_device_that_goes_away_in_the_middle(bearer: Bearer) -> None:
    """Its radio is silent: on PB-ADV nothing is acknowledged for 30 seconds."""
    world = World()
    device = world.device()
    events = world.provisioner_events(capabilities=lambda *_: device.suspend())
    error, at = ending(world, bearer, events=events)
    assert error.code == "link-lost"
    assert at < 60.0
    assert world.noted("provisioner", "link_closed")[0][:2] == (ONE, bearer)
    assert not device.is_provisioned


def test_a_connection_that_cannot_be_made_is_tried_again() -> None:
    """And not in a hurry: who fails at once is asked once a second."""
    world = World()
    world.device(bearers=Bearer.GATT)
    radio = world.air.radio(b"\xc0clums")
    client = world.gatt.gatt(radio)
    tries: list[float] = []

    class Clumsy:
        """A client that fails to connect three times."""

        def watch(self, on_report: Callable[[ServiceReport, float], object] | None) -> None:
            client.watch(on_report)

        def connect(self, report: ServiceReport, listener: GattListener) -> GattConnection:
            tries.append(world.air.time())
            connection = client.connect(report, listener)
            if len(tries) <= 3:
                connection.disconnect()
            return connection

    clumsy = Transceiver(world.air, radio=radio, gatt_client=Clumsy())

    async def program() -> None:
        async with world.provisioner(place=clumsy) as provisioner:
            await provisioner.provision(ONE)

    world.run(program())
    assert len(tries) == 4
    assert 3.0 <= tries[-1] - tries[0] < 4.0


# Giving up.


async def cancelled_at(world: World, bearer: Bearer, device: Device, event: str) -> None:
    """Cancel as soon as `event` has been told, and provision again."""
    async with world.provisioner() as provisioner:
        task = asyncio.ensure_future(provisioner.provision(ONE, bearer))
        await world.until("device", event)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled = world.air.time()
        await world.until("device", "link_closed")
        assert world.air.time() < cancelled + 1.0
        assert not device.is_provisioned
        assert device.link is None
        await provisioner.provision(ONE, bearer)


@bearers
@pytest.mark.parametrize("event", ["link_opened", "attention"])
def test_cancelling_closes_the_link(bearer: Bearer, event: str) -> None:
    world = World()
    device = world.device()
    world.run(cancelled_at(world, bearer, device, event))
    assert device.is_provisioned
    assert world.noted("device", "link_closed")[0][1] == CloseReason.FAIL


@bearers
def test_cancelling_withdraws_the_question_to_the_person(bearer: Bearer) -> None:
    world = World()
    world.device(options=STRING)
    withdrawn: list[bool] = []

    async def never(_uuid: UUID, _challenge: Challenge) -> str:
        try:
            return await asyncio.Future[str]()
        finally:
            withdrawn.append(True)

    events = world.provisioner_events(entry_needed=never)

    async def program() -> None:
        async with world.provisioner(policy=OUTPUT, events=events) as provisioner:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(20.0):
                    await provisioner.provision(ONE, bearer)
            assert world.air.time() == 20.0
            assert withdrawn == [True]

    world.run(program())
    assert len(world.noted("device", "stop_showing")) == 1
    assert world.devices[ONE].link is None


@bearers
def test_cancelling_while_nobody_is_heard(bearer: Bearer) -> None:
    world = World()

    async def program() -> None:
        async with world.provisioner() as provisioner:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5.0):
                    await provisioner.provision(ONE, bearer)

    world.run(program())
    assert world.air.time() < 12.0


@bearers
@pytest.mark.parametrize("there", [True, False])
def test_closing_the_provisioner_ends_what_is_under_way(bearer: Bearer, there: bool) -> None:
    world = World()
    if there:
        world.device(wrap=lambda machine: Mute(machine, PduType.INVITE))

    async def program() -> None:
        provisioner = world.provisioner()
        task = asyncio.ensure_future(provisioner.provision(ONE, bearer))
        await asyncio.sleep(10.0)
        await provisioner.aclose()
        with pytest.raises(ProvisioningError) as caught:
            await task
        assert caught.value.code == "stopped"
        assert world.air.time() < 15.5

    world.run(program())
    assert len(world.noted("device", "link_closed")) == there


def test_a_mistake_in_the_program_ends_the_session_and_comes_out() -> None:
    world = World()
    device = world.device()

    def mistaken(*_: object) -> None:
        raise ZeroDivisionError("mine")

    events = world.provisioner_events(capabilities=mistaken)

    async def program() -> None:
        async with world.provisioner(events=events) as provisioner:
            await provisioner.provision(ONE, Bearer.ADV)

    with pytest.raises(ZeroDivisionError):
        world.run(program())
    assert device.link is None
    assert len(world.noted("device", "link_closed")) == 1
