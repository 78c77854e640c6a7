"""`meshwright sniff`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.common import example
from meshwright.cli.live import end_in_order, seconds_option
from meshwright.cli.output import counted, say
from meshwright.cli.radios import RADIO_HELP

if TYPE_CHECKING:
    from meshwright.core.readable.items import Item
    from meshwright.core.readable.reader import Reader
    from meshwright.radio.capture import CapturedPacket, CaptureFile
    from meshwright.services.sniffing import Selection, Tally


@click.command(
    "sniff",
    short_help="Show and record what is on the air.",
    epilog=example(
        "meshwright sniff --radio usb:0 --pcap hall.pcap",
        "meshwright sniff --radio usb:0 --only links --no-repeats",
        "meshwright sniff --read hall.pcap --only beacons --json",
    ),
)
@click.option(
    "--radio",
    "radios",
    multiple=True,
    metavar="SPEC",
    help=f"{RADIO_HELP}; may be repeated.",
)
@click.option(
    "--read",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A capture file to read instead of a radio.",
)
@click.option(
    "--pcap",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record everything that is heard in this new file.",
)
@seconds_option
@click.option(
    "--only",
    multiple=True,
    metavar="UUID|beacons|links",
    help="Show only this; may be repeated.",
)
@click.option("--no-repeats", is_flag=True, help="Show nothing that was heard before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(
    radios: tuple[str, ...],
    read: Path | None,
    pcap: Path | None,
    seconds: float | None,
    only: tuple[str, ...],
    no_repeats: bool,
    as_json: bool,
) -> None:
    """Show what is on the air, a line or more for each advertisement, until Ctrl-C.

    Nothing is ever sent. The capture file is valid at any moment and is read by tshark and
    Wireshark.
    """
    from meshwright.core.readable.reader import Reader
    from meshwright.radio.capture import CaptureFile, read_capture
    from meshwright.services.sniffing import Selection, Tally

    if bool(radios) == (read is not None):
        raise click.UsageError("Say what to listen to with --radio, or what to read with --read.")
    shown = _Shown(Reader(), Tally(), Selection.parse(only), not no_repeats, as_json, len(radios))
    with ExitStack() as stack:
        shown.capture = stack.enter_context(CaptureFile(pcap)) if pcap else None
        if read is not None:
            for packet in read_capture(read):
                shown.show(str(read), packet)
        else:
            asyncio.run(_listen(radios, seconds, shown))
    shown.summarize()


async def _listen(specs: Iterable[str], seconds: float | None, shown: _Shown) -> None:
    from meshwright.clock import SystemClock
    from meshwright.services.sniffing import Sniffer
    from meshwright.wiring.radios import opened_station

    sniffer = Sniffer(SystemClock())
    async with AsyncExitStack() as stack:
        for spec in specs:
            sniffer.listen(await stack.enter_async_context(opened_station(spec)))
        end_in_order(sniffer.stop, seconds)
        click.echo("Listening; Ctrl-C ends.", err=True)
        async for heard in sniffer:
            shown.show(heard.radio, heard.packet)


@dataclass
class _Shown:
    """Reads, records, counts and prints packets."""

    reader: Reader
    tally: Tally
    selection: Selection
    repeats: bool
    as_json: bool
    radios: int
    capture: CaptureFile | None = field(default=None, init=False)

    def show(self, radio: str, packet: CapturedPacket) -> None:
        if self.capture is not None:
            self.capture.write(packet)
        items = self.reader.read(packet.payload, packet.address)
        self.tally.count(items)
        line = _json_line if self.as_json else _line
        name = radio if self.as_json or self.radios > 1 else ""
        for item in items:
            if self.selection.wants(item) and (self.repeats or not item.again):
                say(line(name, packet, item))

    def summarize(self) -> None:
        tally = self.tally
        kinds = {kind.value: number for kind, number in tally.kinds.most_common()}
        if self.as_json:
            total = {"packets": tally.packets, "repeated": tally.repeated, "kinds": kinds}
            say(json.dumps({"kind": "summary", **total}))
            return
        parts = ", ".join(f"{kind} {number}" for kind, number in kinds.items())
        said = f": {parts}; said before: {tally.repeated}" if kinds else ""
        say(f"{counted(tally.packets, 'packet')}{said}.")


def _line(radio: str, packet: CapturedPacket, item: Item) -> str:
    time = packet.time.isoformat(timespec="milliseconds")[11:23]
    parts = [time, radio, _address(packet), "" if packet.rssi is None else f"{packet.rssi} dBm"]
    again = " (again)" if item.again else ""
    return "  ".join([*filter(None, parts), item.text + again])


def _json_line(radio: str, packet: CapturedPacket, item: Item) -> str:
    value: dict[str, Any] = {
        "time": packet.time.isoformat(timespec="microseconds"),
        "radio": radio,
        "address": _address(packet) or None,
        "rssi": packet.rssi,
        "connectable": packet.connectable,
        "payload": packet.payload.hex(),
        "kind": item.kind.value,
        "again": item.again,
        "text": item.text,
        **item.fields,
    }
    return json.dumps(value, ensure_ascii=False)


def _address(packet: CapturedPacket) -> str:
    return packet.address.hex(":") if packet.address else ""
