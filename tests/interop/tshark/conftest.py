"""Sessions, recorded and dissected once for all tests."""

from __future__ import annotations

import pytest
from tests.interop.tshark.dissection import Recorded, both
from tests.interop.tshark.sessions import CASES, record


@pytest.fixture(scope="session")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """Return the sessions by the names of their cases."""
    folder = tmp_path_factory.mktemp("captures")
    return {
        case.name: Recorded(case, both(record(case, folder / f"{case.name}.pcap")))
        for case in CASES
    }
