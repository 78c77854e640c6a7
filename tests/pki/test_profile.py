"""What a profile may say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.pki.forging import DEVICE_UUID, NOW

from meshwright.core.errors import InputError
from meshwright.pki.profile import (
    NO_EXPIRY,
    BatchProfile,
    DeviceProfile,
    RootProfile,
    not_after,
)


def test_no_lifetime_is_no_expiry() -> None:
    assert not_after(NOW, None) == NO_EXPIRY
    assert not_after(NOW, timedelta(days=3_000_000)) == NO_EXPIRY
    assert not_after(NOW, timedelta.max) == NO_EXPIRY
    assert not_after(NOW, timedelta(days=1)) == NOW + timedelta(days=1)
    with pytest.raises(InputError):
        not_after(NOW, timedelta(0))


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "line\nbreak"])
def test_names_are_short_printable_text(name: str) -> None:
    for make in (
        lambda: RootProfile(name, "Acme"),
        lambda: RootProfile("root", name),
        lambda: BatchProfile(name, "Acme"),
        lambda: BatchProfile("batch", name),
        lambda: DeviceProfile(name),
    ):
        with pytest.raises(InputError):
            make()


def test_a_vendor_is_two_identifiers_or_none() -> None:
    with pytest.raises(InputError):
        DeviceProfile("Acme", 1)
    assert DeviceProfile("Acme").assign(DEVICE_UUID).identity.common_name == str(DEVICE_UUID)
    with_vendor = DeviceProfile("Acme", 0x8001, 0x3FF).assign(DEVICE_UUID)
    assert with_vendor.identity.common_name == f"{DEVICE_UUID} BCID:8001 BPID:03ff"


def test_the_longest_organization_still_tells_root_and_batches_apart() -> None:
    longest = "X" * 64
    names = {
        RootProfile.of(longest).common_name,
        BatchProfile.of(longest, 1).common_name,
        BatchProfile.of(longest, 2).common_name,
    }
    assert len(names) == 3
