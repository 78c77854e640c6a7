"""Beyond zero-touch: static values, keys from the operator, and what a person allows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.services.site_world import Actor, World, options_of, result_of

from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.beacon import CERTIFICATE_BASED, OobInformation
from meshwright.core.provisioning.authentication import Authentication, KeySource, Weakening
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import Algorithms
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.registry.entities import Outcome, Prepared
from meshwright.services.report import AssetResult, ResultKind
from meshwright.sim.flash import FlashFile

STATIC = StaticOob(OobKind.BINARY, bytes(range(16)))
WRONG = StaticOob(OobKind.BINARY, bytes(16))
CERTIFIED_STATIC = Authentication("hmac", KeySource.CERTIFICATE, "static")


def allowing(*names: str) -> AuthenticationPolicy:
    return AuthenticationPolicy.allowing([Weakening(name) for name in names])


def meet(
    world: World,
    flash: FlashFile,
    options: DeviceOptions,
    **run: Any,  # noqa: ANN401
) -> tuple[AssetResult, Actor]:
    """Let one device meet the provisioner; return what became of it."""
    oob = CERTIFICATE_BASED if options.records else OobInformation.NONE
    actor = Actor(world, world.uuid(1), options, oob=oob)
    report = world.run(**({"patience": 10.0} | run))
    return result_of(report, flash), actor


def assert_joined(world: World, result: AssetResult, expected: Authentication) -> None:
    assert (result.kind, result.code) == (ResultKind.NODE, None)
    assert result.authentication == expected
    [node] = world.register.nodes()
    [attempt] = world.register.attempts()
    assert node.authentication == attempt.authentication == expected
    [reserved] = [
        line for line in world.register.audit_lines(node.uuid) if line.action == "address-reserved"
    ]
    assert expected.reason in reserved.details


def assert_refused(world: World, result: AssetResult, code: str, *words: str) -> None:
    assert (result.kind, result.code) == (ResultKind.REFUSED, code)
    assert all(word in (result.reason or "") for word in words)
    assert {(each.outcome, each.code) for each in world.register.attempts()} == {
        (Outcome.REFUSED, code)
    }
    assert not world.register.nodes()
    assert not world.register.reserved()


# Static values.


def test_zero_touch_is_recorded_as_what_it_is(world: World) -> None:
    flash = world.flash(1)
    result, _ = meet(world, flash, options_of(flash))
    assert_joined(world, result, Authentication("hmac", KeySource.CERTIFICATE, "no-oob"))
    assert "policy-weakened" not in {line.action for line in world.register.audit_lines()}


def test_a_known_static_value_is_used_with_the_certified_key(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    result, actor = meet(world, flash, options_of(flash, static_oob=STATIC))
    assert_joined(world, result, CERTIFIED_STATIC)
    assert len(actor.became) == 1


def test_a_device_refuses_a_provisioner_that_does_not_know_its_value(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), WRONG)
    result, actor = meet(world, flash, options_of(flash, static_oob=STATIC))
    assert_refused(world, result, "oob-value-refused", "static value on the list")
    assert not actor.became
    assert [each.key for each in world.register.failed_tries()] == [KeySource.CERTIFICATE]
    [attempt] = world.register.attempts()
    assert attempt.authentication == CERTIFIED_STATIC


@pytest.mark.parametrize(
    ("offer", "allowed", "code", "words"),
    [
        ({}, (), "downgrade", ("offers no OOB", "demands the static OOB value")),
        (
            {"static_oob": STATIC, "algorithms": Algorithms.CMAC},
            (),
            "downgrade",
            ("offers CMAC", "demands HMAC"),
        ),
        (
            {"static_oob": STATIC, "algorithms": Algorithms.CMAC},
            ("cmac",),
            "static-with-cmac",
            ("offers CMAC", "demands HMAC"),
        ),
    ],
    ids=["not offered", "CMAC", "CMAC allowed, not with a static value"],
)
def test_a_known_static_value_is_never_left_out_by_itself(
    world: World,
    offer: dict[str, Any],
    allowed: tuple[str, ...],
    code: str,
    words: tuple[str, ...],
) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    result, _ = meet(world, flash, options_of(flash, **offer), policy=allowing(*allowed))
    assert_refused(world, result, code, *words)
    assert not world.register.failed_tries()


@pytest.mark.parametrize(
    ("offer", "allowed", "method", "weaknesses"),
    [
        ({}, ["without-static"], "no-oob", ["without-static"]),
        (
            {"static_oob": STATIC, "algorithms": Algorithms.CMAC},
            ["static-with-cmac"],
            "static",
            ["cmac", "static-with-cmac"],
        ),
        (
            {"static_oob": STATIC, "algorithms": Algorithms.CMAC},
            ["cmac", "without-static"],
            "no-oob",
            ["cmac", "without-static"],
        ),
    ],
)
def test_what_is_allowed_is_used_and_written_down(
    world: World, offer: dict[str, Any], allowed: list[str], method: str, weaknesses: list[str]
) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    policy = allowing(*allowed)
    result, _ = meet(world, flash, options_of(flash, **offer), policy=policy)
    algorithm = "cmac" if "cmac" in weaknesses else "hmac"
    expected = Authentication(
        algorithm, KeySource.CERTIFICATE, method, weaknesses=tuple(map(Weakening, weaknesses))
    )
    assert_joined(world, result, expected)
    lines = world.register.audit_lines()
    [weakened] = [line for line in lines if line.action == "policy-weakened"]
    assert weakened.subject == "hall"
    assert ", ".join(policy.weakenings) in weakened.details


def test_what_is_allowed_is_not_used_where_better_is_offered(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    result, _ = meet(
        world, flash, options_of(flash, static_oob=STATIC), policy=allowing(*Weakening)
    )
    assert_joined(world, result, CERTIFIED_STATIC)


# Keys from the operator, and keys in band.

PLAIN = DeviceOptions(key_pair=KeyPair(77))


def test_a_key_from_the_operator_stands_in_for_a_certificate(world: World) -> None:
    flash = world.flash(1)
    world.register.set_public_key(world.uuid(1), KeyPair(77).public)
    result, actor = meet(world, flash, PLAIN)
    assert_joined(world, result, Authentication("hmac", KeySource.OPERATOR, "no-oob"))
    assert "from the operator" in (result.authentication or CERTIFIED_STATIC).reason
    assert len(actor.became) == 1


def test_another_key_than_the_operators_is_refused_and_no_guess(world: World) -> None:
    flash = world.flash(1)
    world.register.set_public_key(world.uuid(1), KeyPair(78).public)
    result, _ = meet(world, flash, PLAIN)
    assert result.kind is not ResultKind.NODE
    assert not world.register.nodes()
    assert not world.register.failed_tries()


def test_a_key_from_the_operator_that_is_not_offered_is_a_downgrade(world: World) -> None:
    flash = world.flash(1)
    world.register.set_public_key(world.uuid(1), KeyPair(77).public)
    result, _ = meet(world, flash, DeviceOptions(), policy=allowing(*Weakening))
    assert_refused(world, result, "downgrade", "in band only", "demands the key")


@pytest.mark.parametrize("static", [None, STATIC])
def test_a_device_without_certificate_and_key_is_refused(
    world: World, static: StaticOob | None
) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), static)
    result, _ = meet(world, flash, DeviceOptions(static_oob=static))
    assert (result.kind, result.code) == (ResultKind.REFUSED, "downgrade")
    assert not world.register.attempts()


def test_a_key_in_band_where_it_is_allowed_needs_a_value(world: World) -> None:
    flash = world.flash(1)
    result, _ = meet(world, flash, PLAIN, policy=allowing("in-band-key"))
    assert_refused(
        world, result, "no-common-method", "an OOB value with a key that is sent in band"
    )


@pytest.mark.parametrize("options", [DeviceOptions(), PLAIN], ids=["no key", "key ignored"])
@pytest.mark.parametrize("algorithms", [Algorithms.CMAC, Algorithms.CMAC | Algorithms.HMAC])
def test_a_legacy_device_with_a_static_value_joins_where_that_is_allowed(
    world: World, options: DeviceOptions, algorithms: Algorithms
) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    offer = DeviceOptions(
        key_pair=options.key_pair, static_oob=STATIC, algorithms=algorithms, elements=3
    )
    policy = allowing("in-band-key", "static-with-cmac")
    result, _ = meet(world, flash, offer, policy=policy)
    hmac = Algorithms.HMAC in algorithms
    weak = ["in-band-key"] if hmac else ["cmac", "in-band-key", "static-with-cmac"]
    expected = Authentication(
        "hmac" if hmac else "cmac",
        KeySource.IN_BAND,
        "static",
        weaknesses=tuple(map(Weakening, weak)),
    )
    assert_joined(world, result, expected)


def test_nothing_at_all_where_even_that_is_allowed(world: World) -> None:
    flash = world.flash(1)
    result, _ = meet(world, flash, DeviceOptions(), policy=allowing("unauthenticated"))
    weak = (Weakening.IN_BAND_KEY, Weakening.UNAUTHENTICATED)
    assert_joined(
        world, result, Authentication("hmac", KeySource.IN_BAND, "no-oob", weaknesses=weak)
    )


def test_a_device_with_a_certificate_of_ours_never_sends_its_key_in_band(world: World) -> None:
    flash = world.flash(1)
    world.register.record_prepared_many(
        [Prepared(b"issuer", 7, world.uuid(1), bytes(32), b"to be signed")]
    )
    result, _ = meet(world, flash, DeviceOptions(), policy=allowing(*Weakening))
    assert (result.kind, result.code) == (ResultKind.REFUSED, "downgrade")
    assert not world.register.attempts()


def test_the_report_says_what_was_allowed(world: World) -> None:
    world.flash(1)
    assert world.run(patience=5.0).allowed == ()
    report = world.run(patience=5.0, policy=allowing("unauthenticated", "cmac"))
    assert report.allowed == ("cmac", "in-band-key", "unauthenticated")
