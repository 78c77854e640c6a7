"""Settings of a home: the same after a round trip, and mistakes are named."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from meshwright.core.errors import InputError
from meshwright.settings import FILE_NAME, Manufacturer, Settings, load, save

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NUMBER = st.none() | st.integers(-(1 << 62), 1 << 62)
SETTINGS = st.builds(
    Settings,
    st.sampled_from(["passphrase", "key-file", "variable"]),
    st.binary(min_size=6, max_size=6).map(bytes.hex),
    st.none() | TEXT,
    NUMBER,
    NUMBER,
    st.builds(Manufacturer, TEXT, NUMBER, NUMBER, NUMBER, TEXT),
)


@given(SETTINGS)
@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_settings_are_the_same_after_a_round_trip(tmp_path: Path, settings: Settings) -> None:
    save(tmp_path, settings)
    assert load(tmp_path) == settings


def test_the_file_can_be_read_and_edited_by_people(tmp_path: Path) -> None:
    save(tmp_path, Settings("key-file", "0123456789ab", "master.key", seed=3))
    text = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert text.startswith("# A meshwright home.")
    found = tomllib.loads(text)
    assert found["seed"] == 3
    assert found["manufacturer"]["label_base"] == "https://mesh.example/d"
    (tmp_path / FILE_NAME).write_text(
        text.replace("mesh.example", "lamps.example") + "# mine\n", encoding="utf-8"
    )
    assert load(tmp_path).manufacturer.label_base == "https://lamps.example/d"


def test_text_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        save(tmp_path, Settings("key-file", "0" * 12, "\udcff.key"))
    assert refused.value.code == "bad-settings"
    assert not (tmp_path / FILE_NAME).exists()


def test_settings_that_are_left_out_have_their_defaults(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(
        'secret = "passphrase"\nuuid_mac = "000000000000"\n', encoding="utf-8"
    )
    assert load(tmp_path) == Settings("passphrase", "0" * 12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("uuid_mac = '0123456789ab'", "secret"),
        ("secret = 'key-file'", "uuid_mac"),
        ("secret = 'key-file'\nuuid_mac = '0123'", "uuid_mac"),
        ("secret = 'mine'\nuuid_mac = '0123456789ab'", "passphrase"),
        ("secret = 'x'\nuuid_mac = 5", "uuid_mac"),
        ("secret = 'x'\nuuid_mac = '0'\nseed = 'one'", "seed"),
        ("secret = 'x'\nuuid_mac = '0'\nseed = true", "seed"),
        ("secret = 'x'\nuuid_mac = '0'\nseed = 1.5", "seed"),
        ("secret = 'x'\nuuid_mac = '0'\ncolor = 1", "color"),
        ("secret = 'x'\nuuid_mac = '0'\nmanufacturer = 3", "cannot be used"),
        ("secret = 'x'\nuuid_mac = '0'\n[manufacturer]\nvat = 'x'", "vat"),
        ("secret = 'x'\nuuid_mac = '0'\n[manufacturer]\ncompany_id = 'x'", "company_id"),
        ("secret = ", "cannot be used"),
        ("\0", "cannot be used"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load(tmp_path)
    message = str(refused.value)
    assert refused.value.code == "bad-settings"
    assert said in message
    assert str(tmp_path / FILE_NAME) in message
    assert "__init__" not in message
    assert message.count("\n") == 0


@pytest.mark.parametrize("place", ["nowhere", "file/below", ""])
def test_a_folder_that_is_no_home(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as refused:
        load(tmp_path / place)
    assert refused.value.code == "no-home"
    assert "meshwright init" in str(refused.value)


def test_a_file_that_is_too_large_is_refused_and_not_read_in_part(tmp_path: Path) -> None:
    save(tmp_path, Settings("key-file", "0123456789ab", seed=1))
    path = tmp_path / FILE_NAME
    path.write_text("# " + "-" * 65_530 + "\n" + path.read_text())
    with pytest.raises(InputError, match="too large") as refused:
        load(tmp_path)
    assert refused.value.code == "bad-settings"
