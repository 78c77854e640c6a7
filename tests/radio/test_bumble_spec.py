"""What a Bumble radio is opened by."""

from __future__ import annotations

import pytest

from meshwright.core.errors import InputError
from meshwright.radio.bumble.spec import RadioOptions, parse


@pytest.mark.parametrize(
    ("spec", "transport", "options"),
    [
        ("usb:0", "usb:0", RadioOptions()),
        ("tcp-client:h:1?", "tcp-client:h:1", RadioOptions()),
        ("usb:0?repeats=2&interval=30", "usb:0", RadioOptions(repeats=2, interval=30)),
        (
            "serial:/dev/ttyACM0,1000000?sets=0&slice=5",
            "serial:/dev/ttyACM0,1000000",
            RadioOptions(sets=0, slice=5),
        ),
    ],
)
def test_a_spec_is_read(spec: str, transport: str, options: RadioOptions) -> None:
    assert parse(spec) == (transport, options)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "?repeats=1",
        "usb:0?repeats=0",
        "usb:0?interval=19",
        "usb:0?interval=10241",
        "usb:0?sets=17",
        "usb:0?slice=0",
        "usb:0?slice=1.5",
        "usb:0?slice=-1",
        "usb:0?slice=",
        "usb:0?repeats=\u0661",
        "usb:0?repeats=1&repeats=1",
        "usb:0?colour=red",
        "usb:0?repeats",
    ],
)
def test_nonsense_is_refused(spec: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(spec)
    assert caught.value.code == "bad-radio"
