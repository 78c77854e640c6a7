"""The Bumble radio: the contract on controllers of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.radio.bumble_controllers import (
    EndlessController,
    ExtendedController,
    LonelyController,
    MeshController,
    SlowController,
)
from tests.radio.bumble_place import BumblePlace
from tests.radio.contract import RadioContract

from meshwright.radio.port import Radio

KINDS = [MeshController, SlowController, ExtendedController, EndlessController, LonelyController]


class BumbleContract(RadioContract):
    """The contract, in virtual time."""

    place: BumblePlace

    def radio(self, number: int) -> Radio:
        radio = self.place.station(number).radio
        assert radio is not None
        return radio

    def run(self, seconds: float) -> None:
        self.place.run(seconds * self.patience)

    patience = 1.0

    def test_refuses_seeded_randomness(self) -> None:
        assert not self.radio(1).predictable_allowed


class TestBumbleRadio(BumbleContract):
    """On every kind of controller."""

    @pytest.fixture(params=KINDS, autouse=True)
    def _place(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.patience = 4.0 if request.param is SlowController else 1.0
        self.place = BumblePlace(request.param)
        yield
        self.place.close()
