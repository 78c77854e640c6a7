"""Which IV Index secures a message."""

from __future__ import annotations

import pytest

from meshwright.core.network.iv_index import IvIndex


def test_sending_uses_the_one_before_while_updating() -> None:
    assert IvIndex(7).transmit == 7
    assert IvIndex(7, updating=True).transmit == 6


@pytest.mark.parametrize(("ivi", "meant"), [(1, 7), (0, 6)])
def test_the_bit_means_this_or_the_one_before(ivi: int, meant: int) -> None:
    assert IvIndex(7).received(ivi) == IvIndex(7, updating=True).received(ivi) == meant


def test_nothing_comes_before_zero() -> None:
    assert IvIndex(0).received(1) is None
    assert IvIndex(0).received(0) == 0
