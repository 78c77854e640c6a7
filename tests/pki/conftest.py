"""One site for all tests of this room; certificates do not change."""

from __future__ import annotations

import pytest
from tests.pki.forging import Site, make_site


@pytest.fixture(scope="session")
def site() -> Site:
    """Return a root, a batch and a device."""
    return make_site()


@pytest.fixture(scope="session")
def stranger() -> Site:
    """Return another manufacturer's root, batch and device with the same UUID."""
    return make_site("stranger", "Evil")
