"""Reads advertising payloads one after the other, from whoever sends them."""

from __future__ import annotations

from dataclasses import replace

from meshwright.core.discovery.ad import AdType, structures
from meshwright.core.readable.items import Item, Kind, malformed
from meshwright.core.readable.links import LINKS, LinkReader
from meshwright.core.readable.memory import Recent, Seen
from meshwright.core.readable.structures import read_structure

_PACKETS = 4096
_URIS = 256


class Reader:
    """Turns what is heard into `Item`s; keeps what links need, and no more than so much.

    Nothing that is heard raises. What it remembers stays below 10 MB, whatever comes.
    """

    def __init__(self, links: int = LINKS) -> None:
        self._links = LinkReader(links)
        self._packets: Seen[tuple[bytes | None, bytes]] = Seen(_PACKETS)
        self._uris: Recent[object, object] = Recent(_URIS)

    def read(self, payload: bytes, address: bytes | None = None) -> list[Item]:
        """Return what an advertising payload says, one item or more.

        A payload that was heard from the same `address` before is marked `again`.
        """
        again = self._packets.again((address, payload))
        found = [*structures(payload)]
        items = [item for kind, data in found for item in self._read_structure(kind, data, address)]
        rest = payload[sum(2 + len(data) for _, data in found) :]
        if any(rest):  # zeros may follow the structures (Core, volume 3, part C, 11)
            items.append(malformed("advertising data", rest, "it is not whole"))
        items = items or [_other(found)]
        return [replace(item, again=True) for item in items] if again else items

    def _read_structure(self, kind: int, data: bytes, address: bytes | None) -> list[Item]:
        if kind == AdType.PB_ADV:
            return self._links.read(data, address)
        item = read_structure(kind, data)
        return [] if item is None else [self._with_uri(item)]

    def _with_uri(self, item: Item) -> Item:
        """Remember a URI, or add to a beacon the one that its hash stands for."""
        digest = item.fields.get("uri_hash")
        if item.kind is Kind.URI:
            self._uris.put(digest, item.fields["uri"])
            return item
        uri = None if digest is None else self._uris.get(digest)
        if uri is None:
            return item
        return replace(item, text=f"{item.text} of {uri}", fields={**item.fields, "uri": uri})


def _other(found: list[tuple[int, bytes]]) -> Item:
    types = [kind for kind, _ in found]
    names = ", ".join(f"{kind:#04x}" for kind in types) or "none"
    return Item(Kind.OTHER, f"nothing of a mesh; AD types {names}", {"ad_types": types})
