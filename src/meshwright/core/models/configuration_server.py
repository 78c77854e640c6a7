"""The Configuration Server of a node, as far as anything asks it (Mesh Protocol 1.1, 4.4.1)."""

from __future__ import annotations

from meshwright.core.models.configuration import (
    ConfigurationMessage,
    DefaultTtlGet,
    DefaultTtlSet,
    DefaultTtlStatus,
)

_TTLS = frozenset((0, *range(2, 0x80)))  # 4.2.8: 1 and what needs the top bit are prohibited


class ConfigurationServer:
    """Holds the Default TTL; messages in, answers out."""

    __slots__ = ("default_ttl",)

    def __init__(self, default_ttl: int = 7) -> None:
        self.default_ttl = default_ttl

    def receive(self, message: ConfigurationMessage) -> ConfigurationMessage | None:
        """Return the answer, or None for what is not understood or prohibited."""
        match message:
            case DefaultTtlGet():
                return DefaultTtlStatus(self.default_ttl)
            case DefaultTtlSet(ttl) if ttl in _TTLS:
                self.default_ttl = ttl
                return DefaultTtlStatus(ttl)
            case _:
                return None
