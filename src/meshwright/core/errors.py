"""The error tree.

    MeshwrightError            every deliberate error; has a stable `code` and one sentence
    +- InputError              a person or a file gave something unusable
    +- TrustError              something is not trusted, or a secret is wrong
    +- StoreError              the store refuses, is damaged, full or busy
    +- MachineError            the machine lacks something
    +- PeerError               a peer broke the protocol; never our own mistake

Rooms above the core derive their own errors from these five. What a program reads is `code`;
what a person reads is the message, which says what is wrong and what to do.
"""

from __future__ import annotations


class MeshwrightError(Exception):
    """Base of every deliberate error.

    `code` is stable and made of lower-case words with hyphens.
    """

    code = "internal"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class InputError(MeshwrightError):
    """Input that cannot be used."""

    code = "bad-input"


class TrustError(MeshwrightError):
    """Not trusted, not allowed, or the wrong secret."""

    code = "not-trusted"


class StoreError(MeshwrightError):
    """The store cannot do what was asked; nothing was changed."""

    code = "store"


class MachineError(MeshwrightError):
    """The machine lacks something that is needed."""

    code = "environment"


class PeerError(MeshwrightError):
    """A peer broke the rules of the protocol."""

    code = "protocol"


class MalformedError(PeerError):
    """Octets that do not decode."""

    code = "malformed"
