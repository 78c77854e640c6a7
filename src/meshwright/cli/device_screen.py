"""What a virtual device shows, and asks of whoever stands before it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from meshwright.cli.output import say
from meshwright.core.errors import InputError

if TYPE_CHECKING:
    from meshwright.core.provisioning.challenge import Challenge
    from meshwright.core.provisioning.device_options import DeviceOptions
    from meshwright.core.provisioning.fields import ErrorCode
    from meshwright.roles.bearers import Bearer
    from meshwright.roles.device_events import DeviceEvents
    from meshwright.sim.flash import Flash
    from meshwright.sim.flash_device import FlashDevice


class Screen:
    """A line for each event: words, or a JSON object."""

    def __init__(self, *, as_json: bool) -> None:
        from meshwright.cli.prompts import Prompt

        self._as_json = as_json
        self._prompt = Prompt()
        self._device: FlashDevice | None = None
        self._asking: asyncio.Task[None] | None = None
        self._attending = 0

    def attach(self, device: FlashDevice) -> None:
        """Let what is entered go to `device`."""
        self._device = device

    def introduce(self, flash: Flash, options: DeviceOptions) -> None:
        """Say who is there, and under which key."""
        key = options.key_pair and options.key_pair.public.hex()
        self._tell("device", f"Device {flash.uuid}.", uuid=str(flash.uuid), public_key=key)
        if key and not flash.records and not self._as_json:
            say(f"Its public key is {key}.")
        if flash.membership is not None:
            address = flash.membership.data.address
            self._tell("node", f"It is node 0x{address:04x} already.", address=address)

    def events(self) -> DeviceEvents:
        """Return what shows each event."""
        from meshwright.roles.device_events import DeviceEvents

        return DeviceEvents(
            link_opened=self._opened,
            link_closed=self._closed,
            attention=self._attention,
            show=self._show,
            stop_showing=lambda: self._tell("stop-showing", "The value is not shown any more."),
            entry_needed=self._ask,
            refused=self._refused,
            complete=self._complete,
        )

    def _tell(self, event: str, text: str, **more: object) -> None:
        say(json.dumps({"event": event, **more}) if self._as_json else text)

    def _opened(self, bearer: Bearer) -> None:
        self._tell("link-opened", f"Link opened on PB-{bearer.name}.", bearer=_name(bearer))

    def _closed(self, bearer: Bearer, reason: int) -> None:
        self._stop_asking()
        self._tell("link-closed", "Link closed.", bearer=_name(bearer), reason=reason)

    def _attention(self, seconds: int) -> None:
        if seconds == self._attending == 0:
            return
        self._attending = seconds
        text = f"It draws attention for {seconds} s." if seconds else "It draws no more attention."
        self._tell("attention", text, seconds=seconds)

    def _show(self, challenge: Challenge, value: str) -> None:
        from meshwright.cli.challenges import display

        action = challenge.action.name.lower()
        self._tell("show", display(challenge, value), action=action, value=value)

    def _refused(self, error: ErrorCode) -> None:
        self._stop_asking()
        name = error.name.lower().replace("_", "-")
        self._tell("refused", f"It has ended the session: {name.replace('-', ' ')}.", error=name)

    def _complete(self, key_index: int, address: int) -> None:
        text = f"It is node 0x{address:04x} now."
        self._tell("node", text, address=address, net_key_index=key_index)

    # What is entered.

    def _ask(self, challenge: Challenge) -> None:
        action = challenge.action.name.lower()
        self._tell("entry-needed", "A value is to be entered.", action=action)
        self._asking = asyncio.get_running_loop().create_task(self._enter(challenge))

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    async def _enter(self, challenge: Challenge) -> None:
        """Ask until what is entered can be a value; without more input the session times out."""
        from meshwright.cli.challenges import question
        from meshwright.cli.prompts import NoEntryError

        taken = False
        while not taken:
            try:
                value = await self._prompt.ask(question(challenge))
            except NoEntryError as error:
                click.echo(f"{error} The session ends by itself.", err=True)
                return
            taken = self._take(value)

    def _take(self, value: str) -> bool:
        try:
            if self._device is not None:
                self._device.enter(value)
        except InputError as error:
            click.echo(str(error), err=True)
            return False
        return True


def _name(bearer: Bearer) -> str:
    return str(bearer.name).lower()
