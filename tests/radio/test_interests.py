"""The index of who wants what, against a plain search."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.bearers import generic
from meshwright.core.discovery.ad import AdType
from meshwright.radio.interests import Interests, Pattern, link_pattern, open_pattern

PATTERNS = st.builds(
    Pattern,
    st.sampled_from([1, 2]),
    st.integers(0, 2),
    st.lists(st.sampled_from(b"ab"), max_size=2).map(bytes),
)
WANTED = st.none() | st.lists(PATTERNS, max_size=3)
CHANGES = st.lists(st.tuples(st.integers(0, 4), st.booleans(), WANTED), max_size=12)
DATA = st.lists(st.sampled_from(b"ab"), max_size=4).map(bytes)


def matches(pattern: Pattern, ad_type: int, data: bytes) -> bool:
    return pattern.ad_type == ad_type and data[pattern.offset :].startswith(pattern.content)


@given(CHANGES, st.sampled_from([1, 2, 3]), DATA)
def test_finds_exactly_who_wants_it(
    changes: list[tuple[int, bool, list[Pattern] | None]], ad_type: int, data: bytes
) -> None:
    interests: Interests[int] = Interests()
    model: dict[int, list[Pattern] | None] = {}
    for member, leaves, wanted in changes:
        model.pop(member, None)
        if leaves:
            interests.discard(member)
        else:
            interests.set(member, wanted)
            model[member] = wanted
    expected = {
        member
        for member, wanted in model.items()
        if wanted is None or any(matches(pattern, ad_type, data) for pattern in wanted)
    }
    found = interests.lookup(ad_type, data)
    assert set(found) == expected
    assert len(found) == len(expected)
    assert interests.members == tuple(model)


def test_knows_what_all_of_them_want() -> None:
    interests: Interests[str] = Interests()
    assert interests.wanted(2) == ()
    interests.set("one", [Pattern(1, 0, b"x")])
    interests.set("two", [Pattern(2), Pattern(1, 0, b"x")])
    assert interests.wanted(2) == (Pattern(1, 0, b"x"), Pattern(2))
    assert interests.wanted(1) == (Pattern(1), Pattern(2))
    interests.discard("two")
    assert interests.wanted(0) == (Pattern(1),)
    interests.set("all", None)
    assert interests.wanted(2) is None


def test_members_may_leave_while_the_result_is_walked() -> None:
    interests: Interests[str] = Interests()
    for member in ("one", "two"):
        interests.set(member, [Pattern(1)])
    walked = []
    for member in interests.lookup(1, b""):
        walked.append(member)
        interests.discard("two")
    assert walked == ["one", "two"]
    assert "two" not in interests


def test_patterns_of_a_link() -> None:
    uuid = bytes(range(16))
    interests: Interests[str] = Interests()
    interests.set("linked", [link_pattern(b"LINK")])
    interests.set("idle", [open_pattern(uuid)])
    open_ = b"LINK\0" + generic.link_open(uuid)
    assert interests.lookup(AdType.PB_ADV, open_) == ("linked", "idle")
    assert interests.lookup(AdType.PB_ADV, b"LINK\0" + generic.ACK) == ("linked",)
    assert interests.lookup(AdType.PB_ADV, b"KNIL\0" + generic.link_open(uuid)) == ("idle",)
    assert interests.lookup(AdType.PB_ADV, b"KNIL\0" + generic.link_open(bytes(16))) == ()
    assert interests.lookup(AdType.MESH_MESSAGE, open_) == ()
