"""What the operating system can be asked about radios without opening any of them.

Files are read below a root, so that the same code reads another machine's. Nothing is changed.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

NET_ADMIN = 12  # CAP_NET_ADMIN, linux/capability.h

_READ_AND_WRITE = os.R_OK | os.W_OK


def _may_use(path: Path) -> bool:
    return os.access(path, _READ_AND_WRITE, effective_ids=os.access in os.supports_effective_ids)


def _user() -> str:
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ValueError:  # it was taken out of this process
        return False


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that this program runs on, as far as radios care.

    `may_use` tells whether this user may read and write a file, `installed` whether a library is
    there, and `bluetooth_sockets` whether this Python was built with them.
    """

    root: Path = Path("/")
    platform: str = sys.platform
    python: str = str(Path(sys.executable).resolve())
    bluetooth_sockets: bool = hasattr(socket, "AF_BLUETOOTH")
    installed: Callable[[str], bool] = _is_installed
    may_use: Callable[[Path], bool] = _may_use
    user: Callable[[], str] = _user

    @property
    def is_linux(self) -> bool:
        """Tell whether what is known about files of the system holds."""
        return self.platform == "linux"

    def path(self, name: str) -> Path:
        """Return where the absolute path `name` is found."""
        return self.root / name.lstrip("/")

    def matching(self, pattern: str) -> list[Path]:
        """Return the files that fit the absolute `pattern`, in order."""
        return sorted(self.root.glob(pattern.lstrip("/")))

    def runs(self, program: str) -> bool:
        """Tell whether a process of that name is running; it has at most 15 characters."""
        return any(read(each) == program for each in self.matching("/proc/[0-9]*/comm"))

    def has_capability(self, number: int) -> bool:
        """Tell whether this process has a capability of Linux."""
        lines = read(self.path("/proc/self/status")).splitlines()
        effective = (line.split()[1] for line in lines if line.startswith("CapEff:"))
        return bool(int(next(effective, "0"), 16) >> number & 1)

    def adapters(self) -> list[str]:
        """Return the names of the controllers that the kernel drives, such as hci0."""
        found = self.matching("/sys/class/bluetooth/hci*")
        return [path.name for path in found if path.name.removeprefix("hci").isdigit()]

    def switched_off(self, adapter: str) -> Iterator[str]:
        """Yield by what `adapter` is switched off: `software`, `hardware`, both or none."""
        for switch in self.matching(f"/sys/class/bluetooth/{adapter}/rfkill*"):
            for kind, name in (("software", "soft"), ("hardware", "hard")):
                if read(switch / name) == "1":
                    yield kind


def read(path: Path) -> str:
    """Return the text of a small file without the space around it; nothing if it has none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def group_of(path: Path) -> str:
    """Return the name of the group that owns `path`, which has to be there."""
    number = path.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
