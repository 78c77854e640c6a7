"""What both sides prove to each other: that they hold their keys and the AuthValue (5.4.2.4.2)."""

from __future__ import annotations

from collections.abc import Callable

from meshwright.core.crypto import equal
from meshwright.core.provisioning.codec import MalformedPduError
from meshwright.core.provisioning.protections import (
    NotProvenError,
    ReflectedConfirmationError,
    ReflectedRandomError,
)
from meshwright.core.provisioning.suites import Confirming, SessionKeys, Suite


class Exchange:
    """One side's Confirmation and Random, and what the peer's have to be.

    Starts from ConfirmationInputs, ECDHSecret and AuthValue. `random` gives a Random that was never
    used before.
    """

    __slots__ = ("_confirming", "_peer_confirmation", "_peer_random", "confirmation", "random")

    def __init__(
        self,
        suite: Suite,
        inputs: bytes,
        secret: bytes,
        auth_value: bytes,
        random: Callable[[int], bytes],
    ) -> None:
        self._confirming = Confirming.begin(suite, inputs, secret, auth_value)
        self.random = random(suite.size)
        self.confirmation = self._confirming.confirmation(self.random)
        self._peer_confirmation = self._peer_random = b""

    def commit(self, value: bytes) -> None:
        """Take the peer's Confirmation; raises `PeerError` when it cannot be one."""
        self._check_size(value)
        if equal(value, self.confirmation):
            raise ReflectedConfirmationError("our own confirmation came back")
        self._peer_confirmation = value

    def prove(self, value: bytes) -> None:
        """Take the peer's Random; raises `PeerError` unless its Confirmation was for it."""
        self._check_size(value)
        if equal(value, self.random):
            raise ReflectedRandomError("our own random came back")
        if not equal(self._confirming.confirmation(value), self._peer_confirmation):
            raise NotProvenError("it could not prove that it holds its key")
        self._peer_random = value

    def keys_as_provisioner(self) -> SessionKeys:
        """Derive the session's keys, after `prove`."""
        return self._confirming.session_keys(self.random, self._peer_random)

    def keys_as_device(self) -> SessionKeys:
        """Derive the same keys on the other side: the Provisioner's Random comes first."""
        return self._confirming.session_keys(self._peer_random, self.random)

    def _check_size(self, value: bytes) -> None:
        suite = self._confirming.suite
        if len(value) != suite.size:
            raise MalformedPduError(
                f"{suite.algorithm.name} needs {suite.size} octets, not {len(value)}"
            )
