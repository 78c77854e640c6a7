"""The text of a label: Base URI and UUID (Mesh Protocol 1.1, 5.7).

Host, path and UUID in upper case fit the alphanumeric mode of QR codes; only the key `uuid` must
be lower case. So a label is three segments and small.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from meshwright.core.errors import InputError

_LONGEST = 2048
_HEX = "[0-9A-Fa-f]"
_UUID = re.compile(rf"{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}")
_BASE = re.compile(
    r"(?P<scheme>https)://(?P<host>[a-z0-9.-]+(:[0-9]{1,5})?)(?P<path>/[a-z0-9._~!$&'()*+,;=:@%/-]*)?",
    re.IGNORECASE | re.ASCII,
)
_KEY = "uuid"


class LabelError(InputError):
    """A label, or an image of one, that cannot be used."""

    code = "not-a-mesh-label"


@dataclass(frozen=True, slots=True)
class LabelContent:
    """What a label says: which device, and under which Base URI its certificate is found."""

    uuid: UUID
    base: str


def label_text(base: str, uuid: UUID) -> str:
    """Return the text to print; raises `LabelError` for a base that cannot stand on a label."""
    if _BASE.fullmatch(base) is None:
        raise LabelError(
            "The base of a label is an https address without query, such as https://host/path.",
            code="bad-base-uri",
        )
    return f"{base.upper()}?{_KEY}={str(uuid).upper()}"


def parse_label(text: str, *, where: str = "The code") -> LabelContent:
    """Return what the text says; raises `LabelError` unless it is the text of a mesh label.

    `where` begins the sentence of the error.
    """
    try:
        return _parse(text)
    except _NotALabelError as error:
        raise LabelError(f"{where} is not a mesh label: {error}.") from None


class _NotALabelError(Exception):
    """Why a text is not one of ours, as the end of a sentence."""


def _parse(text: str) -> LabelContent:
    if len(text) > _LONGEST:
        raise _NotALabelError("it holds too much")
    base, mark, query = text.partition("?")
    match = _BASE.fullmatch(base)
    if match is None or not mark:
        raise _NotALabelError("it does not start with https://host?uuid=")
    host = f"https://{match['host'].lower()}"
    return LabelContent(_uuid_in(query), host + (match["path"] or ""))


def _uuid_in(query: str) -> UUID:
    pairs = [pair.partition("=") for pair in query.split("&")]
    values = [(key, value) for key, _, value in pairs if key.lower() == _KEY]
    if len(values) != 1 or values[0][0] != _KEY:
        raise _NotALabelError("it needs the key uuid exactly once")
    if _UUID.fullmatch(values[0][1]) is None:
        raise _NotALabelError("what follows uuid= is not a UUID")
    return UUID(values[0][1])
