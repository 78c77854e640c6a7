"""Access messages under their keys, against the samples, both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.network.network_samples import APP_KEY, DEVICE_KEY, Sample, cases

from meshwright.core.crypto import AuthenticationFailedError
from meshwright.core.errors import InputError, MalformedError
from meshwright.core.network.access import AccessMessage
from meshwright.core.network.addresses import virtual_address
from meshwright.core.network.upper_transport import (
    Route,
    open_application,
    open_device,
    seal_application,
    seal_device,
)

ROUTE = Route(1, 2, 3, 4)


@pytest.mark.parametrize("sample", cases(control=False))
def test_sample(sample: Sample) -> None:
    access, upper = bytes.fromhex(sample.upper["access"]), bytes.fromhex(sample.upper["pdu"])
    if sample.upper["key"] == "device":
        assert seal_device(DEVICE_KEY, sample.route, access) == upper
        assert open_device(DEVICE_KEY, sample.route, upper) == access
    else:
        assert seal_application(APP_KEY, sample.route, access, sample.label) == upper
        assert open_application(APP_KEY, sample.route, upper, sample.label) == access
    assert AccessMessage.decode(access).encode() == access


@pytest.mark.parametrize("sample", [one for one in cases() if "label_uuid" in one.values[0].raw])  # type: ignore[union-attr]
def test_a_label_is_bound_to_its_address_and_message(sample: Sample) -> None:
    assert virtual_address(sample.label) == sample.route.dst
    with pytest.raises(AuthenticationFailedError):
        open_application(APP_KEY, sample.route, bytes.fromhex(sample.upper["pdu"]), bytes(16))


def test_published_nonce() -> None:
    (sample,) = [one.values[0] for one in cases() if one.id == "8.3.24"]
    assert isinstance(sample, Sample)
    assert sample.route.application_nonce().hex() == sample.upper["nonce"]


@pytest.mark.parametrize(
    "other",
    [
        replace(ROUTE, src=9),
        replace(ROUTE, dst=9),
        replace(ROUTE, seq=9),
        replace(ROUTE, iv_index=9),
    ],
)
def test_a_message_is_bound_to_its_route(other: Route) -> None:
    upper = seal_device(DEVICE_KEY, ROUTE, b"\x80\x0c")
    with pytest.raises(AuthenticationFailedError):
        open_device(DEVICE_KEY, other, upper)
    with pytest.raises(AuthenticationFailedError):
        open_application(DEVICE_KEY, ROUTE, upper)


@pytest.mark.parametrize(("long_mic", "longest"), [(False, 380), (True, 376)])
def test_bounds(long_mic: bool, longest: int) -> None:
    route = replace(ROUTE, long_mic=long_mic)
    upper = seal_application(APP_KEY, route, bytes(longest))
    assert len(upper) == 384
    for size in (0, longest + 1):
        with pytest.raises(InputError):
            seal_device(DEVICE_KEY, route, bytes(size))
    for size in (0, route.mic_size, 385):
        with pytest.raises(MalformedError):
            open_application(APP_KEY, route, bytes(size))
