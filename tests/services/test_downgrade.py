"""S9: whatever is stripped on the way, nothing weaker is used, and it is called by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.services.conftest import Worlds
from tests.services.site_world import Actor, World, options_of

from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    advertisement,
)
from meshwright.core.provisioning.authentication import Weakening
from meshwright.core.provisioning.codec import decode, encode
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import Algorithms, OobType, PublicKeyOffer
from meshwright.core.provisioning.pdu import Capabilities, RecordsList
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.randomness import SystemRandomness
from meshwright.registry.entities import Outcome
from meshwright.services.chains import Chain, ChainBook
from meshwright.services.commissioning import Commissioner
from meshwright.services.job_tools import PredictableRandomnessError
from meshwright.services.report import ResultKind

STATIC = StaticOob(OobKind.BINARY, bytes(range(16)))
LIES: dict[str, tuple[dict[str, int], str, str]] = {
    "CMAC only": ({"algorithms": Algorithms.CMAC}, "offers CMAC", "demands HMAC"),
    "no algorithm that is known": (
        {"algorithms": 1 << 7},
        "offers no known algorithm",
        "demands HMAC",
    ),
    "no OOB key": (
        {"public_key_type": PublicKeyOffer(0)},
        "offers a public key in band only",
        "demands the key that is known",
    ),
    "no static value": (
        {"oob_type": OobType(0)},
        "offers no OOB and",
        "demands the static OOB value",
    ),
    "another method instead of the static value": (
        {"oob_type": OobType(0), "output_size": 4, "output_actions": 8},
        "offers no OOB, output OOB",
        "demands the static OOB value",
    ),
    "all of it": (
        {"algorithms": Algorithms.CMAC, "public_key_type": 0, "oob_type": 0},
        "offers CMAC",
        "demands HMAC",
    ),
}
STRICT = AuthenticationPolicy()
ALL_BUT_STATIC = AuthenticationPolicy.allowing(set(Weakening) - {Weakening.WITHOUT_STATIC})


def lying(changes: dict[str, int]) -> Callable[[bytes], list[bytes]]:
    """Return what changes the capabilities on their way."""

    def edit(octets: bytes) -> list[bytes]:
        pdu = decode(octets)
        return [encode(replace(pdu, **changes)) if isinstance(pdu, Capabilities) else octets]

    return edit


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_s9_capabilities_changed_in_flight(
    world: World, lie: tuple[dict[str, int], str, str]
) -> None:
    changes, offered, demanded = lie
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    options = options_of(flash, static_oob=STATIC)
    actor = Actor(world, world.uuid(1), options, edit=lying(changes))
    reason = assert_downgrade(world)
    assert offered in reason
    assert demanded in reason
    assert not actor.became
    assert not world.register.failed_tries()


@pytest.mark.parametrize("name", ["no OOB key", "no static value"])
def test_s9_what_is_known_of_a_device_binds_even_where_less_is_allowed(
    world: World, name: str
) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    options = options_of(flash, static_oob=STATIC)
    actor = Actor(world, world.uuid(1), options, edit=lying(LIES[name][0]))
    assert_downgrade(world, ALL_BUT_STATIC)
    assert not actor.became


@pytest.mark.parametrize("policy", [STRICT, AuthenticationPolicy.allowing(Weakening)])
def test_s9_records_stripped_in_flight(world: World, policy: AuthenticationPolicy) -> None:
    def edit(octets: bytes) -> list[bytes]:
        listed = isinstance(decode(octets), RecordsList)
        return [encode(RecordsList(0, ())) if listed else octets]

    actor = Actor(world, world.uuid(1), options_of(world.flash(1)), edit=edit)
    report = world.run(patience=10, policy=policy)
    [result] = report.assets
    assert (result.kind, result.code) == (ResultKind.REFUSED, "no-certificate")
    assert not world.register.nodes()
    assert not actor.became


def test_s9_cmac_allowed_for_others_is_not_used_with_who_offers_hmac(world: World) -> None:
    # Stripped in flight: the confirmations are over other capabilities, so nobody joins.
    lie = lying({"algorithms": Algorithms.CMAC})
    actor = Actor(world, world.uuid(1), options_of(world.flash(1)), edit=lie)
    report = world.run(patience=10, policy=AuthenticationPolicy.allowing([Weakening.CMAC]))
    assert report.unaccounted == 1
    assert not world.register.reserved()
    assert not actor.became


def test_any_other_change_of_the_capabilities_breaks_the_confirmation(world: World) -> None:
    def edit(octets: bytes) -> list[bytes]:
        pdu = decode(octets)
        return [encode(replace(pdu, elements=2)) if isinstance(pdu, Capabilities) else octets]

    actor = Actor(world, world.uuid(1), options_of(world.flash(1)), edit=edit)
    report = world.run(patience=10)
    assert report.unaccounted == 1
    assert not actor.became
    assert not world.register.reserved()


@pytest.mark.parametrize(
    "options",
    [DeviceOptions(algorithms=Algorithms.CMAC), DeviceOptions(key_pair=None)],
    ids=["CMAC only", "no OOB key"],
)
def test_a_genuine_device_that_offers_less(world: World, options: DeviceOptions) -> None:
    good = options_of(world.flash(1))
    key_pair = good.key_pair if options.algorithms == Algorithms.CMAC else None
    Actor(world, world.uuid(1), replace(good, algorithms=options.algorithms, key_pair=key_pair))
    assert_downgrade(world)


@pytest.mark.parametrize(
    "oob", [0, OobInformation.CERTIFICATE, OobInformation.RECORDS, 0xFFFF & ~CERTIFICATE_BASED]
)
def test_a_beacon_without_the_certificate_bits(world: World, oob: int) -> None:
    Actor(world, world.uuid(1), options_of(world.flash(1)), oob=oob)
    report = world.run(patience=10)
    [result] = report.assets
    assert (result.kind, result.code) == (ResultKind.REFUSED, "downgrade")
    assert not world.register.attempts()  # no link was opened for it
    assert len([each for each in world.progress if each.kind is ResultKind.REFUSED]) == 1


def test_a_forged_beacon_does_not_keep_the_device_out(world: World) -> None:
    flash = world.flash(1)
    device = world.power(flash)
    radio = world.air.radio(flash.content.address)  # the device's own

    def forge() -> None:
        radio.transmit(advertisement(UnprovisionedBeacon(world.uuid(1))))
        world.air.call_at(world.air.time() + 0.11, forge)

    forge()
    report = world.run(patience=200)
    assert report.unaccounted == 0
    assert world.agrees(flash)
    assert device.is_node


def test_a_chain_that_was_fetched_makes_up_for_the_bits(world: World) -> None:
    flash = world.flash(1)
    Actor(world, world.uuid(1), options_of(flash), oob=0)
    certificate = flash.content.records[1]
    chains = ChainBook({world.uuid(1): Chain(certificate, (world.site.batch,))})
    assert world.run(chains).unaccounted == 0


def assert_downgrade(world: World, policy: AuthenticationPolicy = STRICT) -> str:
    report = world.run(patience=10, policy=policy)
    [result] = report.assets
    assert (result.kind, result.code) == (ResultKind.REFUSED, "downgrade")
    assert "nothing weaker" in (result.reason or "") or "in band" in (result.reason or "")
    [attempt] = world.register.attempts()
    assert (attempt.outcome, attempt.code) == (Outcome.REFUSED, "downgrade")
    assert not world.register.nodes()
    assert not world.register.reserved()
    return result.reason or ""


class StrictRadio:
    """A radio as real ones are: predictable randomness must not reach it."""

    predictable_allowed = False

    def __init__(self, world: World) -> None:
        radio = world.air.radio(b"\xc0radio")
        self.address, self.pacing, self.ready = radio.address, radio.pacing, radio.ready
        self.transmit, self.listen, self.narrow = radio.transmit, radio.listen, radio.narrow


def test_predictable_randomness_never_reaches_a_real_radio(worlds: Worlds) -> None:
    from meshwright.pki.validation import ChainValidator
    from meshwright.radio.runner import Runner

    world = worlds()
    runner = Runner(StrictRadio(world), world.air)
    validator = ChainValidator([world.site.root])
    parts = (world.network, world.register, validator, runner)
    with pytest.raises(PredictableRandomnessError) as refused:
        Commissioner(*parts, clock=world.clock, randomness=world.randomness)
    assert refused.value.code == "predictable-randomness"
    Commissioner(*parts, clock=world.clock, randomness=SystemRandomness())
