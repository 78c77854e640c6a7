"""What both sides confirm, kept as the octets that were on the wire (5.4.2.4.1)."""

from __future__ import annotations

from meshwright.core.provisioning.fields import PduType

_SIZES = {int(PduType.INVITE): 1, int(PduType.CAPABILITIES): 11, int(PduType.START): 5}
"""Octets of parameters by type, in the order of ConfirmationInputs."""


class Transcript:
    """Collects the parameters of Invite, Capabilities, Start and both public keys."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}

    def keep(self, octets: bytes) -> None:
        """Keep a PDU exactly as it was sent or received."""
        if len(octets) != _SIZES.get(octets[0], 0) + 1:
            raise ValueError(f"PDU {octets[0]:#04x} does not belong into the transcript like this")
        self._parts[octets[0]] = octets[1:]

    def confirmation_inputs(self, provisioner_key: bytes, device_key: bytes) -> bytes:
        """Return ConfirmationInputs, 145 octets; both keys as X || Y, OOB or not."""
        kept = b"".join(self._parts[pdu_type] for pdu_type in _SIZES)
        return kept + provisioner_key + device_key
