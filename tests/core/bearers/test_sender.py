"""Whom a link listens to when several answer the same Link Open."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.bearers.sender import SILENCE, SenderBinding

GENUINE, ROGUE = b"GENUIN", b"ROGUE!"


def heard(binding: SenderBinding, *senders: bytes | None, at: float = 0.0) -> list[bool]:
    return [binding.admits(sender, at) for sender in senders]


def test_an_address_heard_twice_is_kept() -> None:
    binding = SenderBinding()
    assert heard(binding, GENUINE, GENUINE, ROGUE, GENUINE) == [True, True, False, True]
    assert binding.current == GENUINE


def test_of_two_that_answer_at_once_one_is_followed() -> None:
    binding = SenderBinding()
    assert heard(binding, ROGUE, GENUINE, ROGUE) == [True, True, False]
    assert heard(binding, GENUINE, ROGUE, GENUINE) == [True, False, True]


def test_nobody_returns_to_an_address_but_after_silence() -> None:
    binding = SenderBinding()
    heard(binding, GENUINE, ROGUE)
    assert heard(binding, GENUINE, at=SILENCE - 0.001) == [False]
    assert heard(binding, GENUINE, at=SILENCE) == [True]
    assert heard(binding, ROGUE, GENUINE, at=SILENCE) == [False, True]


def test_an_address_that_changes_for_every_packet_is_followed() -> None:
    binding = SenderBinding()
    addresses = [bytes([n]) * 6 for n in range(100)]
    assert all(heard(binding, *addresses))


def test_without_addresses_everything_is_admitted() -> None:
    binding = SenderBinding(frozenset({ROGUE}))
    assert all(heard(binding, None, None, None))
    assert binding.current is None


def test_a_refused_address_is_never_heard() -> None:
    binding = SenderBinding(frozenset({ROGUE}))
    assert heard(binding, ROGUE, ROGUE, GENUINE) == [False, False, True]
    assert heard(binding, ROGUE, at=1000.0) == [False]
    assert binding.current == GENUINE


def test_another_address_takes_over_after_silence() -> None:
    binding = SenderBinding()
    heard(binding, GENUINE, GENUINE)
    assert heard(binding, ROGUE, at=SILENCE - 0.001) == [False]
    assert heard(binding, ROGUE, at=SILENCE) == [True]


def test_the_silence_counts_from_the_last_word_and_not_from_others() -> None:
    binding = SenderBinding()
    heard(binding, GENUINE, GENUINE)
    heard(binding, GENUINE, at=3.0)
    assert heard(binding, ROGUE, at=7.9) == [False]
    assert heard(binding, ROGUE, at=8.0) == [True]


@given(st.lists(st.binary(min_size=6, max_size=6), max_size=200))
def test_memory_is_bounded(senders: list[bytes]) -> None:
    binding = SenderBinding()
    for number, sender in enumerate(senders):
        binding.admits(sender, number * 10.0)
    assert len(binding._left) <= 16
