"""The bearers on which every attack is tried, and worlds with a commissioner."""

from __future__ import annotations

import pytest
from tests.attacks.scene import BEARERS
from tests.services.conftest import empty_register, other_site, site, world, worlds

__all__ = ["empty_register", "other_site", "site", "world", "worlds"]


@pytest.fixture(params=BEARERS)
def bearer(request: pytest.FixtureRequest) -> str:
    """Return one bearer after the other."""
    name: str = request.param
    return name
