"""Provisioning records (5.4.2.6): answering for them, and reading them from a hostile device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshwright.core.errors import MalformedError, PeerError
from meshwright.core.provisioning.fields import RecordStatus
from meshwright.core.provisioning.pdu import RecordRequest, RecordResponse, RecordsList

SMALL_FRAGMENT = 57
"""A fragment whose response has the 65 octets of a Public Key PDU, which every stack can send."""

RESPONSE_HEADER = 8


class RecordError(PeerError):
    """The device answers for its records in a way that cannot be."""

    code = "bad-record"


class RecordServer:
    """The device's side: its records and the answers to requests.

    `fragment_limit` is the most octets of data that one response can carry.
    """

    def __init__(self, records: Mapping[int, bytes], fragment_limit: int) -> None:
        self._records = dict(records)
        self._fragment_limit = fragment_limit

    def list(self) -> RecordsList:
        """Answer Records Get."""
        return RecordsList(0, tuple(sorted(self._records)))

    def respond(self, request: RecordRequest) -> RecordResponse:
        """Answer a Record Request; raises `MalformedError` for a maximum of zero (Prohibited)."""
        if request.maximum_size == 0:
            raise MalformedError("Fragment Maximum Size is zero")
        record = self._records.get(request.record_id)
        if record is None:
            return self._response(request, RecordStatus.NOT_PRESENT, 0)
        if request.offset >= len(record):
            return self._response(request, RecordStatus.OFFSET_OUT_OF_BOUNDS, len(record))
        end = request.offset + min(request.maximum_size, self._fragment_limit)
        data = record[request.offset : end]
        return self._response(request, RecordStatus.SUCCESS, len(record), data)

    @staticmethod
    def _response(
        request: RecordRequest, status: RecordStatus, total: int, data: bytes = b""
    ) -> RecordResponse:
        return RecordResponse(status, request.record_id, request.offset, total, data)


@dataclass(frozen=True, slots=True)
class RecordLimits:
    """What a Provisioner accepts of one record and asks for at once."""

    record_octets: int = 8192
    fragment_octets: int = 1461
    requests: int = 256
    seconds: float = 180.0
    """For all records of a session together, from the first request to Invite."""


class RecordReader:
    """The Provisioner's side of one record, fragment by fragment, with every bound checked."""

    def __init__(self, record_id: int, limits: RecordLimits) -> None:
        self.record_id = record_id
        self._limits = limits
        self.content: bytes | None = None
        self._data = bytearray()
        self._total: int | None = None
        self._requests = 0

    def request(self) -> RecordRequest:
        """Return the next request; raises `RecordError` when there were too many."""
        self._requests += 1
        if self._requests > self._limits.requests:
            raise RecordError(f"record {self.record_id:#06x} takes too many requests")
        return RecordRequest(self.record_id, len(self._data), self._limits.fragment_octets)

    def accept(self, response: RecordResponse) -> bool:
        """Take a response; return whether there is nothing left to ask.

        `content` is the record then, or None when the device has no such record. Raises
        `RecordError` when the response contradicts the request or an earlier one.
        """
        if (response.record_id, response.offset) != (self.record_id, len(self._data)):
            raise RecordError("the response answers another request")
        if response.status != RecordStatus.SUCCESS:
            return self._absent()
        self._check_sizes(response)
        self._total = response.total_length
        self._data += response.data
        if len(self._data) < self._total:
            return False
        self.content = bytes(self._data)
        return True

    def _absent(self) -> bool:
        if self._data:
            raise RecordError("the record disappears while it is read")
        return True

    def _check_sizes(self, response: RecordResponse) -> None:
        if self._total not in (None, response.total_length):
            raise RecordError("the length of the record changes while it is read")
        if response.total_length > self._limits.record_octets:
            raise RecordError(f"the record has {response.total_length} octets, which is too many")
        size = len(response.data)
        whole = response.offset + size
        if not 0 < size <= self._limits.fragment_octets or whole > response.total_length:
            raise RecordError("the response carries no data or too much")
