"""What a peer must not send, however well formed it is, and how each of them is told."""

from __future__ import annotations

from meshwright.core.crypto import equal
from meshwright.core.errors import PeerError
from meshwright.core.provisioning.fields import PduType

_COORDINATE = 32


class UnexpectedPduError(PeerError):
    """A PDU that is not due now (Table 5.41)."""

    code = "unexpected-pdu"

    def __init__(self, pdu_type: PduType) -> None:
        super().__init__(f"{pdu_type.name} is out of turn")


class ReflectedKeyError(PeerError):
    """The peer's public key is our own (5.4.2.3)."""

    code = "reflected-key"


class ReflectedConfirmationError(PeerError):
    """The peer's Confirmation is our own (5.4.2.4.2)."""

    code = "reflected-confirmation"


class ReflectedRandomError(PeerError):
    """The peer's Random is our own (CVE-2020-26560)."""

    code = "reflected-random"


class NotProvenError(PeerError):
    """The peer's Random is not the one it had committed itself to with key and AuthValue."""

    code = "confirmation-failed"


def check_key(peer_public: bytes, *own_publics: bytes) -> None:
    """Raise `ReflectedKeyError` for a key of our own, or its mirror image.

    Both have the same X and give the same secret.
    """
    x = peer_public[:_COORDINATE]
    if any(equal(x, own[:_COORDINATE]) for own in own_publics):
        raise ReflectedKeyError("our own public key came back")
