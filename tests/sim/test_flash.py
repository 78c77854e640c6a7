"""Flash images: the same after every round trip, and damage of any kind has one name."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.crypto import P256_ORDER
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.sim.flash import _DAMAGE, DamagedFlashError, Flash, FlashFile, Membership

KEY = st.binary(min_size=16, max_size=16)
WORD = st.integers(0, 0xFFFF)
MEMBERSHIPS = st.builds(
    Membership,
    st.builds(
        ProvisioningData,
        KEY,
        st.integers(0, 0xFFF),
        st.integers(0, 3),
        st.integers(0, 0xFFFFFFFF),
        st.integers(1, 0x7FFF),
    ),
    KEY,
    st.integers(0, 1 << 24),
)
BLANK = {
    "address": st.binary(min_size=6, max_size=6),
    "boots": st.integers(0, 1 << 40),
    "organization": st.text(max_size=64),
    "company_id": st.none() | WORD,
    "product_id": st.none() | WORD,
    "private_key": st.none() | st.integers(1, P256_ORDER // 2),
    "records": st.dictionaries(WORD, st.binary(max_size=40), max_size=4),
    "static_oob": st.none()
    | st.builds(StaticOob, st.just(OobKind.BINARY), st.binary(min_size=1, max_size=32))
    | st.builds(StaticOob, st.just(OobKind.NUMERIC), st.integers(0, 1 << 64)),
    "failures": st.integers(0, 1 << 40),
}
FLASHES = st.builds(Flash, **BLANK, uuid=st.none() | st.uuids()) | st.builds(
    Flash, **BLANK, uuid=st.uuids(), membership=MEMBERSHIPS
)
GOOD = Flash(
    bytes(6),
    3,
    UUID(int=5),
    "Acme",
    1,
    2,
    77,
    {1: b"certificate"},
    Membership(ProvisioningData(bytes(16), 0, 0, 0, 2), bytes(range(16)), 64),
    StaticOob(OobKind.ALPHANUMERIC, "9B7K2MXQ"),
    4,
)


@given(FLASHES)
def test_an_image_is_the_same_after_a_round_trip(flash: Flash) -> None:
    assert Flash.decode(flash.encode()) == flash


def test_a_file_keeps_what_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    made = FlashFile.create(path, b"\xc0" * 6)
    assert FlashFile.open(path).content == Flash(b"\xc0" * 6)
    made.store(GOOD)
    assert made.content == FlashFile.open(path).content == GOOD
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["device.json"]


def test_secrets_have_no_repr() -> None:
    shown = repr(GOOD)
    assert "77" not in shown
    assert "certificate" not in shown
    assert "9B7K" not in shown
    assert bytes(range(16)).hex() not in shown
    assert repr(bytes(range(16))) not in shown


def damaged(path: Path, content: bytes) -> None:
    """Check that a file is refused by name and left as it is."""
    path.write_bytes(content)
    with pytest.raises(DamagedFlashError) as refused:
        FlashFile.open(path)
    assert str(path) in str(refused.value)
    assert refused.value.code == "damaged-flash"
    assert path.read_bytes() == content


VALUES: dict[str, list[Any]] = {
    "format": [None, "meshwright-flash-2", 1],
    "address": ["", "00", "00" * 7, "zz" * 6, 5, None],
    "boots": [-1, "many", float("inf"), float("nan"), None, []],
    "uuid": [5, "", "lamp", [], {}],
    "organization": [None],
    "company_id": [-1, 0x10000, "x"],
    "product_id": [-1, 0x10000, []],
    "private_key": ["0", "-1", "f" * 64, "", 5, "g"],
    "records": [None, [], {"x": ""}, {"10000": ""}, {"-1": ""}, {"1": "*"}, {"1": 5}, "x"],
    "membership": [{}, [], "x", {"data": "00"}],
    "static_oob": ["", "00ff", "binary:", "numeric:x", 5, {}],
    "failures": [-1, "many", float("inf"), None, []],
}
LATER = {"static_oob", "failures"}
CASES = [(name, value) for name, values in VALUES.items() for value in values]


@pytest.mark.parametrize(
    ("name", "value"), CASES, ids=[f"{n}-{i}" for i, (n, _) in enumerate(CASES)]
)
def test_a_value_that_no_device_writes(tmp_path: Path, name: str, value: object) -> None:
    image = json.loads(GOOD.encode()) | {name: value}
    damaged(tmp_path / "device.json", json.dumps(image).encode())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", "00" * 25),  # address zero
        ("data", "00" * 24),
        ("data", "00" * 23 + "8000"),
        ("data", "00" * 18 + "fc" + "00" * 4 + "0002"),
        ("data", None),
        ("device_key", "00"),
        ("device_key", None),
        ("next_sequence", -1),
        ("next_sequence", 1 << 25),
        ("next_sequence", "x"),
    ],
)
def test_a_membership_that_no_provisioner_gives(tmp_path: Path, name: str, value: object) -> None:
    image = json.loads(GOOD.encode())
    image["membership"][name] = value
    damaged(tmp_path / "device.json", json.dumps(image).encode())


def test_an_image_of_an_earlier_release_is_read() -> None:
    image = json.loads(GOOD.encode())
    for name in LATER:
        del image[name]
    assert Flash.decode(json.dumps(image).encode()) == replace(GOOD, static_oob=None, failures=0)


@pytest.mark.parametrize("name", sorted(set(VALUES) - LATER))
def test_a_value_that_is_missing(tmp_path: Path, name: str) -> None:
    image = json.loads(GOOD.encode())
    del image[name]
    damaged(tmp_path / "device.json", json.dumps(image).encode())


def test_a_node_without_a_uuid(tmp_path: Path) -> None:
    damaged(
        tmp_path / "device.json", json.dumps(json.loads(GOOD.encode()) | {"uuid": None}).encode()
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"\0", b"null", b"5", b'"x"', b"[" * 200_000, b"\xff\xfe", b"{" + b" " * 2_000_000],
)
def test_what_is_no_image_at_all(tmp_path: Path, content: bytes) -> None:
    damaged(tmp_path / "device.json", content)


@given(st.data())
def test_any_octet_changed_is_an_image_or_damage(data: st.DataObject) -> None:
    octets = bytearray(GOOD.encode())
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] = data.draw(st.integers(0, 255))
    with suppress(*_DAMAGE):  # and nothing else
        assert Flash.decode(bytes(octets)).encode()
