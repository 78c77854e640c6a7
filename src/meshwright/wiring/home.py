"""A home: the folder that holds one project, opened and locked."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import UUID

from meshwright import settings as settings_file
from meshwright.clock import Clock, ManualClock, SystemClock
from meshwright.core.errors import InputError, StoreError, TrustError
from meshwright.factory.label_image import draw_label
from meshwright.factory.label_text import label_text
from meshwright.randomness import Randomness, SeededRandomness, SystemRandomness
from meshwright.registry.database import Database
from meshwright.registry.errors import translated
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register
from meshwright.registry.secret import KeyFile, Passphrase, Secret, VariableKey
from meshwright.services.authority import AuthorityKeeper, device_profile
from meshwright.settings import Manufacturer, Settings

KEY_VARIABLE = "MESHWRIGHT_KEY"
PASSPHRASE_VARIABLE = "MESHWRIGHT_PASSPHRASE"  # noqa: S105 - the name of a variable, not a secret
_KEYRING, _DATABASE, _LOCK = "keyring.json", "register.db", "lock"
_OWN_KEY_FILE = "master.key"
_SIMULATED_START = datetime(2026, 1, 1, tzinfo=UTC)
_MULTICAST = 0x01
_WIDEST_UUID = UUID(bytes=b"\xff" * 16)  # digits alone would take less room on a label


@dataclass(frozen=True, slots=True)
class Home:
    """Everything that commands work with."""

    path: Path
    settings: Settings
    clock: Clock
    randomness: Randomness
    register: Register
    authorities: AuthorityKeeper

    @property
    def labels(self) -> Path:
        """Where labels are printed."""
        return self.path / "labels"

    @property
    def flash(self) -> Path:
        """Where the flash of virtual devices lives."""
        return self.path / "flash"


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where the secret of a home may come from, besides its own settings."""

    key_file: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    def _variable(self, name: str) -> str | None:
        return (self.environment or {}).get(name)

    def existing(self, home: Path, settings: Settings) -> Secret:
        """Return the secret that opens a home; raises `TrustError` (`no-secret`)."""
        if settings.secret == KeyFile.kind:
            return KeyFile(self.key_file or home / (settings.key_file or _OWN_KEY_FILE))
        if settings.secret == VariableKey.kind:
            value = self._variable(KEY_VARIABLE)
            hint = f"set {KEY_VARIABLE}"
            return VariableKey(_given(value, hint), KEY_VARIABLE)
        phrase = self.passphrase or self._variable(PASSPHRASE_VARIABLE)
        return Passphrase(_given(phrase, f"set {PASSPHRASE_VARIABLE} or type it when asked"))

    def chosen(self, home: Path) -> tuple[Secret, str | None]:
        """Return the secret for a new home, and the key file's place when it is one.

        A key file that does not exist is made. Without any choice the home gets one of its own.
        """
        value = self._variable(KEY_VARIABLE)
        phrase = self.passphrase or self._variable(PASSPHRASE_VARIABLE)
        if phrase and self.key_file is None:
            return Passphrase(phrase), None
        if value and self.key_file is None:
            return VariableKey(value, KEY_VARIABLE), None
        path = self.key_file or home / _OWN_KEY_FILE
        secret = KeyFile(path)
        if not path.exists():
            secret = KeyFile.create(path, SystemRandomness().stream("key file"))
        inside = path.parent == home
        return secret, path.name if inside else str(path.absolute())


def _given(value: str | None, hint: str) -> str:
    if not value:
        raise TrustError(f"This home is locked: {hint}.", code="no-secret")
    return value


def create(
    path: Path,
    secrets: SecretSource,
    *,
    seed: int | None = None,
    demo_devices: int | None = None,
    manufacturer: Manufacturer | None = None,
) -> Settings:
    """Make a new home; what an interrupted attempt has left there is replaced.

    Raises `InputError` (`home-exists`) when there is one already, `not-empty` for a folder that
    holds something else.
    """
    manufacturer = manufacturer or Manufacturer()
    _check_manufacturer(manufacturer)
    with _translated(path):
        _check_place(path)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(path):
            _check_place(path)  # somebody else may have made it since
            return _fill(path, secrets, seed, demo_devices, manufacturer)


def _check_manufacturer(manufacturer: Manufacturer) -> None:
    """Refuse now what would make every device on the line fail later."""
    device_profile(manufacturer)
    draw_label(label_text(manufacturer.label_base, _WIDEST_UUID), "", "")


def _fill(
    path: Path,
    secrets: SecretSource,
    seed: int | None,
    demo_devices: int | None,
    manufacturer: Manufacturer,
) -> Settings:
    # The settings file makes the folder a home and comes last; before it nothing counts.
    for each in path.iterdir():
        if each.name in _REMADE or each.name.startswith(_OUR_TEMPORARIES):
            each.unlink()
    randomness = randomness_of(seed)
    secret, key_file = secrets.chosen(path)
    Keyring.create(path / _KEYRING, secret, SystemRandomness().stream("keyring"))
    Database.open(path / _DATABASE).close()
    for folder, mode in _FOLDERS.items():
        (path / folder).mkdir(mode=mode, exist_ok=True)
    mac = randomness.stream("uuid mac")(6)
    mac = bytes([mac[0] | _MULTICAST]) + mac[1:]  # a node ID that is no MAC (RFC 9562, 6.10)
    settings = Settings(secret.kind, mac.hex(), key_file, seed, demo_devices, manufacturer)
    settings_file.save(path, settings)
    return settings


_FOLDERS = {"ca": 0o700, "flash": 0o700, "labels": 0o755}  # a label is there to be shown
_SQLITE_FILES = frozenset(_DATABASE + ending for ending in ("", "-journal", "-wal", "-shm"))
_REMADE = _SQLITE_FILES | {_KEYRING}
_OURS = _REMADE | {_LOCK, _OWN_KEY_FILE, *_FOLDERS}
_OUR_TEMPORARIES = tuple(f".{name}." for name in (_KEYRING, _OWN_KEY_FILE, settings_file.FILE_NAME))


def _check_place(path: Path) -> None:
    if (path / settings_file.FILE_NAME).exists():
        raise InputError(f"{path} is a meshwright home already.", code="home-exists")
    if path.is_dir():
        foreign = sorted(each.name for each in path.iterdir() if not _is_ours(each.name))
        if foreign:
            raise InputError(
                f"{path} holds other files, such as {foreign[0]}; choose an empty folder.",
                code="not-empty",
            )


def _is_ours(name: str) -> bool:
    """Tell whether an interrupted attempt at a home has left this."""
    return name in _OURS or name.startswith(_OUR_TEMPORARIES)


def randomness_of(seed: int | None) -> Randomness:
    """Return the source of randomness of a home."""
    return SystemRandomness() if seed is None else SeededRandomness(seed)


@contextmanager
def opened(path: Path, secrets: SecretSource, *, actor: str = "meshwright") -> Iterator[Home]:
    """Open a home and keep others from changing it meanwhile."""
    settings = settings_file.load(path)
    with ExitStack() as stack:
        stack.enter_context(_translated(path))
        stack.enter_context(locked(path))
        keyring = Keyring.open(path / _KEYRING, secrets.existing(path, settings))
        database = stack.enter_context(Database.open(path / _DATABASE, create=False))
        yield _home(path, settings, database, keyring, actor)


def _home(path: Path, settings: Settings, database: Database, keyring: Keyring, actor: str) -> Home:
    seeded = settings.seed is not None
    # A seeded home lives in a time of its own: the same seed gives the same certificates.
    clock: Clock = ManualClock(_SIMULATED_START) if seeded else SystemClock()
    randomness = randomness_of(settings.seed)
    register = Register(database, keyring, clock, actor)
    authorities = AuthorityKeeper(
        register,
        path / "ca",
        lambda name: keyring.derive_passphrase(f"ca:{name}").decode(),
        clock=clock,
        randomness=randomness,
    )
    return Home(path, settings, clock, randomness, register, authorities)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a home; the system lets go of it when the process dies."""
    with (path / _LOCK).open("a") as stream:
        _lock(stream, path)
        yield


def _lock(stream: IO[str], path: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(
            f"Another meshwright works on {path}; wait for it to end.", code="home-busy"
        ) from None


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what the file system says into a sentence."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read our output has gone; the home is well
    except OSError as error:
        with translated(Path(error.filename or path)):
            raise
