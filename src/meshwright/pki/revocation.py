"""Which revocation lists are fit to be asked (RFC 5280, 5 and 6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asn1crypto import crl

_ACCIDENTS = (ValueError, TypeError, KeyError, AttributeError)
CRL_NUMBER = "crl_number"


def usable_crls(lists: Iterable[bytes]) -> list[crl.CertificateList]:
    """Return the lists that parse and say what every list must say.

    A list left out here answers for no certificate, so that a status stays unknown, which never
    counts as good. The engine asks all the others, verified, and not only the newest.
    """
    parsed = [item for item in map(_parse, lists) if item is not None]
    complete = [item for item in parsed if item.delta_crl_indicator_value is None]
    deltas = [item for item in parsed if item.delta_crl_indicator_value is not None]
    return complete + [delta for delta in deltas if _extends_one(delta, complete)]


def _parse(data: bytes) -> crl.CertificateList | None:
    try:
        item = crl.CertificateList.load(data, strict=True)
        return item if _is_conforming(item) else None
    except _ACCIDENTS:
        return None


def _is_conforming(item: crl.CertificateList) -> bool:
    """Want a number, which is not critical, and the time of the next list (5.2.3, 5.1.2.5)."""
    numbered = item.crl_number_value is not None and CRL_NUMBER not in item.critical_extensions
    return numbered and item["tbs_cert_list"]["next_update"].native is not None


def _extends_one(delta: crl.CertificateList, complete: Sequence[crl.CertificateList]) -> bool:
    """Tell whether a complete list is at least as new as the base that the delta names (5.2.4)."""
    base = delta.delta_crl_indicator_value.native
    newest = delta.crl_number_value.native
    return any(
        item.issuer == delta.issuer and base <= item.crl_number_value.native <= newest
        for item in complete
    )
