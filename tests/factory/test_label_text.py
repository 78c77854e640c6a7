"""The text of labels."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.factory.label_text import LabelContent, LabelError, label_text, parse_label

UUID_A = UUID("b09dc847-5408-40cc-9c54-0fe8c87429e7")
BASE = "https://mesh.example.com/oob"  # the Base URI of sample 8.11.3


def test_only_the_key_is_lower_case() -> None:
    text = "HTTPS://MESH.EXAMPLE.COM/OOB?uuid=B09DC847-5408-40CC-9C54-0FE8C87429E7"
    assert label_text(BASE, UUID_A) == text
    assert parse_label(text) == LabelContent(UUID_A, "https://mesh.example.com/OOB")


@pytest.mark.parametrize(
    ("text", "base"),
    [
        (f"{BASE}?uuid={UUID_A}", BASE),
        (f"HttpS://A.EXAMPLE?uuid={str(UUID_A).upper()}", "https://a.example"),
        (f"https://a.example:8443/x/?uuid={UUID_A}", "https://a.example:8443/x/"),
        (f"{BASE}?uuid={UUID_A}&content=device-certificate", BASE),
        (f"{BASE}?lot=7&uuid={UUID_A}", BASE),
    ],
)
def test_accepted(text: str, base: str) -> None:
    assert parse_label(text) == LabelContent(UUID_A, base)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        BASE,
        f"{BASE}?",
        f"{BASE}?uuid=",
        f"{BASE}?uuid",
        f"{BASE}?UUID={UUID_A}",
        f"{BASE}?uuid={UUID_A}&uuid={UUID_A}",
        f"{BASE}?uuid={UUID_A}&UUID={UUID_A}",
        f"{BASE}?uuid={UUID_A.hex}",
        f"{BASE}?uuid={{{UUID_A}}}",
        f"{BASE}?uuid=urn:uuid:{UUID_A}",
        f"{BASE}?uuid={UUID_A}0",
        f"{BASE}?uuid={UUID_A}\n",
        f"{BASE}?uuid={UUID_A}#x",
        f"{BASE}\n?uuid={UUID_A}",
        f"http://mesh.example.com/oob?uuid={UUID_A}",
        f"https://?uuid={UUID_A}",
        f"https:///oob?uuid={UUID_A}",
        f"https://a.example@b.example/?uuid={UUID_A}",
        f"https://[::1]/?uuid={UUID_A}",
        f"https://a.example/\x1b[2J?uuid={UUID_A}",
        f"https://a.ex\u0101mple/?uuid={UUID_A}",
        f" {BASE}?uuid={UUID_A}",
        f"{BASE}?{'a=b&' * 600}uuid={UUID_A}",
        "WIFI:S:guest;T:WPA;P:secret;;",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(LabelError) as error:
        parse_label(text)
    assert error.value.code == "not-a-mesh-label"
    assert str(error.value).isprintable()


@given(st.text())
def test_any_text_is_a_label_or_refused(text: str) -> None:
    with pytest.raises(LabelError):
        parse_label(text)
    with pytest.raises(LabelError):
        parse_label(f"{BASE}?uuid={text}")


@given(st.uuids(), st.from_regex(r"[a-z]{1,9}\.[a-z]{2,4}(/[a-z0-9.-]{0,5})?", fullmatch=True))
def test_round_trip(uuid: UUID, place: str) -> None:
    content = parse_label(label_text(f"https://{place}", uuid))
    assert content.uuid == uuid
    assert content.base.lower() == f"https://{place}"


@pytest.mark.parametrize(
    "base", ["", "mesh.example.com", "http://a.example", f"{BASE}?", f"{BASE}#a", "https://a b"]
)
def test_a_base_that_cannot_stand_on_a_label(base: str) -> None:
    with pytest.raises(LabelError) as error:
        label_text(base, UUID_A)
    assert error.value.code == "bad-base-uri"
