"""S9: whatever is stripped on the way, nothing weaker is used, and it is called by its name."""

from __future__ import annotations

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
from meshwright.core.provisioning.device import DeviceOptions
from meshwright.core.provisioning.fields import Algorithms, PublicKeyOffer
from meshwright.core.provisioning.pdu import Capabilities, decode, encode
from meshwright.randomness import SystemRandomness
from meshwright.registry.entities import Outcome
from meshwright.services.chains import Chain, ChainBook
from meshwright.services.commissioning import Commissioner, PredictableRandomnessError
from meshwright.services.report import ResultKind

LIES = {
    "CMAC only": {"algorithms": Algorithms.CMAC},
    "no algorithm that is known": {"algorithms": 1 << 7},
    "no OOB key": {"public_key_type": PublicKeyOffer(0)},
}


@pytest.mark.parametrize("changes", LIES.values(), ids=LIES)
def test_capabilities_changed_in_flight(world: World, changes: dict[str, int]) -> None:
    def edit(octets: bytes) -> list[bytes]:
        pdu = decode(octets)
        return [encode(replace(pdu, **changes)) if isinstance(pdu, Capabilities) else octets]

    flash = world.flash(1)
    actor = Actor(world, world.uuid(1), options_of(flash), edit=edit)
    assert_downgrade(world)
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


def assert_downgrade(world: World) -> None:
    report = world.run(patience=10)
    [result] = report.assets
    assert (result.kind, result.code) == (ResultKind.REFUSED, "downgrade")
    assert "nothing weaker" in (result.reason or "") or "in band" in (result.reason or "")
    [attempt] = world.register.attempts()
    assert (attempt.outcome, attempt.code) == (Outcome.REFUSED, "downgrade")
    assert not world.register.nodes()
    assert not world.register.reserved()


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
