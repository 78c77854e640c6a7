"""What the operating system's own stack is opened by: `bleak`, or `bleak:ADAPTER` on Linux."""

from __future__ import annotations

import re
import sys

from meshwright.core.errors import InputError

_ADAPTER = re.compile(r"hci[0-9]{1,3}")


def parse(spec: str, platform: str = sys.platform) -> str | None:
    """Return the adapter in `spec`, or None for the system's choice.

    Raises `InputError` (`bad-radio`) for what cannot be read, and for an adapter where the system
    lets nobody choose one.
    """
    kind, colon, adapter = spec.partition(":")
    if kind != "bleak" or (colon and _ADAPTER.fullmatch(adapter) is None):
        raise InputError(
            f"{spec} describes no radio; write bleak, or bleak:hci1 for another adapter.",
            code="bad-radio",
        )
    if colon and platform != "linux":
        raise InputError(
            f"Only Linux lets programs choose an adapter; write bleak instead of {spec}.",
            code="bad-radio",
        )
    return adapter or None
