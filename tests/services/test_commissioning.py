"""Everybody on the list joins, whatever the air does, and a run always comes to an end."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from tests.pki.forging import Site, forged_batch, issue, key
from tests.services.conftest import Worlds
from tests.services.site_world import Actor, World, options_of, result_of

from meshwright.core.provisioning.codec import decode, encode
from meshwright.core.provisioning.fields import INTERMEDIATES, PduType, RecordId
from meshwright.core.provisioning.pdu import RecordResponse
from meshwright.pki.authority import Authority
from meshwright.pki.keys import PrivateKeySigner
from meshwright.radio.simulated.propagation import Faults
from meshwright.registry.entities import Outcome
from meshwright.registry.errors import ExhaustedError
from meshwright.services.chains import Chain, ChainBook
from meshwright.services.report import ResultKind
from meshwright.sim.flash import FlashFile


def test_every_device_on_the_list_joins_and_nobody_else(world: World) -> None:
    flashes = [world.flash(number) for number in range(1, 9)]
    stranger = world.flash(99, authorized=False)
    for flash in [*flashes, stranger]:
        world.power(flash)
    report = world.run()
    assert report.unaccounted == 0
    assert len(report.strangers) == 1
    assert stranger.content.membership is None
    assert all(world.agrees(flash) and flash.content.membership for flash in flashes)
    nodes = world.register.nodes()
    assert [node.address for node in nodes] == list(range(2, 10))
    times = [result_of(report, flash).seconds_on_air for flash in flashes]
    assert all(time is not None and 0.5 < time < report.seconds for time in times)
    assert report.seconds < 40
    assert "<ResultKind" not in "".join(each.text for each in world.progress)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(loss=0.1),
        Faults(loss=0.3),
        Faults(loss=0.5),
        Faults(duplication=0.5, delay=0.05),
        Faults(loss=0.2, duplication=0.2, delay=0.6),
    ],
)
def test_a_bad_air_costs_time_and_nothing_else(worlds: Worlds, faults: Faults) -> None:
    world = worlds(3, faults=faults)
    flashes = [world.flash(number) for number in range(1, 4)]
    for flash in flashes:
        world.power(flash)
    assert world.run().unaccounted == 0
    assert all(world.agrees(flash) for flash in flashes)


@pytest.mark.parametrize("links", [1, 3])
def test_no_more_links_than_allowed_are_open(world: World, links: int) -> None:
    flashes = [world.flash(number) for number in range(1, 6)]
    for flash in flashes:
        world.power(flash)
    commissioner = world.commissioner(links=links)
    commissioner.start()
    most = 0

    def done() -> bool:
        nonlocal most
        most = max(most, commissioner.open_jobs)
        return commissioner.finished

    assert world.air.run_until(done, limit=200)
    assert most == links
    assert commissioner.report().unaccounted == 0


def test_two_runs_with_one_seed_are_the_same_run(worlds: Worlds) -> None:
    reports = []
    for _ in range(2):
        world = worlds(5, faults=Faults(loss=0.1))
        for number in range(1, 5):
            world.power(world.flash(number))
        reports.append(world.run())
    assert reports[0] == reports[1]


# Devices that are not there, or not for long.


def test_a_device_that_never_appears_is_unaccounted_in_bounded_time(world: World) -> None:
    there, absent = world.flash(1), world.flash(2)
    world.power(there)
    report = world.run(patience=60.0)
    assert report.unaccounted == 1
    assert report.seconds < 75
    result = result_of(report, absent)
    assert (result.kind, result.code) == (ResultKind.UNACCOUNTED, "not-heard")
    assert result.seconds_on_air is None
    [missing] = world.register.unaccounted(world.network.id)
    assert missing.asset.uuid == absent.content.uuid


def test_nothing_to_do_ends_soon(world: World) -> None:
    report = world.run()
    assert (report.assets, report.unaccounted) == ([], 0)
    assert report.seconds < 6


@pytest.mark.parametrize("stage", [0.3, 1.2, 2.0, 2.4])
def test_a_device_that_is_switched_off_and_on_again_joins(worlds: Worlds, stage: float) -> None:
    world = worlds(2)
    flash = world.flash(1)
    device = world.power(flash)
    commissioner = world.commissioner(patience=300.0)
    commissioner.start()
    world.air.run_until(lambda: commissioner.open_jobs > 0)
    world.air.run_until(world.air.time() + stage)
    assert not device.is_node
    device.power_off()
    world.air.run_until(world.air.time() + 5.0)
    world.power(FlashFile.open(flash.path))
    assert world.air.run_until(lambda: commissioner.finished, limit=300)
    assert commissioner.report().unaccounted == 0
    assert world.agrees(flash)


def test_a_device_that_is_gone_for_good_is_unaccounted(world: World) -> None:
    flash = world.flash(1)
    device = world.power(flash)
    commissioner = world.commissioner(patience=90.0)
    commissioner.start()
    world.air.run_until(lambda: commissioner.open_jobs > 0)
    device.power_off()
    assert world.air.run_until(lambda: commissioner.finished, limit=200)
    [result] = commissioner.report().assets
    assert result.kind is ResultKind.UNACCOUNTED
    assert result.code in ("no-answer", "link-lost")
    [attempt] = world.register.attempts()
    assert (attempt.outcome, attempt.code) == (Outcome.FAILED, result.code)


@pytest.mark.parametrize(
    "silent_after",
    [PduType.RECORDS_LIST, PduType.CAPABILITIES, PduType.CONFIRMATION, PduType.RANDOM],
)
def test_a_device_that_falls_silent_ends_its_session_and_no_other(
    world: World, silent_after: PduType
) -> None:
    world.power(world.flash(2))
    silent = False

    def edit(octets: bytes) -> list[bytes]:
        nonlocal silent
        if silent:
            return []
        silent = octets[0] == silent_after
        return [octets]

    flash = world.flash(1)
    Actor(world, world.uuid(1), options_of(flash), edit=edit)
    report = world.run(patience=70.0)
    result = result_of(report, flash)
    assert (result.kind, result.code) == (ResultKind.UNACCOUNTED, "provisioning-timeout")
    assert report.unaccounted == 1


def test_stopping_a_run_leaves_nothing_that_the_next_cannot_finish(world: World) -> None:
    flashes = [world.flash(number) for number in range(1, 5)]
    for flash in flashes:
        world.power(flash)
    commissioner = world.commissioner()
    commissioner.start()
    world.air.run_until(lambda: len(world.register.reserved()) > 0, limit=60)
    commissioner.stop()
    assert world.air.run_until(lambda: commissioner.finished, limit=world.air.time() + 10)
    codes = {result.code for result in commissioner.report().assets}
    assert "stopped" in codes
    assert world.run().unaccounted == 0
    assert all(world.agrees(flash) for flash in flashes)


# Chains that need not be read.


def test_a_chain_that_was_fetched_is_not_read_over_the_air(worlds: Worlds) -> None:
    seconds = []
    for prefetched in (False, True):
        world = worlds()
        flash = world.flash(1)
        world.power(flash)
        chain = Chain(flash.content.records[RecordId.DEVICE_CERTIFICATE], (world.site.batch,))
        report = world.run(ChainBook({world.uuid(1): chain} if prefetched else {}))
        assert report.unaccounted == 0
        seconds.append(result_of(report, flash).seconds_on_air or 0.0)
    assert seconds[1] < seconds[0] / 2


def test_a_fetched_chain_that_is_wrong_does_not_keep_the_device_out(
    world: World, other_site: Site
) -> None:
    flash = world.flash(1)
    world.power(flash)
    forged = world.certificate(world.uuid(1), world.key("forger"), other_site)
    chains = ChainBook({world.uuid(1): Chain(forged, (other_site.batch,))})
    assert world.run(chains).unaccounted == 0


def test_a_fetched_chain_of_another_key_lets_nobody_in(world: World) -> None:
    # The chain is good, but whoever is on the air does not hold its key.
    flash = world.flash(1)
    options = options_of(flash, key_pair=options_of(world.flash(2, authorized=False)).key_pair)
    actor = Actor(world, world.uuid(1), options)
    chain = Chain(flash.content.records[RecordId.DEVICE_CERTIFICATE], (world.site.batch,))
    report = world.run(ChainBook({world.uuid(1): chain}), patience=20.0)
    assert result_of(report, flash).kind is not ResultKind.NODE
    assert not actor.became
    assert not world.register.reserved()


def second_batch(site: Site) -> Site:
    """Return the same manufacturer with its next batch certificate."""
    batch_key = key("next batch")
    batch = forged_batch(site, batch_key)
    batch.serial += 1
    certificate = batch.sign()
    leaf = issue(
        Authority(certificate, PrivateKeySigner(batch_key), site.profile),
        site.device_key,
        site.profile.assign(site_uuid := UUID(int=77)),
        str(site_uuid),
    )
    return replace(site, batch_key=batch_key, batch=certificate, leaf=leaf)


def test_devices_of_two_batches_join_one_network(world: World) -> None:
    later = second_batch(world.site)
    flashes = [
        world.flash(1),
        world.flash(2),
        world.flash(3, site=later),
        world.flash(4, site=later),
    ]
    for flash in flashes:
        world.power(flash)
    assert world.run().unaccounted == 0


def test_a_remembered_batch_does_not_replace_the_right_one(world: World) -> None:
    # Same names and key, other certificate: what is remembered of the first may be outdated.
    first, second = world.flash(1), world.flash(2)
    chains = ChainBook()
    outdated = forged_batch(world.site)
    outdated.not_after = outdated.not_before
    chains.remember(second.content.records[RecordId.DEVICE_CERTIFICATE], (outdated.sign(),))
    world.power(first)
    world.power(second)
    assert world.run(chains).unaccounted == 0


def test_records_in_small_fragments_are_put_together(world: World) -> None:
    def edit(octets: bytes) -> list[bytes]:
        pdu = decode(octets)
        short = replace(pdu, data=pdu.data[:57]) if isinstance(pdu, RecordResponse) else pdu
        return [encode(short)]

    flash = world.flash(1)
    assert len(flash.content.records[INTERMEDIATES[0]]) > 57 * 5
    actor = Actor(world, world.uuid(1), options_of(flash), edit=edit)
    assert world.run().unaccounted == 0
    assert len(actor.became) == 1


def test_a_full_network_stops_the_run_with_a_sentence(world: World) -> None:
    world.power(world.flash(1))
    with world.register._desk.database.transaction("fill") as connection:
        connection.exec_driver_sql("UPDATE networks SET next_address = 0x8000")
    commissioner = world.commissioner()
    commissioner.start()
    with pytest.raises(ExhaustedError) as full:
        world.air.run_until(lambda: commissioner.finished, limit=60)
    assert full.value.code == "addresses-exhausted"
    assert not world.register.reserved()
