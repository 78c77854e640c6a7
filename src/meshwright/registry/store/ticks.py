"""Ticks for version 1 UUIDs: never one twice for a MAC, whatever the clock does."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select, update

from meshwright.core.errors import InputError
from meshwright.registry.errors import ExhaustedError
from meshwright.registry.store.desk import Store
from meshwright.registry.tables import tick_leases

_LAST_TICK = (1 << 60) - 1  # a UUID's timestamp has 60 bits (RFC 9562, 5.1)

_NEXT = select(tick_leases.c.next_tick).where(tick_leases.c.mac == bindparam("key"))
_START = insert(tick_leases).values(mac=bindparam("key"), next_tick=bindparam("next"))
_ADVANCE = (
    update(tick_leases)
    .where(tick_leases.c.mac == bindparam("key"))
    .values(next_tick=bindparam("next"))
)


class TickStore(Store):
    """Which 100-nanosecond ticks were handed out."""

    def lease_ticks(self, mac: bytes, ticks: int, count: int) -> int:
        """Return the first of `count` ticks that nobody had before, at or after `ticks`.

        A clock that stepped back, or another worker with the same MAC, only makes the answer
        later than `ticks`.
        """
        if len(mac) != 6 or count < 1 or ticks < 0:
            raise InputError("A lease needs a MAC of 6 octets, a time and a count of 1 or more.")
        with self._desk.write("lease ticks") as work:
            after = work.connection.execute(_NEXT, {"key": mac}).scalar()
            first = max(ticks, after or 0)
            if first + count - 1 > _LAST_TICK:
                raise ExhaustedError(
                    f"No ticks are left for the MAC {mac.hex(':')}; use another MAC.",
                    code="ticks-exhausted",
                )
            store = _START if after is None else _ADVANCE
            work.connection.execute(store, {"key": mac, "next": first + count})
            work.note("ticks-leased", mac.hex(":"), first=first, count=count)
            return first
