"""What goes wrong between a program and the system's Bluetooth, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from meshwright.radio.errors import RadioError

_LONGEST = 160


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A kind of trouble; its sentence may name the `{radio}` and the `{detail}`."""

    code: str
    sentence: str


_NO_BUS = _Trouble(
    code="no-system-bus",
    sentence="There is no D-Bus system bus here, through which programs reach Bluetooth; start "
    "dbus and bluetoothd, or open the controller itself, such as usb:0.",
)
_NO_SERVICE = _Trouble(
    code="no-bluetooth-service",
    sentence="The system's Bluetooth service does not run; install BlueZ and start it "
    "(systemctl start bluetooth), or open the controller itself, such as usb:0.",
)
_OFF = _Trouble(
    code="bluetooth-off",
    sentence="Bluetooth is switched off; switch it on in the system's settings (on Linux with "
    "rfkill unblock bluetooth and bluetoothctl power on).",
)
_FORBIDDEN = _Trouble(
    code="radio-permission",
    sentence="This program may not use Bluetooth; allow it in the system's privacy settings (on "
    "Linux join the group bluetooth).",
)
_NOT_FOUND = _Trouble(
    code="radio-not-found",
    sentence="The system has no Bluetooth adapter for {radio}; plug one in, or correct the name.",
)
_UNSUPPORTED = _Trouble(
    code="radio-unsupported",
    sentence="The system's Bluetooth cannot connect to LE devices; use another adapter.",
)
_IN_USE = _Trouble(
    code="controller-in-use",
    sentence="The system's Bluetooth is busy with another program's scan; end that program, or "
    "restart the Bluetooth service.",
)
_SILENT = _Trouble(
    code="radio-silent",
    sentence="The system's Bluetooth does not answer; if the system asks whether this program may "
    "use Bluetooth, allow it, and otherwise restart the Bluetooth service.",
)
_NO_LIBRARY = _Trouble(
    code="missing-library",
    sentence="{radio} needs a library of this system ({detail}); install it with: "
    "pip install 'meshwright[radio]'.",
)
_FAILED = _Trouble(
    code="radio-open",
    sentence="The system's Bluetooth refuses to listen ({detail}); restart it and try again.",
)

_BY_REASON = {
    BleakBluetoothNotAvailableReason.NO_BLUETOOTH: _NOT_FOUND,
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: _UNSUPPORTED,
    BleakBluetoothNotAvailableReason.POWERED_OFF: _OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: _FORBIDDEN,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: _FORBIDDEN,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: _FORBIDDEN,
}

# Names of D-Bus errors, or how they begin.
_BY_NAME = {
    "org.bluez.Error.NotReady": _OFF,
    "org.bluez.Error.InProgress": _IN_USE,
    "org.bluez.Error.NotAuthorized": _FORBIDDEN,
    "org.bluez.Error.NotPermitted": _FORBIDDEN,
    "org.freedesktop.DBus.Error.AccessDenied": _FORBIDDEN,
    "org.freedesktop.DBus.Error.ServiceUnknown": _NO_SERVICE,
    "org.freedesktop.DBus.Error.NameHasNoOwner": _NO_SERVICE,
    "org.freedesktop.DBus.Error.Spawn": _NO_SERVICE,
    "org.freedesktop.DBus.Error.NoReply": _SILENT,
    "org.freedesktop.DBus.Error.UnknownObject": _NOT_FOUND,
}

# What bleak says without a kind of its own.
_BY_TEXT = {
    "' not found": _NOT_FOUND,
    "Unsupported platform": _UNSUPPORTED,
    "Is Bluetooth turned on?": _OFF,
}

_BY_TYPE: tuple[tuple[type[BaseException], _Trouble], ...] = (
    (TimeoutError, _SILENT),
    (PermissionError, _FORBIDDEN),
    (FileNotFoundError, _NO_BUS),
    (ConnectionError, _NO_BUS),
    (EOFError, _NO_BUS),
    (ImportError, _NO_LIBRARY),
)


def explained(radio: str, error: BaseException) -> RadioError:
    """Return what `error`, raised while `radio` began to listen, means for a person."""
    trouble = _trouble(error)
    sentence = trouble.sentence.format(radio=radio, detail=_detail(error))
    return RadioError(sentence, code=trouble.code)


def lost(error: BaseException) -> RadioError:
    """Return the error of a radio that was open and listens no more."""
    return RadioError(
        f"The system's Bluetooth is gone ({_detail(error)}); switch it on and start again.",
        code="radio-lost",
    )


def reason_of(error: BaseException) -> str:
    """Say for people why a connection was not made, or ended."""
    match error:
        case TimeoutError():
            return "The other end was not heard again, or does not answer."
        case BleakDeviceNotFoundError():
            return "The system has forgotten the other end; listen until it is heard again."
        case BleakGATTProtocolError():
            return "The other end refuses what every mesh service allows."
        case _:
            return f"The system's Bluetooth gave up ({_detail(error)})."


def _trouble(error: BaseException) -> _Trouble:
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _BY_REASON.get(error.reason, _FAILED)
    if isinstance(error, BleakDBusError):
        found = (each for name, each in _BY_NAME.items() if error.dbus_error.startswith(name))
    elif isinstance(error, BleakError):
        found = (each for text, each in _BY_TEXT.items() if text in str(error))
    else:
        found = (each for kind, each in _BY_TYPE if isinstance(error, kind))
    return next(found, _FAILED)


def _detail(error: BaseException) -> str:
    """Return one short line of what a library says."""
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return said[:_LONGEST]
