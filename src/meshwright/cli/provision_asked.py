"""What the options of `meshwright provision` ask for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from meshwright.cli.oob_options import public_key_of
from meshwright.cli.radios import address_of, bearer_of, static_of, uuid_of
from meshwright.core.errors import InputError

if TYPE_CHECKING:
    from meshwright.core.provisioning.fields import AuthenticationMethod
    from meshwright.core.provisioning.policy import AuthenticationPolicy
    from meshwright.core.provisioning.values import StaticOob
    from meshwright.pki.validation import ChainValidator
    from meshwright.roles.bearers import Bearer

METHODS = ("auto", "no-oob", "static", "output", "input")


@dataclass(frozen=True)
class Job:
    """What is to be done."""

    uuid: UUID
    radio: str
    bearer: Bearer
    policy: AuthenticationPolicy
    validator: ChainValidator | None
    public_key: bytes | None
    static_oob: StaticOob | None = field(repr=False)
    address: int | None
    attention: int
    timeout: float
    network_file: Path | None


@dataclass(frozen=True)
class Asked:
    """The options, as they were given."""

    uuid: str
    radio: str
    bearer: str
    roots: tuple[Path, ...]
    public_key: str | None
    static_oob: str | None = field(repr=False)
    method: str
    allow: tuple[str, ...]
    address: str | None
    attention: int
    timeout: float
    network_file: Path | None

    def job(self) -> Job:
        """Read all of them; raises `InputError` for what cannot be used."""
        self._check()
        return Job(
            uuid_of(self.uuid),
            self.radio,
            bearer_of(self.bearer),
            self._policy(),
            self._validator(),
            public_key_of(self.public_key),
            static_of(self.static_oob),
            address_of(self.address),
            self.attention,
            self.timeout,
            self.network_file,
        )

    def _check(self) -> None:
        static, method = self.static_oob is not None, self.method
        contradictions = {
            "--method static needs the value: give it with --static-oob.": (
                method == "static" and not static
            ),
            f"--static-oob and --method {method} rule each other out; leave one of them out.": (
                static and method not in ("auto", "static")
            ),
            "--roots and --public-key rule each other out; leave one of them out.": (
                bool(self.roots) and self.public_key is not None
            ),
        }
        for sentence, is_so in contradictions.items():
            if is_so:
                raise InputError(sentence, code="contradictory-options")

    def _policy(self) -> AuthenticationPolicy:
        """Return what is accepted; a key that is known beforehand needs no OOB value besides."""
        from meshwright.core.provisioning.authentication import Weakening
        from meshwright.core.provisioning.policy import AuthenticationPolicy

        policy = AuthenticationPolicy.allowing(Weakening(each) for each in self.allow)
        key_known = bool(self.roots or self.public_key)
        return replace(
            policy,
            methods=_methods(self.method, key_known=key_known),
            require_oob_public_key=policy.require_oob_public_key and key_known,
            no_oob_in_band=policy.no_oob_in_band or self.method == "no-oob",
        )

    def _validator(self) -> ChainValidator | None:
        from meshwright.pki.certificate_file import read_certificates
        from meshwright.pki.validation import ChainValidator

        if not self.roots:
            return None
        certificates = [each for path in self.roots for each in read_certificates(path)]
        return ChainValidator(certificates, required_policies=frozenset())


def _methods(name: str, *, key_known: bool) -> tuple[AuthenticationMethod, ...]:
    from meshwright.core.provisioning.fields import AuthenticationMethod as Method

    if name != "auto":
        return (Method[name.replace("-", "_").upper()],)
    by_person = (Method.OUTPUT, Method.INPUT)
    return (Method.NO_OOB, *by_person) if key_known else (*by_person, Method.NO_OOB)
