"""Composition Data page 0: what a node consists of (Mesh Protocol 1.1, 4.2.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Self

from meshwright.core.octets import Reader


class Features(IntFlag):
    """What a node can do; reserved bits are kept as they came."""

    NONE = 0
    RELAY = 1 << 0
    PROXY = 1 << 1
    FRIEND = 1 << 2
    LOW_POWER = 1 << 3


@dataclass(frozen=True, slots=True)
class VendorModel:
    """A model defined by a company."""

    company_id: int
    model_id: int


@dataclass(frozen=True, slots=True)
class Element:
    """One addressable part of a node and its models."""

    location: int
    models: tuple[int, ...] = ()
    vendor_models: tuple[VendorModel, ...] = ()

    @classmethod
    def take(cls, reader: Reader) -> Self:
        location = reader.unsigned_le(2)
        count, vendor_count = reader.unsigned(1), reader.unsigned(1)
        models = tuple(reader.unsigned_le(2) for _ in range(count))
        vendor = tuple(
            VendorModel(reader.unsigned_le(2), reader.unsigned_le(2)) for _ in range(vendor_count)
        )
        return cls(location, models, vendor)

    def encode(self) -> bytes:
        counts = bytes((len(self.models), len(self.vendor_models)))
        vendor = [part for model in self.vendor_models for part in _numbers(model)]
        return _little(self.location) + counts + _little(*self.models, *vendor)


@dataclass(frozen=True, slots=True)
class CompositionPage0:
    """Company, product, version, size of the replay list, features and elements."""

    company_id: int
    product_id: int
    version_id: int
    replay_list_size: int
    features: Features
    elements: tuple[Element, ...]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the page; raises `MalformedError` when it does not end with an element."""
        reader = Reader(data)
        company, product, version, size, features = (reader.unsigned_le(2) for _ in range(5))
        elements: list[Element] = []
        while reader.remaining:
            elements.append(Element.take(reader))
        return cls(company, product, version, size, Features(features), tuple(elements))

    def encode(self) -> bytes:
        numbers = (self.company_id, self.product_id, self.version_id, self.replay_list_size)
        elements = b"".join(element.encode() for element in self.elements)
        return _little(*numbers, self.features) + elements


def _numbers(model: VendorModel) -> tuple[int, int]:
    return model.company_id, model.model_id


def _little(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "little") for number in numbers)
