"""`meshwright device run`: what it is made of, what it keeps, and how it ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from tests.cli.acting import Acting, acting, device, provision
from tests.cli.commands import meshwright, refused
from tests.cli.manufacturer import Manufacturer

from meshwright.core.discovery.ad import AdType, structures
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    heard_beacon,
)
from meshwright.core.discovery.uri import encode_uri, uri_hash

ONE = UUID("1b9d6bcd-bbfd-11f0-8000-ab8dfbbd4bed")
TWO = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
PATIENCE = 60.0


def kept(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


@contextmanager
def listener(folder: Path) -> Iterator[socket.socket]:
    """Be the other end of the air of a device in `folder`."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as other:
        other.bind(str(folder / "p"))
        other.settimeout(PATIENCE)
        yield other


def beacon_of(other: socket.socket) -> UnprovisionedBeacon:
    """Return the first beacon that is heard."""
    while True:
        found = heard_beacon(other.recv(100))
        if found is not None:
            return found


# What it says of itself.


def test_it_beacons_what_it_was_told(tmp_path: Path) -> None:
    uri = "https://mesh.example/d"
    options = ("--uri", uri, "--oob-information", "on-box", "--oob-information", "nfc")
    with listener(tmp_path) as other, device(tmp_path, "--uuid", ONE, *options) as running:
        assert running.says("Device") == f"Device {ONE}."
        oob = OobInformation.ON_BOX | OobInformation.NFC
        assert beacon_of(other) == UnprovisionedBeacon(ONE, oob, uri_hash(encode_uri(uri)))
        packet = other.recv(100)
        assert list(structures(packet)) == [(AdType.URI, encode_uri(uri))]


def test_a_certificate_is_announced_and_names_the_device(tmp_path: Path) -> None:
    made = Manufacturer().make(tmp_path, ONE)
    options = ("--key", made.key, "--chain", made.chain, "--json")
    with listener(tmp_path) as other, device(tmp_path, *options) as running:
        said = json.loads(running.says("device"))
        assert (said["event"], said["uuid"], len(said["public_key"])) == ("device", str(ONE), 128)
        assert beacon_of(other) == UnprovisionedBeacon(ONE, CERTIFICATE_BASED)


def test_a_device_of_no_name_gets_one_and_keeps_it(tmp_path: Path) -> None:
    with device(tmp_path, "--state", "lamp") as running:
        name = running.says("Device")
        running.interrupt()
    with device(tmp_path, "--state", "lamp") as running:
        assert running.says("Device") == name
    flash = kept(tmp_path / "lamp")
    assert name == f"Device {flash['uuid']}."
    assert flash["boots"] == 2
    assert (tmp_path / "lamp").stat().st_mode & 0o777 == 0o600


# How it ends.


def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE) as running:
        done = running.interrupt()
    assert (done.status, done.out, done.err) == (0, f"Device {ONE}.\n", "")
    assert not (tmp_path / "d").exists()


def test_a_time_can_be_set(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE, "--seconds", "0.01") as running:
        assert running.ended().status == 0


def test_it_is_a_node_again_after_power_on(tmp_path: Path) -> None:
    options = ("--uuid", ONE, "--state", "lamp", "--once")
    with device(tmp_path, *options) as running:
        assert provision(tmp_path, ONE, "--method", "no-oob").status == 0
        done = running.ended()
    assert (done.status, done.out.splitlines()) == (
        0,
        [
            f"Device {ONE}.",
            "Link opened on PB-ADV.",
            "It is node 0x0002 now.",
            "Link closed.",
        ],
    )
    with device(tmp_path, *options) as running:
        again = running.ended()
    assert (again.status, again.out) == (0, f"Device {ONE}.\nIt is node 0x0002 already.\n")
    with device(tmp_path, "--state", "lamp"):
        failed = provision(tmp_path, ONE, "--method", "no-oob", "--timeout", "0.5")
        assert "no-answer" in failed.err


def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE, "--json") as running:
        running.says("device")
        running.out.close()
        provision(tmp_path, ONE, "--method", "no-oob", "--timeout", "0.5")
        assert running.process.wait(PATIENCE) == 1
        assert running.err.read() == ""


def test_flash_that_cannot_be_written_ends_it_before_it_is_a_node(tmp_path: Path) -> None:
    folder = tmp_path / "flash"
    folder.mkdir()
    options = ("--uuid", ONE, "--state", folder / "lamp", "--json")
    with device(tmp_path, *options) as running:
        running.says("device")
        (folder / "lamp").unlink()
        folder.rmdir()
        with acting(
            tmp_path, "provision", ONE, "--radio", "unix:p,d", "--method", "no-oob"
        ) as asking:
            done = running.ended()
            asking.interrupt()
    assert done.status == 4
    assert json.loads(done.out.splitlines()[-1])["error"]["code"] == "store-unavailable"
    assert "node" not in done.out


def test_an_input_that_has_ended_is_said(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE, "--input", "numeric") as running:
        _close_input(running)
        with acting(tmp_path, "provision", ONE, "--radio", "unix:p,d") as asking:
            running.asks("Nothing was entered. The session ends by itself.")
            assert asking.interrupt().status == 130
        running.says("Link closed.")
        assert running.interrupt().status == 0


def _close_input(running: Acting) -> None:
    assert running.process.stdin is not None
    running.process.stdin.close()


def test_a_value_read_from_the_input_leaves_the_rest_of_it(tmp_path: Path) -> None:
    options = ("--uuid", ONE, "--static-oob", "-", "--input", "push", "--seconds", "60")
    with acting(tmp_path, "device", "run", "--radio", "unix:d,p", *options) as running:
        running.enter("numeric:40613\nnone\n1\n")
        with acting(
            tmp_path, "provision", ONE, "--radio", "unix:p,d", "--method", "input"
        ) as asking:
            running.asks("How often was the button to be pushed")
            running.asks("enter it again")
            running.asks("How often was the button to be pushed")
            asking.interrupt()
        said = running.interrupt()
    assert "40613" not in said.out + said.err


# What cannot be used.


def private_key(path: Path, scalar: int, *, curve: ec.EllipticCurve | None = None) -> Path:
    key = ec.derive_private_key(scalar, curve or ec.SECP256R1())
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(key.private_bytes(*form))
    return path


def locked_key(path: Path) -> Path:
    key = ec.derive_private_key(5, ec.SECP256R1())
    form = (Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    path.write_bytes(key.private_bytes(*form))
    return path


def certificates(folder: Path, number: int) -> Path:
    chain = Manufacturer().make(folder, ONE).chain
    one = chain.read_bytes()
    chain.write_bytes(one * number)
    return chain


UPPER_HALF = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", 16)
REFUSED: dict[str, tuple[Callable[[Path], tuple[object, ...]], str]] = {
    "a UUID that is none": (lambda _: ("--uuid", "lamp"), "bad-uuid"),
    "a value that is none": (lambda _: ("--static-oob", "secret words"), "bad-static-oob"),
    "a key that is none": (lambda _: ("--key", __file__), "bad-private-key"),
    "a key of another curve": (
        lambda at: ("--key", private_key(at / "k", 5, curve=ec.SECP384R1())),
        "bad-private-key",
    ),
    "a key with a passphrase": (lambda at: ("--key", locked_key(at / "k")), "bad-private-key"),
    "a key that no device may have": (
        lambda at: ("--key", private_key(at / "k", UPPER_HALF)),
        "bad-private-key",
    ),
    "a chain that is none": (lambda _: ("--chain", __file__), "no-certificates"),
    "a chain without its key": (
        lambda at: ("--chain", certificates(at, 1)),
        "contradictory-options",
    ),
    "a chain that is too long": (
        lambda at: ("--key", private_key(at / "k", 5), "--chain", certificates(at, 9)),
        "bad-chain",
    ),
    "a chain of no device": (
        lambda at: (
            *("--key", private_key(at / "k", 5)),
            *("--chain", Manufacturer().make(at, ONE).roots),
        ),
        "bad-chain",
    ),
    "only OOB without a value": (lambda _: ("--only-oob",), "contradictory-options"),
    "only OOB with CMAC": (
        lambda _: ("--only-oob", "--output", "blink", "--algorithms", "cmac"),
        "contradictory-options",
    ),
    "a URI that is none": (lambda _: ("--uri", "two words"), "bad-uri"),
    "a URI that is too long": (lambda _: ("--uri", "x" * 40), "advertisement-too-long"),
    "a bearer that the radio has not": (lambda _: ("--bearer", "gatt"), "no-bearer"),
}


@pytest.mark.parametrize(("options", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_leaves_nothing_behind(
    tmp_path: Path,
    options: Callable[[Path], tuple[object, ...]],
    code: str,
) -> None:
    spec = f"unix:{tmp_path}/d,{tmp_path}/p"
    given = options(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = meshwright("device", "run", "--radio", spec, *given, "--state", tmp_path / "lamp")
    assert f"Error ({code}): " in done.err
    assert done.status == (5 if code == "no-bearer" else 2)
    assert "secret words" not in done.err
    if code != "no-bearer":
        assert sorted(tmp_path.iterdir()) == before


def test_flash_of_another_device(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE, "--state", "lamp") as running:
        running.interrupt()
    before = (tmp_path / "lamp").read_bytes()
    spec = f"unix:{tmp_path}/d,{tmp_path}/p"
    options = ("--radio", spec, "--uuid", TWO, "--state", tmp_path / "lamp")
    assert str(ONE) in refused(meshwright("device", "run", *options), 2, "contradictory-options")
    assert (tmp_path / "lamp").read_bytes() == before


def test_damaged_flash(tmp_path: Path) -> None:
    (tmp_path / "lamp").write_bytes(b"{}")
    spec = f"unix:{tmp_path}/d,{tmp_path}/p"
    done = meshwright("device", "run", "--radio", spec, "--state", tmp_path / "lamp")
    refused(done, 4, "damaged-flash")


def test_only_oob_with_the_value_that_is_in_flash(tmp_path: Path) -> None:
    with device(tmp_path, "--state", "lamp", "--static-oob", "numeric:7") as running:
        running.interrupt()
    with device(tmp_path, "--state", "lamp", "--only-oob") as running:
        assert running.interrupt().status == 0


def test_radios_that_there_are_not(tmp_path: Path) -> None:
    refused(meshwright("device", "run", "--radio", "tin-can"), 2, "unknown-radio")
    assert meshwright("device", "run").status == 2
    assert list(tmp_path.iterdir()) == []
