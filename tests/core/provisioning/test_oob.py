"""AuthValues, and what a Provisioner chooses or refuses (S9)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.provisioning.samples import load

from meshwright.core.provisioning.authentication import (
    Authentication,
    KeySource,
    Weakening,
)
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    OobType,
    OutputAction,
    PublicKeyOffer,
    PublicKeyType,
)
from meshwright.core.provisioning.oob import choose
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import (
    ZERO_TOUCH,
    AuthenticationPolicy,
    RefusedByPolicyError,
)
from meshwright.core.provisioning.values import OobKind, auth_value, no_oob

KINDS: dict[str, tuple[OobKind, Callable[[str], bytes | int | str]]] = {
    "static_binary": (OobKind.BINARY, bytes.fromhex),
    "static_numeric": (OobKind.NUMERIC, int),
    "static_alphanumeric": (OobKind.ALPHANUMERIC, str),
    "output_blink": (OobKind.NUMERIC, int),
}
VALUES = load("auth_values")


@pytest.mark.parametrize("sample", VALUES, ids=[sample["kind"] for sample in VALUES])
def test_published_rules(sample: dict[str, str]) -> None:
    for size in (16, 32):
        expected = bytes.fromhex(sample[f"auth{size}"])
        if sample["kind"] == "no_oob":
            assert no_oob(size) == expected
            continue
        kind, read = KINDS[sample["kind"]]
        assert auth_value(kind, read(sample["input"]), size) == expected


@pytest.mark.parametrize("kind", [OobKind.BINARY, OobKind.ALPHANUMERIC])
def test_longer_values_are_cut_on_the_right(kind: OobKind) -> None:
    value = bytes(range(0x41, 0x61))
    assert auth_value(kind, value, 16) == value[:16]
    assert auth_value(kind, value, 32) == value


@pytest.mark.parametrize("value", [1 << 128, -1, b"\x01" + bytes(16)])
def test_a_number_that_does_not_fit(value: int | bytes) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        auth_value(OobKind.NUMERIC, value, 16)


def test_characters_outside_ascii() -> None:
    with pytest.raises(ValueError, match="ascii"):
        auth_value(OobKind.ALPHANUMERIC, "\u00e4", 16)


@given(st.sampled_from(OobKind), st.binary(min_size=1, max_size=32), st.sampled_from([16, 32]))
def test_an_auth_value_always_has_its_size(kind: OobKind, value: bytes, size: int) -> None:
    try:
        assert len(auth_value(kind, value, size)) == size
    except ValueError:
        assert kind is OobKind.NUMERIC


BOTH = Algorithms.CMAC | Algorithms.HMAC
OFFER = PublicKeyOffer.OOB_AVAILABLE
CAPABLE = Capabilities(1, BOTH, OFFER)
IN_BAND = AuthenticationPolicy(require_oob_public_key=False)
LEGACY = AuthenticationPolicy((Algorithm.HMAC, Algorithm.CMAC), require_oob_public_key=False)


def test_zero_touch_takes_hmac_and_the_certified_key() -> None:
    choice = choose(CAPABLE, ZERO_TOUCH, key_known=True)
    assert choice.start.algorithm is Algorithm.HMAC
    assert choice.start.public_key is PublicKeyType.OOB
    assert choice.start.method is AuthenticationMethod.NO_OOB
    assert (choice.start.action, choice.start.size) == (0, 0)
    assert choice.uses_oob_key
    assert choice.reason == "HMAC with a public key known beforehand and no OOB value."
    assert choice.weaknesses == ()


@pytest.mark.parametrize(
    ("capabilities", "policy", "key_known", "code"),
    [
        (Capabilities(1, Algorithms.CMAC, OFFER), ZERO_TOUCH, True, "downgrade"),
        (Capabilities(1, 0, OFFER), ZERO_TOUCH, True, "downgrade"),
        (Capabilities(1, 0xFFFC, OFFER), LEGACY, True, "downgrade"),
        (Capabilities(1, BOTH), ZERO_TOUCH, True, "downgrade"),
        (Capabilities(1, BOTH), IN_BAND, True, "downgrade"),
        (Capabilities(1, BOTH, 0xFE), ZERO_TOUCH, True, "downgrade"),
        (CAPABLE, ZERO_TOUCH, False, "no-certified-key"),
        (CAPABLE, AuthenticationPolicy((Algorithm.CMAC,)), True, "downgrade"),
        (CAPABLE, AuthenticationPolicy(methods=()), True, "no-common-method"),
        (
            Capabilities(1, Algorithms.HMAC, OFFER, OobType.ONLY_OOB | OobType.STATIC_AVAILABLE),
            ZERO_TOUCH,
            True,
            "no-common-method",
        ),
        (
            Capabilities(1, BOTH, OFFER, OobType.ONLY_OOB | OobType.STATIC_AVAILABLE),
            ZERO_TOUCH,
            True,
            "contradictory-capabilities",
        ),
        (
            Capabilities(1, Algorithms.HMAC, OFFER, OobType.ONLY_OOB),
            ZERO_TOUCH,
            True,
            "contradictory-capabilities",
        ),
    ],
    ids=[
        "HMAC stripped",
        "no algorithm",
        "only reserved algorithms",
        "OOB key stripped",
        "OOB key stripped, in band allowed",
        "reserved key bits only",
        "no key known",
        "policy for CMAC, device has HMAC",
        "policy without method",
        "only OOB",
        "only OOB with CMAC",
        "only OOB without method",
    ],
)
def test_refused(
    capabilities: Capabilities, policy: AuthenticationPolicy, key_known: bool, code: str
) -> None:
    with pytest.raises(RefusedByPolicyError) as caught:
        choose(capabilities, policy, key_known=key_known)
    assert caught.value.code == code


def test_cmac_only_where_the_policy_says_so_and_nothing_better_is_offered() -> None:
    legacy = Capabilities(1, Algorithms.CMAC)
    assert choose(legacy, LEGACY, key_known=False).start.algorithm is Algorithm.CMAC
    assert choose(CAPABLE, LEGACY, key_known=True).start.algorithm is Algorithm.HMAC


STATIC = OobType.STATIC_AVAILABLE
ALLOWED = [
    set(names)
    for size in range(len(Weakening) + 1)
    for names in itertools.combinations(Weakening, size)
]


def test_a_known_static_value_comes_before_everything_else() -> None:
    offer = Capabilities(1, BOTH, OFFER, STATIC, 8, 0x1F, 8, 0x0F)
    for methods in ((AuthenticationMethod.NO_OOB,), tuple(AuthenticationMethod), ()):
        policy = AuthenticationPolicy(methods=methods)
        choice = choose(offer, policy, key_known=True, static_known=True)
        assert choice.start.method is AuthenticationMethod.STATIC
        assert choice.uses_oob_key
        assert choice.has_oob_value
        assert choice.weaknesses == ()
    assert not choose(offer, ZERO_TOUCH, key_known=True).has_oob_value


@pytest.mark.parametrize(
    ("capabilities", "allowed", "code", "offered"),
    [
        (Capabilities(1, BOTH, OFFER), set(), "downgrade", "offers no OOB"),
        (Capabilities(1, BOTH, OFFER, 0, 6, 8), set(), "downgrade", "no OOB, output OOB"),
        (
            Capabilities(1, Algorithms.CMAC, OFFER, STATIC),
            {Weakening.CMAC},
            "static-with-cmac",
            "offers CMAC",
        ),
    ],
)
def test_a_known_static_value_is_never_left_out(
    capabilities: Capabilities, allowed: set[Weakening], code: str, offered: str
) -> None:
    with pytest.raises(RefusedByPolicyError, match=offered) as refused:
        choose(
            capabilities, AuthenticationPolicy.allowing(allowed), key_known=True, static_known=True
        )
    assert refused.value.code == code
    assert "the policy demands" in str(refused.value)
    policy = AuthenticationPolicy.allowing(allowed | {Weakening.WITHOUT_STATIC})
    choice = choose(capabilities, policy, key_known=True, static_known=True)
    assert Weakening.WITHOUT_STATIC in choice.weaknesses
    assert "without-static" in choice.reason


def test_static_under_cmac_where_the_policy_says_so() -> None:
    policy = AuthenticationPolicy.allowing([Weakening.STATIC_WITH_CMAC])
    offer = Capabilities(1, Algorithms.CMAC, OFFER, STATIC)
    choice = choose(offer, policy, key_known=True, static_known=True)
    assert choice.weaknesses == (Weakening.CMAC, Weakening.STATIC_WITH_CMAC)
    assert (choice.start.algorithm, choice.start.method) == (Algorithm.CMAC, 1)


def test_a_key_in_band_needs_a_value_unless_nothing_is_demanded() -> None:
    in_band = AuthenticationPolicy.allowing([Weakening.IN_BAND_KEY])
    with pytest.raises(RefusedByPolicyError, match="an OOB value") as refused:
        choose(CAPABLE, in_band, key_known=False)
    assert refused.value.code == "no-common-method"
    valued = choose(
        Capabilities(1, BOTH, OFFER, STATIC), in_band, key_known=False, static_known=True
    )
    assert valued.weaknesses == (Weakening.IN_BAND_KEY,)
    nothing = AuthenticationPolicy.allowing([Weakening.UNAUTHENTICATED])
    choice = choose(CAPABLE, nothing, key_known=False)
    assert choice.weaknesses == (Weakening.IN_BAND_KEY, Weakening.UNAUTHENTICATED)


@pytest.mark.parametrize("allowed", ALLOWED, ids=lambda names: "+".join(sorted(names)) or "none")
def test_a_policy_tells_what_it_allows(allowed: set[Weakening]) -> None:
    implied = {
        Weakening.UNAUTHENTICATED: Weakening.IN_BAND_KEY,
        Weakening.STATIC_WITH_CMAC: Weakening.CMAC,
    }
    expected = allowed | {implied[each] for each in allowed if each in implied}
    assert set(AuthenticationPolicy.allowing(allowed).weakenings) == expected
    assert ZERO_TOUCH.weakenings == ()


@given(
    st.sampled_from(ALLOWED),
    st.builds(
        Capabilities,
        st.just(1),
        st.integers(0, 3),
        st.integers(0, 1),
        st.integers(0, 3),
        st.integers(0, 9),
        st.integers(0, 31),
        st.integers(0, 9),
        st.integers(0, 15),
    ),
    st.booleans(),
    st.booleans(),
)
def test_every_weakness_was_allowed(
    allowed: set[Weakening], capabilities: Capabilities, key_known: bool, static_known: bool
) -> None:
    policy = AuthenticationPolicy.allowing(allowed)
    try:
        choice = choose(capabilities, policy, key_known=key_known, static_known=static_known)
    except RefusedByPolicyError:
        return
    assert set(choice.weaknesses) <= set(policy.weakenings)
    assert choice.uses_oob_key == key_known


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (KeySource.CERTIFICATE, "the certified public key"),
        (KeySource.OPERATOR, "the public key from the operator"),
    ],
)
def test_a_choice_is_summed_up_for_programs_and_people(source: KeySource, words: str) -> None:
    offer = Capabilities(1, BOTH, OFFER, 0, 6, 1 << OutputAction.NUMERIC)
    policy = AuthenticationPolicy(methods=(AuthenticationMethod.OUTPUT,))
    summary = choose(offer, policy, key_known=True).summary(source)
    assert summary == Authentication("hmac", source, "output", "numeric", 6)
    assert summary.reason == f"HMAC with {words} and output OOB (numeric, size 6)."
    assert summary.brief == f"HMAC, {source}, output numeric"
    assert Authentication.from_json(summary.to_json()) == summary


def test_a_few_words_are_enough_for_a_table() -> None:
    assert Authentication("hmac", KeySource.CERTIFICATE, "no-oob").brief == "HMAC, certificate"
    weak = (Weakening.CMAC, Weakening.IN_BAND_KEY)
    legacy = Authentication("cmac", KeySource.IN_BAND, "static", weaknesses=weak)
    assert legacy.brief == "CMAC, in-band, static, weak: cmac in-band-key"


def test_a_key_in_band_has_no_other_source() -> None:
    choice = choose(CAPABLE, IN_BAND, key_known=False)
    assert choice.summary(KeySource.CERTIFICATE).key is KeySource.IN_BAND


def test_reserved_bits_and_sizes_are_tolerated() -> None:
    strange = Capabilities(1, 0xFFFF, 0xFF, 0xFC, 0xFF, 0xFFFF, 0xFF, 0xFFFF)
    choice = choose(strange, ZERO_TOUCH, key_known=True)
    assert choice.start.algorithm is Algorithm.HMAC


@given(
    st.builds(
        Capabilities,
        st.integers(1, 255),
        st.integers(0, 0xFFFF),
        *[st.integers(0, 255)] * 3,
        st.integers(0, 0xFFFF),
        st.integers(0, 255),
        st.integers(0, 0xFFFF),
    )
)
def test_zero_touch_never_gets_less(capabilities: Capabilities) -> None:
    try:
        choice = choose(capabilities, ZERO_TOUCH, key_known=True)
    except RefusedByPolicyError:
        return
    assert choice.start.algorithm is Algorithm.HMAC
    assert choice.uses_oob_key
