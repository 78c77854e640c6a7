"""Shared by the tests of the radio room."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.radio.contract")
pytest.register_assert_rewrite("tests.radio.gatt_contract")
