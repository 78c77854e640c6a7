"""Common names and UUIDs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.forging import UNHURRIED

from meshwright.core.errors import InputError
from meshwright.pki.errors import IdentityError
from meshwright.pki.identity import DeviceIdentity, make_uuid, parse_common_name, ticks_of

TEXT = "b09dc847-5408-40cc-9c54-0fe8c87429e7"
VENDORS = st.none() | st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))


@UNHURRIED
@given(st.uuids(), VENDORS)
def test_common_names_read_back(uuid: UUID, vendor: tuple[int, int] | None) -> None:
    identity = DeviceIdentity(uuid, *(vendor or (None, None)))
    assert parse_common_name(identity.common_name) == identity


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT} BCID:8001 BPID:03ff",
        f"{TEXT.upper()} BCID:8001 BPID:03FF",
        f"{TEXT}  BPID:03ff\tBCID:8001 ",
        f" {TEXT}\nbcid:8001 bpid:03ff",
    ],
)
def test_case_order_and_white_space_do_not_matter(text: str) -> None:
    assert parse_common_name(text) == DeviceIdentity(UUID(TEXT), 0x8001, 0x03FF)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "device 7",
        TEXT.replace("-", ""),
        f"{{{TEXT}}}",
        f"urn:uuid:{TEXT}",
        TEXT[:-1],
        f"{TEXT}0",
        TEXT.replace("9", "\N{ARABIC-INDIC DIGIT NINE}"),
        f"{TEXT} BCID:8001",
        f"{TEXT} BPID:03ff",
        f"{TEXT} BCID:8001 BCID:8001",
        f"{TEXT} BCID:8001 BPID:03ff BPID:03ff",
        f"{TEXT} BCID:8001 BPID:03ff spare",
        f"{TEXT} BCID:801 BPID:03ff",
        f"{TEXT} BCID:08001 BPID:03ff",
        f"{TEXT}BCID:8001 BPID:03ff",
        f"{TEXT}\N{NO-BREAK SPACE}BCID:8001 BPID:03ff",
        f"BCID:8001 BPID:03ff {TEXT}",
        f"{TEXT}{' ' * 300}",
    ],
)
def test_other_common_names_name_no_device(text: str) -> None:
    with pytest.raises(IdentityError):
        parse_common_name(text)


@pytest.mark.parametrize("vendor", [(1, None), (None, 1), (-1, 1), (1, 0x10000)])
def test_vendor_is_both_identifiers_or_neither(vendor: tuple[int | None, int | None]) -> None:
    with pytest.raises(InputError) as caught:
        DeviceIdentity(UUID(TEXT), *vendor)
    assert caught.value.code == "bad-vendor"


@UNHURRIED
@given(st.binary(min_size=6, max_size=6), st.integers(0, 0x3FFF), st.integers(0, (1 << 60) - 1))
def test_uuids_are_of_version_1_and_hold_their_parts(mac: bytes, clock: int, ticks: int) -> None:
    uuid = make_uuid(mac, clock, ticks)
    assert (uuid.version, uuid.variant) == (1, "specified in RFC 4122")
    assert (uuid.node.to_bytes(6, "big"), uuid.clock_seq, uuid.time) == (mac, clock, ticks)


def test_ticks_count_from_the_gregorian_calendar() -> None:
    # RFC 9562, 5.1 and A.1: 2022-02-22 14:22:22 -05:00 is 1EC9414C232AB00 (hex) with version 1.
    instant = datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(-timedelta(hours=5)))
    assert ticks_of(instant) == 0x1EC9414C232AB00
    assert ticks_of(instant + timedelta(microseconds=1)) == 0x1EC9414C232AB00 + 10


def test_unusable_parts_are_refused() -> None:
    good = (bytes(6), 0, 0)
    for position, bad in ((0, bytes(7)), (1, 0x4000), (1, -1), (2, 1 << 60), (2, -1)):
        parts = [*good]
        parts[position] = bad
        with pytest.raises(InputError):
            make_uuid(*parts)  # type: ignore[arg-type] # parts of a tuple, one of them wrong
    with pytest.raises(InputError):
        ticks_of(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))
