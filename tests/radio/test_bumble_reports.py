"""Reading advertising reports: what Bumble writes is read, and nothing else is believed."""

from __future__ import annotations

from bumble import hci
from hypothesis import given
from hypothesis import strategies as st

from meshwright.radio.bumble.reports import Heard, Kind, is_reports, read_reports

_LEGACY = hci.HCI_LE_Advertising_Report_Event
_EXTENDED = hci.HCI_LE_Extended_Advertising_Report_Event
_ADDRESS = hci.Address("F1:02:03:04:05:06", hci.Address.RANDOM_DEVICE_ADDRESS)

_KINDS = {
    _LEGACY.EventType.ADV_NONCONN_IND: Kind.PACKET,
    _LEGACY.EventType.ADV_IND: Kind.SERVER,
    _LEGACY.EventType.ADV_SCAN_IND: None,
    _LEGACY.EventType.ADV_DIRECT_IND: None,
    _LEGACY.EventType.SCAN_RSP: None,
}

_EXTENDED_KINDS = {
    0x10: Kind.PACKET,  # ADV_NONCONN_IND
    0x13: Kind.SERVER,  # ADV_IND
    0x01: Kind.SERVER,  # extended, connectable
    0x00: None,  # extended, non-connectable: no bearer uses it
    0x12: None,  # ADV_SCAN_IND
    0x15: None,  # ADV_DIRECT_IND
    0x1A: None,  # scan response to ADV_SCAN_IND
    0x1B: None,  # scan response to ADV_IND
    0x30: None,  # more data to come
    0x50: None,  # cut
}


def legacy(kind: int, data: bytes, rssi: int = -50) -> bytes:
    return bytes(_LEGACY([legacy_report(kind, data, rssi)]))


def legacy_report(kind: int, data: bytes, rssi: int) -> _LEGACY.Report:
    return _LEGACY.Report(event_type=kind, address_type=1, address=_ADDRESS, data=data, rssi=rssi)


def extended(kind: int, data: bytes, rssi: int = -50) -> bytes:
    report = _EXTENDED.Report(
        event_type=kind,
        address_type=1,
        address=_ADDRESS,
        primary_phy=hci.Phy.LE_1M,
        secondary_phy=hci.Phy.LE_1M,
        advertising_sid=0xFF,
        tx_power=0x7F,
        rssi=rssi,
        periodic_advertising_interval=0,
        direct_address_type=0,
        direct_address=hci.Address.ANY,
        data=data,
    )
    return bytes(_EXTENDED([report]))


def heard(kind: Kind, data: bytes, rssi: int | None) -> Heard:
    return Heard(kind, 1, bytes(_ADDRESS), data, rssi)


@given(
    event_type=st.sampled_from(sorted(_KINDS)),
    data=st.binary(max_size=31),
    rssi=st.integers(-127, 126),
)
def test_legacy_reports(event_type: int, data: bytes, rssi: int) -> None:
    packet = legacy(event_type, data, rssi)
    assert is_reports(packet)
    kind = _KINDS[_LEGACY.EventType(event_type)]
    assert list(read_reports(packet)) == ([heard(kind, data, rssi)] if kind else [])


@given(
    event_type=st.sampled_from(sorted(_EXTENDED_KINDS)),
    data=st.binary(max_size=200),
    rssi=st.integers(-127, 126),
)
def test_extended_reports(event_type: int, data: bytes, rssi: int) -> None:
    packet = extended(event_type, data, rssi)
    assert is_reports(packet)
    kind = _EXTENDED_KINDS[event_type]
    assert list(read_reports(packet)) == ([heard(kind, data, rssi)] if kind else [])


def test_an_unknown_rssi_is_none() -> None:
    assert next(read_reports(legacy(3, b"a", 127))).rssi is None
    assert next(read_reports(extended(0x10, b"a", 127))).rssi is None


def test_several_reports_in_one_packet() -> None:
    reports = [legacy_report(kind, bytes([kind]), -40) for kind in (3, 4, 0)]
    found = list(read_reports(bytes(_LEGACY(reports))))
    assert [(one.kind, one.data) for one in found] == [(Kind.PACKET, b"\3"), (Kind.SERVER, b"\0")]


@given(
    packet=st.sampled_from([legacy(3, bytes(31)), extended(0x10, bytes(31)), legacy(0, b"")]),
    size=st.integers(0, 70),
)
def test_what_is_cut_off_is_dropped(packet: bytes, size: int) -> None:
    short = packet[: min(size, len(packet) - 1)]
    assert not is_reports(short) or list(read_reports(short)) == []


@given(subevent=st.sampled_from([2, 13]), body=st.binary(max_size=250))
def test_nonsense_makes_no_trouble(subevent: int, body: bytes) -> None:
    packet = bytes([4, 0x3E, 1 + len(body), subevent]) + body
    if is_reports(packet):
        for one in read_reports(packet):
            assert len(one.address) == 6
            assert one.data in body


def test_other_packets_are_no_reports() -> None:
    assert not is_reports(b"")
    assert not is_reports(bytes(hci.HCI_Reset_Command()))
    assert not is_reports(bytes([4, 0x3E, 5, 1, 0, 0, 0, 0]))
    assert not is_reports(bytes([2, 0x3E, 5, 2, 0, 0, 0, 0]))
