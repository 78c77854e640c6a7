"""How many links at once."""

from __future__ import annotations

import pytest

from meshwright.radio.concurrency import (
    FEWEST,
    MOST,
    REVIEW_INTERVAL,
    AdaptiveLinks,
    FixedLinks,
    retransmit_after,
)
from meshwright.radio.counters import Counters, Load
from meshwright.radio.port import HOST_10, HOST_25, OWN_TIMING, Pacing


@pytest.mark.parametrize(("pacing", "wait"), [(OWN_TIMING, 0.15), (HOST_10, 0.3), (HOST_25, 0.3)])
def test_what_suits_a_pacing(pacing: Pacing, wait: float) -> None:
    assert retransmit_after(pacing) == wait


def test_a_fixed_number_stays() -> None:
    assert {FixedLinks(7).limit(now, 60.0) for now in (0.0, 100.0)} == {7}


def test_load_is_what_happened_between_two_readings() -> None:
    before = Counters(heard=5, sent=10, waited=1.0, on_air=2.0)
    after = Counters(heard=9, sent=14, waited=1.2, on_air=2.5)
    load = Load.between(before, after, 5.0)
    assert load.wait == pytest.approx(0.05)
    assert load.share == pytest.approx(0.1)
    assert Load.between(after, after, 5.0) == Load(0.0, 0.0)


class Loaded:
    """An adaptive rule on a radio whose load a test decides."""

    def __init__(self, links: int = FEWEST) -> None:
        self.counters = Counters()
        self.rule = AdaptiveLinks(self.counters, OWN_TIMING, links=links)
        self.now = 100.0
        self.rule.limit(self.now)

    def review(self, *, wait: float, share: float, oldest: float = 0.0) -> int:
        self.counters.sent += 100
        self.counters.waited += 100 * wait
        self.counters.on_air += REVIEW_INTERVAL * share
        self.now += REVIEW_INTERVAL
        return self.rule.limit(self.now, oldest)


def test_begins_with_few_links_and_adds_two_at_a_time() -> None:
    loaded = Loaded()
    assert loaded.rule.limit(loaded.now) == 4
    assert loaded.review(wait=0.001, share=0.05) == 6
    assert loaded.review(wait=0.001, share=0.05) == 8


def test_never_more_than_the_most() -> None:
    loaded = Loaded()
    limits = [loaded.review(wait=0.0, share=0.0) for _ in range(40)]
    assert limits[-1] == MOST == max(limits)


@pytest.mark.parametrize(
    ("wait", "share", "oldest"), [(0.050, 0.1, 0.0), (0.001, 0.34, 0.0), (0.001, 0.1, 16.0)]
)
def test_cuts_when_the_radio_cannot_keep_up(wait: float, share: float, oldest: float) -> None:
    loaded = Loaded(links=20)
    assert loaded.review(wait=wait, share=share, oldest=oldest) == 17
    limits = [loaded.review(wait=wait, share=share, oldest=oldest) for _ in range(40)]
    assert limits[-1] == FEWEST == min(limits)


@pytest.mark.parametrize(("wait", "share"), [(0.020, 0.1), (0.001, 0.30)])
def test_keeps_what_it_has_in_between(wait: float, share: float) -> None:
    loaded = Loaded(links=20)
    assert loaded.review(wait=wait, share=share) == 20


def test_looks_only_every_three_seconds() -> None:
    loaded = Loaded()
    limits = {loaded.rule.limit(loaded.now + step / 10) for step in range(29)}
    assert limits == {4}
    assert loaded.rule.limit(loaded.now + 3.0) == 6
