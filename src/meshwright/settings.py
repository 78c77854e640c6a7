"""What a home folder is set to: a small TOML file that people may read and edit."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from meshwright.core.errors import InputError
from meshwright.files import write_atomic

FILE_NAME = "home.toml"
_LARGEST = 65_536
_SECRETS = ("passphrase", "key-file", "variable")
_MAC = re.compile("[0-9a-fA-F]{12}")
_HEADER = "# A meshwright home. `seed` makes every run the same and is for simulations only.\n"


@dataclass(frozen=True, slots=True)
class Manufacturer:
    """Whose devices the factory makes; IDs as in Assigned Numbers, or both None.

    `lifetime_days` None means certificates without expiry. `label_base` is the Base URI; with up
    to 19 characters of host and path its labels stay small.
    """

    organization: str = "Example Lighting"
    company_id: int | None = None
    product_id: int | None = None
    lifetime_days: int | None = None
    label_base: str = "https://mesh.example/d"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one home.

    `secret` is how the keyring opens: `passphrase`, `key-file` or `variable`; `key_file` is
    relative to the home. `uuid_mac` (12 hex digits) goes into the UUIDs made here. `demo_devices`
    is set in a home that a demo made.
    """

    secret: str
    uuid_mac: str
    key_file: str | None = None
    seed: int | None = None
    demo_devices: int | None = None
    manufacturer: Manufacturer = Manufacturer()


def load(home: Path) -> Settings:
    """Read the settings of a home; raises `InputError` (`no-home`, `bad-settings`)."""
    path = home / FILE_NAME
    try:
        with path.open("rb") as stream:
            return _decode(stream.read(_LARGEST + 1))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"There is no meshwright home at {home}; "
            f"make one with `meshwright init --home {home}`.",
            code="no-home",
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path} cannot be used: {error}; correct it or restore it.", code="bad-settings"
        ) from None


def save(home: Path, settings: Settings) -> None:
    """Write the settings; a folder becomes a home by this file, so it is written last.

    Raises `InputError` (`bad-settings`) for text that no text file can hold.
    """
    values = asdict(settings)
    manufacturer = values.pop("manufacturer")
    text = _HEADER + _table(values) + "\n[manufacturer]\n" + _table(manufacturer)
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        raise InputError(
            "A name or path in the settings is no text in UTF-8; choose another.",
            code="bad-settings",
        ) from None
    write_atomic(home / FILE_NAME, octets)


def _table(values: dict[str, Any]) -> str:
    # JSON strings and integers are TOML strings and integers, but for one character.
    pairs = ((name, value) for name, value in values.items() if value is not None)
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in pairs)
    return "".join(lines).replace("\x7f", "\\u007f")


def _decode(octets: bytes) -> Settings:
    if len(octets) > _LARGEST:
        raise ValueError("it is too large")
    found = tomllib.loads(octets.decode())
    manufacturer = Manufacturer(**_checked_values(Manufacturer, found.pop("manufacturer", {})))
    values = _checked_values(Settings, found)
    for name in ("secret", "uuid_mac"):
        if name not in values:
            raise ValueError(f"the setting {name!r} is missing")
    if values["secret"] not in _SECRETS:
        raise ValueError(f"'secret' should be one of {', '.join(_SECRETS)}")
    if _MAC.fullmatch(values["uuid_mac"]) is None:
        raise ValueError("'uuid_mac' should have 12 hex digits")
    return Settings(**values, manufacturer=manufacturer)


_TEXTS = {"organization", "label_base", "secret", "uuid_mac", "key_file"}


def _checked_values(kind: type[Any], found: dict[str, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(kind)}
    for name, value in found.items():
        if name not in known:
            raise ValueError(f"there is no setting {name!r}")
        wanted = str if name in _TEXTS else int
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise TypeError(f"{name!r} should be {'text' if wanted is str else 'a number'}")
    return found
