"""What a peer must not send back to us (5.4.2.3; CVE-2020-26560 and CVE-2023-4258)."""

from __future__ import annotations

from meshwright.core.crypto import equal

_COORDINATE = 32


def is_own_key(peer_public: bytes, own_public: bytes) -> bool:
    """Tell whether a peer's public key is ours, or its mirror image, which gives the same secret.

    Both have the same X.
    """
    return equal(peer_public[:_COORDINATE], own_public[:_COORDINATE])
