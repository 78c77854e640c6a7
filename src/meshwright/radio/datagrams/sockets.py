"""Sockets for datagram radios, bound where nobody else is."""

from __future__ import annotations

import asyncio
import errno
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.core.errors import InputError, MachineError, MeshwrightError
from meshwright.radio.datagrams.spec import DatagramSpec, host_and_port

Address = str | tuple[Any, ...]
"""As sockets take them: a path, or what their family wants."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A socket that listens, to whom it sends, and what to tidy up when it closes."""

    sock: socket.socket
    remotes: tuple[Address, ...]
    release: Callable[[], None]


async def bind(spec: DatagramSpec) -> Bound:
    """Bind the socket of `spec`.

    Raises `InputError` (`bad-radio`, `radio-address`, `radio-in-use`) and `MachineError`
    (`radio-permission`, `radio-unsupported`).
    """
    return await _udp(spec) if spec.scheme == "udp" else _unix(spec)


async def _udp(spec: DatagramSpec) -> Bound:
    family, local = await _resolve(spec.local, socket.AF_UNSPEC)
    remotes = [(await _resolve(remote, family))[1] for remote in spec.remotes]
    sock = socket.socket(family, socket.SOCK_DGRAM)
    _bind(sock, local, spec.local)
    return Bound(sock, tuple(remotes), lambda: None)


async def _resolve(place: str, family: int) -> tuple[socket.AddressFamily, Address]:
    host, port = host_and_port(place)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, family=family, type=socket.SOCK_DGRAM
        )
    except (OSError, ValueError):  # nobody of that name, or no name at all
        raise InputError(
            f"{place} cannot be used with the other addresses; give a host of this network, and "
            "all of them IPv4 or all of them IPv6.",
            code="radio-address",
        ) from None
    return found[0][0], found[0][4]


def _unix(spec: DatagramSpec) -> Bound:
    if not hasattr(socket, "AF_UNIX"):
        raise MachineError(
            "This system has no Unix sockets; use udp:HOST:PORT,HOST:PORT.",
            code="radio-unsupported",
        )
    for remote in spec.remotes:
        _check_path(remote)
    if _is_taken(spec.local):
        raise _in_use(spec.local)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    _bind(sock, spec.local, spec.local)
    path = Path(spec.local).absolute()
    ours = _identity(path)

    def release() -> None:
        if _identity(path) == ours:  # nobody has put something else there
            path.unlink(missing_ok=True)

    return Bound(sock, spec.remotes, release)


def _check_path(place: str) -> None:
    """Refuse what will never be a path; nobody has to be there yet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(place)
        except (OSError, ValueError) as error:
            if not isinstance(error, OSError) or error.errno is None:  # Python's, not the system's
                raise _unusable(place, error) from None


def _is_taken(place: str) -> bool:
    """Tell whether somebody answers at `place`; a socket where nobody does is removed."""
    path = Path(place)
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return True
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.connect(place)
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return False
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EPERM, errno.EPROTOTYPE):
            return True  # it answers, to somebody else or with another kind of socket
        raise _unusable(place, error) from None
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _bind(sock: socket.socket, address: Address, place: str) -> None:
    try:
        sock.bind(address)
    except (OSError, ValueError) as error:
        sock.close()
        raise _unusable(place, error) from None


def _unusable(place: str, error: OSError | ValueError) -> MeshwrightError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return _in_use(place)
    if number in (errno.EACCES, errno.EPERM):
        return MachineError(
            f"You may not open a radio at {place}; choose a place that is yours.",
            code="radio-permission",
        )
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return InputError(f"No radio can be opened at {place}: {why}.", code="radio-address")


def _in_use(place: str) -> InputError:
    return InputError(
        f"{place} is in use already; end the program that uses it, or choose another place.",
        code="radio-in-use",
    )
