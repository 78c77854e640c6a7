"""What a radio refuses."""

from __future__ import annotations

from meshwright.core.errors import InputError, MachineError


class RadioError(MachineError):
    """The radio cannot do what was asked."""

    code = "radio"


class RadioBusyError(RadioError):
    """A packet was handed over while the radio was not ready."""

    code = "radio-busy"


class PayloadError(InputError):
    """Not the payload of one legacy advertisement."""

    code = "advertisement-size"
