"""Every way to authenticate, with every source of the device's key, on both bearers.

The list of methods and sizes is that of Zephyr's simulated tests, `oob_auth_test_vector` in
tests/bsim/bluetooth/mesh/src/test_provision.c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from tests.roles.roles_world import BEARERS, IN_BAND, ONE, World

from meshwright.core.crypto import KeyPair
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import (
    AuthenticationMethod,
    InputAction,
    OutputAction,
)
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.roles.bearers import Bearer
from meshwright.roles.methods import Method


def binary(text: str) -> StaticOob:
    return StaticOob(OobKind.BINARY, bytes.fromhex(text))


def static(value: StaticOob) -> tuple[DeviceOptions, Method]:
    return DeviceOptions(static_oob=value), Method.static(value)


def output(action: OutputAction, size: int) -> tuple[DeviceOptions, Method]:
    options = DeviceOptions(output_actions=(action,), output_size=size)
    return options, Method.output(action, size)


def entry(action: InputAction, size: int) -> tuple[DeviceOptions, Method]:
    options = DeviceOptions(input_actions=(action,), input_size=size)
    return options, Method.input(action, size)


VECTORS = {
    "none": (DeviceOptions(), Method.no_oob()),
    "static 16": static(binary("6e6f726469635f6578616d706c655f31")),
    "static 7": static(binary("6e6f726469635f")),
    "static 32": static(binary("456e68616e6365642070726f766973696f6e696e6720737461746963204f4f42")),
    "blink": output(OutputAction.BLINK, 3),
    "beep": output(OutputAction.BEEP, 5),
    "vibrate": output(OutputAction.VIBRATE, 6),
    "display number": output(OutputAction.NUMERIC, 7),
    "display string": output(OutputAction.ALPHANUMERIC, 8),
    "push": entry(InputAction.PUSH, 4),
    "twist": entry(InputAction.TWIST, 5),
    "enter number": entry(InputAction.NUMERIC, 8),
    "enter string": entry(InputAction.ALPHANUMERIC, 7),
}

PAIR = KeyPair(0x0102030405060708 << 160 | 9)


class Application:
    """What a program does that was ported: it chooses in the callback, as Zephyr's does."""

    def __init__(self, world: World, method: Method, **more: object) -> None:
        self.offers: list[tuple[Capabilities, Choice]] = []
        self._method = method
        events = world.provisioner_events(capabilities=self._choose)
        self.provisioner = world.provisioner(events=events, **more)

    def _choose(self, uuid: UUID, capabilities: Capabilities, choice: Choice) -> Method:
        assert uuid == ONE
        self.offers.append((capabilities, choice))
        return self._method


KeyCase = Callable[[DeviceOptions], tuple[DeviceOptions, AuthenticationPolicy, bytes | None]]
ANYTHING = replace(
    IN_BAND,
    methods=(*AuthenticationMethod,),
    require_known_static=False,
)
KEYS: dict[str, KeyCase] = {
    "in band": lambda options: (options, ANYTHING, None),
    "OOB": lambda options: (
        replace(options, key_pair=PAIR),
        replace(ANYTHING, require_oob_public_key=True),
        PAIR.public,
    ),
    "OOB ignored": lambda options: (replace(options, key_pair=PAIR), ANYTHING, None),
}


@pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("vector", VECTORS)
def test_every_vector_with_every_key_on_every_bearer(vector: str, key: str, bearer: Bearer) -> None:
    world = World()
    options, method = VECTORS[vector]
    options, policy, public = KEYS[key](options)
    device = world.device(ONE, options)
    application = Application(world, method, policy=policy)

    async def program() -> None:
        async with application.provisioner as provisioner:
            node = await provisioner.provision(ONE, bearer, device_public=public)
            joined = await device.provisioned()
            assert (joined.device_key, joined.data.address) == (node.device_key, node.address)
            assert node.authentication.method == method.method.name.lower().replace("_", "-")
            assert node.authentication.size == method.size
            assert node.authentication.key == ("operator" if public else "in-band")
            assert node.bearer is bearer

    world.run(program())
    ((capabilities, _choice),) = application.offers
    assert capabilities == options.capabilities()
    shown = [*world.noted("device", "show"), *world.noted("provisioner", "show")]
    assert len(shown) == (method.action is not None)
    side = "device" if isinstance(method.action, OutputAction) else "provisioner"
    assert len(world.noted(side, "stop_showing")) == len(shown)


@pytest.mark.parametrize("vector", VECTORS)
def test_the_policy_alone_finds_a_way(vector: str) -> None:
    """Without a callback, static values first, and counted values short."""
    world = World()
    options, method = VECTORS[vector]
    device = world.device(ONE, options)
    methods = (
        AuthenticationMethod.OUTPUT,
        AuthenticationMethod.INPUT,
        AuthenticationMethod.NO_OOB,
    )

    async def program() -> None:
        async with world.provisioner(policy=replace(IN_BAND, methods=methods)) as provisioner:
            node = await provisioner.provision(ONE, static_oob=method.static_oob)
            assert (await device.provisioned()).device_key == node.device_key
            assert node.authentication.method == method.method.name.lower().replace("_", "-")

    world.run(program())
    for _uuid, challenge, value in world.noted("provisioner", "show"):
        assert challenge.size == (1 if challenge.is_counted else method.size) == len(value)


WITH_A_PERSON = [name for name, (_, method) in VECTORS.items() if method.action is not None]


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("vector", WITH_A_PERSON)
def test_numbers_are_as_good_as_text(vector: str, seed: int) -> None:
    """Ported programs have a number and not its digits; zeros in front come by themselves."""
    world = World(seed)
    options, method = VECTORS[vector]
    numeric = method.action not in (OutputAction.ALPHANUMERIC, InputAction.ALPHANUMERIC)
    device = world.device(ONE, options)

    def as_program(value: str) -> str | int:
        return int(value) if numeric else value

    async def read(_uuid: UUID, _challenge: Challenge) -> str | int:
        return as_program(await world.values.get())

    def show(_uuid: UUID, _challenge: Challenge, value: str) -> None:
        world.air.call_at(world.air.time() + 1, lambda: device.enter(as_program(value)))

    def choose(*_: object) -> Method:
        return method

    async def program() -> None:
        events = world.provisioner_events(capabilities=choose, entry_needed=read, show=show)
        async with world.provisioner(events=events, policy=ANYTHING) as provisioner:
            await provisioner.provision(ONE)

    world.run(program())
    assert device.is_provisioned
