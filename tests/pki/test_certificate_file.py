"""Certificates in files; what they say is looked at elsewhere."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError
from meshwright.pki.certificate_file import _LARGEST, read_certificates, to_pem

ONE, TWO = b"\x30\x03one", b"\x30\x03two"


def pem(der: bytes, end: bytes = b"\n") -> bytes:
    lines = end.join([b"-----BEGIN CERTIFICATE-----", b64encode(der)])
    return lines + end + b"-----END CERTIFICATE-----" + end


FORMS = {
    "DER": (ONE, [ONE]),
    "PEM": (pem(ONE), [ONE]),
    "PEM of another system": (pem(ONE, b"\r\n"), [ONE]),
    "several in PEM": (pem(TWO) + pem(ONE), [TWO, ONE]),
    "PEM among words": (b"subject=lamp\n" + pem(ONE) + b"issuer=\n" + pem(TWO), [ONE, TWO]),
}


@pytest.mark.parametrize(("content", "found"), FORMS.values(), ids=FORMS)
def test_certificates(tmp_path: Path, content: bytes, found: list[bytes]) -> None:
    path = tmp_path / "chain"
    path.write_bytes(content)
    assert read_certificates(path) == found


NONE = {
    "nothing": b"",
    "words": b"no certificate",
    "no base64": pem(ONE).replace(b64encode(ONE), b"####"),
    "an empty one": pem(b""),
    "one of two without content": pem(ONE) + pem(b""),
    "no end": pem(ONE)[:-10],
    "a key": pem(ONE).replace(b"CERTIFICATE", b"PRIVATE KEY"),
    "more than fits": pem(ONE) + b"\n" * _LARGEST,
    "more DER than fits": b"\x30" * (_LARGEST + 1),
}


@pytest.mark.parametrize("content", NONE.values(), ids=NONE)
def test_no_certificates(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chain"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_certificates(path)
    assert caught.value.code == "no-certificates"
    assert "chain" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_certificates(tmp_path / "chain")


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(pem(ONE) + content)
    with suppress(InputError):
        assert read_certificates(path)[0] == ONE


@given(st.binary(min_size=1, max_size=300))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "written.pem"
    path.write_text(to_pem(content), encoding="ascii")
    assert read_certificates(path) == [content]
    assert max(map(len, to_pem(content).splitlines())) <= 64
