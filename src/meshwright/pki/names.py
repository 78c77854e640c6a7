"""When two distinguished names are the same name (RFC 5280, 7.1)."""

from __future__ import annotations

from functools import lru_cache

from asn1crypto import x509 as asn1

_MAX_COMPARED = 4096
_CACHED = 512


def same_name(left: bytes, right: bytes) -> bool:
    """Compare two names in DER, without regard to case, spacing and kind of string."""
    if left == right:
        return True
    if max(len(left), len(right)) > _MAX_COMPARED:
        return False
    canonical = _canonical(left)
    return canonical is not None and canonical == _canonical(right)


@lru_cache(maxsize=_CACHED)
def _canonical(name: bytes) -> str | None:
    try:
        return str(asn1.Name.load(name, strict=True).hashable)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
