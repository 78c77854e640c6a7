"""Values that a person carries between device and Provisioner (5.4.2.4.3, 5.4.2.4.4).

With Output OOB the device shows a value and it is entered at the Provisioner; with Input OOB it is
the other way round. A value is text as a person sees it: a count ("5"), digits with their leading
zeros ("019655"), or characters ("9B7K"). It is drawn anew for every session and never used again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshwright.core.errors import InputError
from meshwright.core.provisioning.fields import AuthenticationMethod, InputAction, OutputAction
from meshwright.core.provisioning.values import OobKind, auth_value

SIZES = range(1, 9)
"""Authentication sizes; zero means none, others are reserved (5.4.1.2)."""

_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_Random = Callable[[int], bytes]


def _below(limit: int, random: _Random) -> int:
    """Draw a number below `limit`, each equally likely."""
    octets = (limit.bit_length() + 7) // 8
    usable = 256**octets // limit * limit
    while (drawn := int.from_bytes(random(octets), "big")) >= usable:
        pass
    return drawn % limit


def _draw_count(size: int, random: _Random) -> str:
    return str(1 + _below(10**size - 1, random))


def _draw_digits(size: int, random: _Random) -> str:
    return str(_below(10**size, random)).zfill(size)


def _draw_characters(size: int, random: _Random) -> str:
    return "".join(_CHARACTERS[_below(len(_CHARACTERS), random)] for _ in range(size))


def _is_count(text: str, size: int) -> bool:
    return len(text) <= size and _is_digits(text, len(text)) and int(text) > 0


def _is_digits(text: str, size: int) -> bool:
    return len(text) == size and text.isascii() and text.isdigit()


def _is_characters(text: str, size: int) -> bool:
    return len(text) == size and all(character in _CHARACTERS for character in text)


@dataclass(frozen=True, slots=True)
class _Form:
    """How values of one form are drawn, checked and written into an AuthValue."""

    draw: Callable[[int, _Random], str]
    fits: Callable[[str, int], bool]
    kind: OobKind
    wanted: str


_COUNT = _Form(_draw_count, _is_count, OobKind.NUMERIC, "a count of 1 or more, up to {} digits")
_DIGITS = _Form(_draw_digits, _is_digits, OobKind.NUMERIC, "{} digits, zeros in front included")
_TEXT = _Form(
    _draw_characters, _is_characters, OobKind.ALPHANUMERIC, "{} characters, 0 to 9 and A to Z"
)
_FORMS: dict[tuple[AuthenticationMethod, int], _Form] = {
    (AuthenticationMethod.OUTPUT, OutputAction.BLINK): _COUNT,
    (AuthenticationMethod.OUTPUT, OutputAction.BEEP): _COUNT,
    (AuthenticationMethod.OUTPUT, OutputAction.VIBRATE): _COUNT,
    (AuthenticationMethod.OUTPUT, OutputAction.NUMERIC): _DIGITS,
    (AuthenticationMethod.OUTPUT, OutputAction.ALPHANUMERIC): _TEXT,
    (AuthenticationMethod.INPUT, InputAction.PUSH): _COUNT,
    (AuthenticationMethod.INPUT, InputAction.TWIST): _COUNT,
    (AuthenticationMethod.INPUT, InputAction.NUMERIC): _DIGITS,
    (AuthenticationMethod.INPUT, InputAction.ALPHANUMERIC): _TEXT,
}


@dataclass(frozen=True, slots=True)
class Challenge:
    """What Start asks a person for: which action, and how large the value is."""

    action: OutputAction | InputAction
    size: int

    @property
    def method(self) -> AuthenticationMethod:
        """Output or Input OOB."""
        is_output = isinstance(self.action, OutputAction)
        return AuthenticationMethod.OUTPUT if is_output else AuthenticationMethod.INPUT

    @property
    def is_counted(self) -> bool:
        """Tell whether a person has to count, so that large values take long."""
        return self._form is _COUNT

    def draw(self, random: _Random) -> str:
        """Draw a value, each of the range equally likely; `random` must be unpredictable."""
        return self._form.draw(self.size, random)

    def auth_value(self, text: str, octets: int) -> bytes:
        """Write a value into an AuthValue of 16 or 32 octets.

        Raises `InputError` (`bad-oob-value`) for text that no such value can be.
        """
        form = self._form
        text = text.strip().upper()
        if not form.fits(text, self.size):
            wanted = form.wanted.format(self.size)
            raise InputError(f"The value should be {wanted}; enter it again.", code="bad-oob-value")
        number = form.kind is OobKind.NUMERIC
        return auth_value(form.kind, int(text) if number else text, octets)

    @property
    def _form(self) -> _Form:
        return _FORMS[self.method, self.action]
