"""What both sides confirm, kept as the octets that were on the wire (5.4.2.4.1)."""

from __future__ import annotations

from meshwright.core.provisioning.fields import PduType

_SIZES = {PduType.INVITE: 1, PduType.CAPABILITIES: 11, PduType.START: 5}


class Transcript:
    """Collects the parameters of Invite, Capabilities, Start and both public keys."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: dict[PduType, bytes] = {}

    def keep(self, octets: bytes) -> None:
        """Keep a PDU exactly as it was sent or received."""
        pdu_type = PduType(octets[0])
        if len(octets) != _SIZES[pdu_type] + 1:
            raise ValueError(f"{pdu_type.name} does not belong into the transcript like this")
        self._parts[pdu_type] = octets[1:]

    def confirmation_inputs(self, provisioner_key: bytes, device_key: bytes) -> bytes:
        """Return ConfirmationInputs, 145 octets; both keys as X || Y, OOB or not."""
        kept = b"".join(self._parts[pdu_type] for pdu_type in _SIZES)
        return kept + provisioner_key + device_key
