"""What goes wrong between a program and its controller, and what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Callable

from meshwright.core.errors import InputError, MachineError, MeshwrightError
from meshwright.radio.errors import RadioError


class RadioRefusedError(RadioError):
    """The controller answered a command with an error; `status` is its HCI error code."""

    code = "radio-refused"

    def __init__(self, command: str, status: int) -> None:
        super().__init__(
            f"The controller refuses {command} (HCI error {status:#04x}); "
            "unplug it and plug it in again, and see what doctor says about it."
        )
        self.status = status


class RadioSilentError(RadioError):
    """The controller does not answer."""

    code = "radio-silent"


class RadioLostError(RadioError):
    """The controller went away, or said that it is broken."""

    code = "radio-lost"


_Explain = Callable[[str], MeshwrightError]


def _machine(code: str, sentence: str) -> _Explain:
    return lambda spec: MachineError(sentence.format(spec=spec), code=code)


_NOT_FOUND = _machine(
    "radio-not-found",
    "There is no radio at {spec}; plug it in, start whatever serves it, or correct the name.",
)
_FORBIDDEN = _machine("radio-permission", "You may not open {spec}; ask for the right to.")
_BUSY = _machine("controller-in-use", "Another program uses {spec}; end that program first.")
_FAILED = _machine(
    "radio-open", "{spec} could not be opened; check the name, and see what doctor says about it."
)

_USB = ("usb", "pyusb")

_BY_SCHEME = {
    **dict.fromkeys(
        [(scheme, errno.EACCES) for scheme in _USB],
        _machine(
            "radio-permission",
            "You may not open {spec}; add a udev rule that lets your user have this USB device, "
            "or run as root.",
        ),
    ),
    **dict.fromkeys(
        [(scheme, errno.EBUSY) for scheme in _USB],
        _machine(
            "controller-in-use",
            "The kernel's Bluetooth driver or another program holds {spec}; end that program, or "
            "take the device from the kernel (rmmod btusb).",
        ),
    ),
    ("hci-socket", errno.EPERM): _machine(
        "radio-permission",
        "{spec} needs the capability CAP_NET_ADMIN; run as root, or give it to the interpreter "
        "(setcap cap_net_admin+ep).",
    ),
    ("hci-socket", errno.EBUSY): _machine(
        "controller-in-use",
        "The system uses {spec}; stop bluetoothd and take the adapter down first "
        "(hciconfig hci0 down).",
    ),
    ("serial", errno.EACCES): _machine(
        "radio-permission",
        "You may not open {spec}; join the group that owns the port, often dialout.",
    ),
    ("vhci", errno.EACCES): _machine("radio-permission", "{spec} can be opened by root only."),
}

_BY_NUMBER = {
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EBUSY: _BUSY,
    errno.EADDRINUSE: _BUSY,
    errno.ENOENT: _NOT_FOUND,
    errno.ENODEV: _NOT_FOUND,
    errno.ENXIO: _NOT_FOUND,
    errno.ECONNREFUSED: _NOT_FOUND,
    errno.EHOSTUNREACH: _NOT_FOUND,
    errno.ENETUNREACH: _NOT_FOUND,
}

# What libraries say without a number. The texts are those of the pinned Bumble and of libusb.
_BY_TEXT = {
    "HCI sockets not supported": _machine(
        "no-bluetooth-sockets",
        "This Python was built without Bluetooth sockets (AF_BLUETOOTH), which {spec} needs; use "
        "another one, such as Debian's /usr/bin/python3, or open the controller with usb:0.",
    ),
    "LIBUSB_ERROR_ACCESS": _BY_SCHEME["usb", errno.EACCES],
    "LIBUSB_ERROR_BUSY": _BY_SCHEME["usb", errno.EBUSY],
    "LIBUSB_ERROR": _machine(
        "usb-unavailable",
        "USB is not available here, so {spec} cannot be opened; check that /dev/bus/usb exists.",
    ),
    "No backend available": _machine(
        "usb-unavailable", "{spec} needs libusb on this machine; install it, or write usb:0."
    ),
    "device not found": _NOT_FOUND,
    "device already in use": _BUSY,
    "Connect call failed": _NOT_FOUND,
    "Name or service not known": _NOT_FOUND,
}

_NONSENSE = (ValueError, AssertionError, IndexError, OverflowError)  # so Bumble refuses a name


def bad_transport(spec: str) -> InputError:
    """Say that `spec` is none of Bumble's transports."""
    return InputError(
        f"{spec} is no HCI transport; write usb:0, serial:/dev/ttyACM0,1000000, hci-socket:0 or "
        "tcp-client:HOST:PORT.",
        code="bad-radio",
    )


def explained(spec: str, error: BaseException) -> MeshwrightError:
    """Return what `error`, raised while the transport `spec` was opened, means for a person."""
    scheme = spec.partition(":")[0]
    number = getattr(error, "errno", None) or 0
    explain = _BY_SCHEME.get((scheme, number)) or _BY_NUMBER.get(number)
    if explain is None:
        text = f"{type(error).__name__} {error}"
        explain = next((found for part, found in _BY_TEXT.items() if part in text), None)
    if explain is None and isinstance(error, ImportError):
        return MachineError(
            f"{spec} needs the library {error.name}; install it.", code="missing-library"
        )
    if explain is None and isinstance(error, _NONSENSE):
        return bad_transport(spec)
    return (explain or _FAILED)(spec)
