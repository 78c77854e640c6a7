"""Chains that are remembered, senders that are avoided, and reasons as people read them."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.forging import Site

from meshwright.services import chains as chains_module
from meshwright.services import sightings as sightings_module
from meshwright.services.chains import Chain, ChainBook
from meshwright.services.sightings import Refusal, Sightings
from meshwright.services.wording import sentence

ONE, OTHER = UUID(int=1), UUID(int=2)
SENDER, PEER = b"\xc0sendr", b"\xc0peer!"


# Wording.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the key is wrong", "The key is wrong."),
        ("Fine already.", "Fine already."),
        ("is it on?", "Is it on?"),
        ("label.png shows no label", "label.png shows no label."),
        ("/dev/x cannot be read", "/dev/x cannot be read."),
        ("a\x1b[2Jb\nc", "a\ufffd[2Jb\ufffdc."),
        ("", ""),
    ],
)
def test_sentences(text: str, said: str) -> None:
    assert sentence(text) == said


@given(st.text())
def test_a_sentence_never_moves_the_cursor(text: str) -> None:
    said = sentence(text)
    assert said.isprintable()
    assert len(said) <= 410
    assert sentence(said) == said or len(text) > 400


# Sightings.


def refusal(sender: bytes | None, at: float = 0.0, uuid: UUID = ONE) -> Refusal:
    return Refusal(uuid, sender, "code", "Why.", at)


def test_a_sender_is_avoided_under_one_uuid_for_a_while() -> None:
    seen = Sightings()
    seen.avoid(ONE, SENDER, until=60.0)
    assert seen.avoided(ONE, SENDER, 59.9)
    assert not seen.avoided(ONE, SENDER, 60.0)
    assert not seen.avoided(ONE, PEER, 1.0)
    assert not seen.avoided(OTHER, SENDER, 1.0)
    assert seen.avoided_senders(ONE, 1.0) == {SENDER}
    assert seen.avoided_senders(ONE, 60.0) == set()
    seen.avoid(ONE, SENDER, until=5.0)  # the latest word counts
    assert not seen.avoided(ONE, SENDER, 6.0)


def test_without_an_address_the_uuid_itself_is_avoided() -> None:
    seen = Sightings()
    seen.avoid(ONE, None, until=10.0)
    assert seen.avoided(ONE, None, 1.0)
    assert not seen.avoided(ONE, SENDER, 1.0)
    assert seen.avoided_senders(ONE, 1.0) == set()


def test_a_refusal_is_news_once() -> None:
    seen = Sightings()
    assert seen.refuse(refusal(SENDER))
    assert not seen.refuse(refusal(SENDER, 5.0))
    assert seen.refuse(refusal(PEER))
    assert [each.at for each in seen.refusals] == [5.0, 0.0]


def test_what_anybody_may_invent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sightings_module, "_MOST", 8)
    seen = Sightings()
    for number in range(50):
        sender = number.to_bytes(6, "big")
        seen.refuse(refusal(sender))
        seen.avoid(ONE, sender, until=100.0)
        seen.stranger(number.to_bytes(16, "big"), sender, 0.0)
    assert [each.sender for each in seen.refusals] == [n.to_bytes(6, "big") for n in range(42, 50)]
    assert len(seen.avoided_senders(ONE, 1.0)) == 8
    assert [each.uuid.int for each in seen.strangers] == list(range(8))
    assert seen.overflowed


def test_a_stranger_is_new_once() -> None:
    seen = Sightings()
    assert seen.stranger(ONE.bytes, SENDER, 1.0)
    assert not seen.stranger(ONE.bytes, SENDER, 2.0)
    assert [each.first_heard for each in seen.strangers] == [1.0]
    assert not seen.overflowed


# Chains.


def test_chains_are_remembered_by_their_issuer(site: Site, other_site: Site) -> None:
    book = ChainBook({ONE: Chain(b"x", ())})
    assert book.prefetched(ONE) == Chain(b"x", ())
    assert book.prefetched(OTHER) is None
    assert book.intermediates_of(site.leaf) is None
    book.remember(site.leaf, [site.batch])
    assert book.intermediates_of(site.leaf) == (site.batch,)
    assert book.intermediates_of(other_site.leaf) is None


def test_garbage_has_no_issuer() -> None:
    book = ChainBook()
    book.remember(b"garbage", [b"x"])
    assert book.intermediates_of(b"garbage") is None


def test_no_more_batches_are_remembered_than_a_factory_has(
    site: Site, other_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains_module, "_REMEMBERED", 1)
    book = ChainBook()
    book.remember(site.leaf, [site.batch])
    book.remember(site.leaf, [site.batch, site.batch])
    assert book.intermediates_of(site.leaf) == (site.batch, site.batch)
    book.remember(other_site.leaf, [other_site.batch])
    assert book.intermediates_of(site.leaf) is None


def test_a_chain_shows_no_octets() -> None:
    assert repr(Chain(b"device", (b"batch",))) == "Chain()"
