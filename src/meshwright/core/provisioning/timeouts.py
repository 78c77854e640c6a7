"""How long a session may be silent (5.4.4); both are minima, the second one with a person in it."""

from __future__ import annotations

PROVISIONING_TIMEOUT = 60.0
"""Seconds without a PDU in either direction after which a session has failed."""

PERSON_TIMEOUT = 120.0
"""The same once Start has asked for Output or Input OOB."""
