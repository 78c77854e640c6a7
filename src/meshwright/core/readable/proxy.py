"""What travels over GATT in words: the values of Data In and Data Out (6.3)."""

from __future__ import annotations

from meshwright.core.bearers.proxy_sar import (
    PROVISIONING_SERVICE,
    PROXY_SERVICE,
    MessageType,
    ProxySarError,
    Reassembler,
    Sar,
)
from meshwright.core.readable.items import Item, Kind, malformed, short
from meshwright.core.readable.pdus import read_pdu
from meshwright.core.readable.words import named

_LIMITS = {**PROVISIONING_SERVICE, **PROXY_SERVICE}


class ProxyReader:
    """Reads one direction of one connection: the values of Data In, or those of Data Out."""

    def __init__(self) -> None:
        self._reassembler = Reassembler(_LIMITS)

    def read(self, value: bytes, now: float) -> list[Item]:
        """Return one value in words, and the provisioning PDU that it makes whole."""
        if not value:
            return [malformed("proxy PDU", value, "it is empty")]
        sar, kind, data = value[0] >> 6, value[0] & 0x3F, value[1:]
        text = f"proxy PDU, {named(MessageType, kind)}, {named(Sar, sar)}, {short(data)}"
        item = Item(Kind.PROXY, text, {"sar": sar, "type": kind, "octets": data.hex()})
        try:
            message = self._reassembler.receive(value, now)
        except ProxySarError as error:
            return [item, malformed("proxy PDU", value, error)]
        if message is None or message.message_type != MessageType.PROVISIONING:
            return [item]
        return [item, read_pdu(message.content)]
