"""`meshwright provision` and `meshwright device run`, two processes on a radio of datagrams."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.cli.acting import (
    PATIENCE,
    PROVISIONER_RADIO,
    acting,
    device,
    provision,
    provisioner,
)
from tests.cli.commands import Done, meshwright
from tests.cli.manufacturer import Manufacturer

from meshwright.pki.keys import generate_private_key
from meshwright.randomness import SystemRandomness

ROOT = Path(__file__).parents[2]
ONE = UUID("1b9d6bcd-bbfd-11f0-8000-ab8dfbbd4bed")
TWO = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
VALUE = "00112233445566778899aabbccddeeff"


def failed(done: Done, status: int, code: str) -> str:
    """Check that the last line is one clear sentence, and return it."""
    *_, last = done.err.splitlines()
    assert done.status == status, done
    prefix = f"Error ({code}): "
    assert last.startswith(prefix), done
    assert last.endswith(".")
    return last[len(prefix) :]


def kept(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


# What joins, and what is kept.


def test_nodes_of_one_network_file(tmp_path: Path) -> None:
    file = tmp_path / "hall.json"
    options = ("--method", "no-oob", "--network-file", file)
    with device(tmp_path, "--uuid", ONE, "--elements", 2, "--state", "one", "--once") as running:
        done = provision(tmp_path, ONE, *options)
        assert running.ended().status == 0
    assert (done.status, done.out) == (
        0,
        f"{ONE} is node 0x0002 with 2 elements.\n"
        "Authenticated by HMAC with a public key sent in band and no OOB value; "
        "weaker than zero-touch, as allowed: in-band-key, unauthenticated.\n",
    )
    assert done.err == "Looking for the device ...\nThe link is open on PB-ADV.\n"
    with device(tmp_path, "--uuid", TWO, "--state", "two"):
        again = provision(tmp_path, TWO, *options, "--json")
    assert again.json["address"] == 4
    network = kept(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [(node["uuid"], node["address"], node["confirmed"]) for node in network["nodes"]] == [
        (str(ONE), 2, True),
        (str(TWO), 4, True),
    ]
    for name, node in zip(("one", "two"), network["nodes"], strict=True):
        membership = kept(tmp_path / name)["membership"]
        assert membership["device_key"] == node["device_key"]
        assert membership["data"].startswith(network["net_key"])
        for said in (done.out, done.err, again.out, again.err):
            assert node["device_key"] not in said
            assert network["net_key"] not in said


def test_keys_are_shown_when_asked_for(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE, "--state", "one"):
        done = provision(tmp_path, ONE, "--method", "no-oob", "--show-keys", "--json")
    membership = kept(tmp_path / "one")["membership"]
    assert done.json["device_key"] == membership["device_key"]
    assert membership["data"].startswith(done.json["net_key"])
    assert "will be lost" not in done.err


def test_keys_that_will_be_lost_are_pointed_out(tmp_path: Path) -> None:
    done = provision(tmp_path, ONE, "--timeout", "0.1")
    assert done.err.startswith("The keys will be lost; --network-file keeps them")


# How it is authenticated.


def test_a_static_value_that_both_are_told(tmp_path: Path) -> None:
    with (
        device(tmp_path, "--uuid", ONE, "--only-oob", "--static-oob", VALUE, "--json") as running,
        provisioner(tmp_path, ONE, "--static-oob", "-", "--json") as asking,
    ):
        asking.enter(VALUE)
        done = asking.ended()
        running.says("node")
        said = running.interrupt()
    authentication = done.json["authentication"]
    assert (authentication["method"], authentication["algorithm"]) == ("static", "hmac")
    assert VALUE not in done.out + done.err + said.out + said.err


@pytest.mark.parametrize("kind", ["alphanumeric:TOUCAN", "numeric:40613"])
def test_another_static_value_is_a_matter_of_trust(tmp_path: Path, kind: str) -> None:
    with device(tmp_path, "--uuid", ONE, "--static-oob", kind):
        done = provision(tmp_path, ONE, "--static-oob", f"{kind}1", "--json")
    failed(done, 3, "refused-by-device")
    assert done.json["error"]["code"] == "refused-by-device"
    assert kind.partition(":")[2] not in done.out + done.err


def test_a_number_is_read_off_the_device(tmp_path: Path) -> None:
    with (
        device(tmp_path, "--uuid", ONE, "--output", "numeric", "--output-size", 6) as running,
        provisioner(tmp_path, ONE) as asking,
    ):
        number = running.says("The device shows: ").partition(": ")[2]
        asking.asks("Number that the device shows (6 digits)")
        asking.enter("12345")
        asking.asks("The value should be 6 digits, zeros in front included; enter it again.")
        asking.asks("Number that the device shows (6 digits)")
        asking.enter(number)
        done = asking.ended()
    assert "output OOB (numeric, size 6)" in done.out
    assert len(number) == 6
    assert number not in done.out + done.err


def test_blinks_are_text(tmp_path: Path) -> None:
    with (
        device(tmp_path, "--uuid", ONE, "--output", "blink") as running,
        provisioner(tmp_path, ONE, "--method", "output") as asking,
    ):
        shown = running.says("*blink*")
        count = shown.count("*blink*")
        assert shown.endswith(f"({count} times)")
        asking.asks("How often does the device blink")
        asking.enter(str(count))
        assert asking.ended().status == 0


def test_a_button_is_pushed(tmp_path: Path) -> None:
    with (
        device(tmp_path, "--uuid", ONE, "--input", "push", "--json") as running,
        provisioner(tmp_path, ONE, "--attention", 3) as asking,
    ):
        assert json.loads(running.says("attention")) == {"event": "attention", "seconds": 3}
        assert json.loads(running.says("entry")) == {"event": "entry-needed", "action": "push"}
        count = asking.asks("Push the button of the device this often: ").rpartition(": ")[2]
        running.asks("How often was the button to be pushed")
        running.enter("never")
        running.asks("The value should be a count of 1 or more, up to 1 digits; enter it again.")
        running.enter(count)
        asking.asks("That has served.")
        done = asking.ended()
        assert json.loads(running.says("node"))["address"] == 2
    assert "input OOB (push, size 1)" in done.out


def test_a_certificate_that_leads_to_a_root(tmp_path: Path) -> None:
    made = Manufacturer().make(tmp_path, ONE)
    options = ("--key", made.key, "--chain", made.chain)
    with device(tmp_path, *options) as running:
        assert running.says("Device") == f"Device {ONE}."
        stranger = provision(tmp_path, ONE, "--roots", Manufacturer().make(tmp_path, TWO).roots)
        failed(stranger, 3, "path-untrusted")
        done = provision(tmp_path, ONE, "--roots", made.roots, "--json")
    assert done.status == 0, done
    assert done.json["authentication"]["key"] == "certificate"
    assert done.json["authentication"]["weaknesses"] == []
    assert "Lamps" in done.json["root"]
    assert done.json["status_checked"] is False


def test_a_device_without_certificate_is_not_taken_for_one_with(tmp_path: Path) -> None:
    roots = Manufacturer().make(tmp_path, ONE).roots
    with device(tmp_path, "--uuid", ONE):
        failed(provision(tmp_path, ONE, "--roots", roots), 3, "no-certificate")


def test_a_public_key_that_the_operator_has(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    private = generate_private_key(SystemRandomness().stream("key"))
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(private.private_bytes(*form))
    with device(tmp_path, "--uuid", ONE, "--key", key) as running:
        public = running.says("Its public key is ").rpartition(" ")[2].rstrip(".")
        done = provision(tmp_path, ONE, "--public-key", public, "--json")
    assert done.json["authentication"]["key"] == "operator"


def test_a_weak_algorithm_only_when_it_is_allowed(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE, "--algorithms", "cmac") as running:
        done = provision(tmp_path, ONE, "--method", "no-oob")
        assert "offers CMAC and the policy demands HMAC" in failed(done, 3, "downgrade")
        running.says("Link closed.")
        done = provision(tmp_path, ONE, "--method", "no-oob", "--allow", "cmac", "--json")
    assert done.json["authentication"]["weaknesses"] == ["cmac", "in-band-key", "unauthenticated"]


def test_nothing_is_proven_only_when_it_is_asked_for(tmp_path: Path) -> None:
    with device(tmp_path, "--uuid", ONE, "--json") as running:
        failed(provision(tmp_path, ONE), 3, "no-common-method")
        running.says("link-closed")
        assert provision(tmp_path, ONE, "--allow", "unauthenticated").status == 0


# How it ends.


def test_nobody_answers(tmp_path: Path) -> None:
    done = provision(tmp_path, ONE, "--timeout", "0.3", "--json")
    message = failed(done, 1, "no-answer")
    assert json.loads(done.out) == {"error": {"code": "no-answer", "message": message}}


def test_ctrl_c_before_the_device_is_there(tmp_path: Path) -> None:
    with provisioner(tmp_path, ONE) as asking:
        asking.asks("Looking for the device")
        done = asking.interrupt()
    assert (done.status, done.out) == (130, "")
    assert done.err == "Interrupted; the link is closed.\n"


def test_ctrl_c_at_a_question_closes_the_link(tmp_path: Path) -> None:
    options = ("--uuid", ONE, "--output", "numeric", "--json")
    with device(tmp_path, *options) as running:
        with provisioner(tmp_path, ONE) as asking:
            asking.asks("Number that the device shows")
            assert asking.interrupt().status == 130
        closed = json.loads(running.says("link-closed"))
        assert closed == {"event": "link-closed", "bearer": "adv", "reason": 2}
        assert provision(tmp_path, ONE, "--method", "no-oob").status == 0


def test_a_device_that_ends_at_a_question_ends_the_session(tmp_path: Path) -> None:
    with (
        device(tmp_path, "--uuid", ONE, "--output", "numeric") as running,
        provisioner(tmp_path, ONE) as asking,
    ):
        asking.asks("Number that the device shows")
        assert running.interrupt().status == 0
        failed(asking.ended(), 1, "link-lost")


def test_an_input_that_has_ended_is_no_answer(tmp_path: Path) -> None:
    with (
        device(tmp_path, "--uuid", ONE, "--output", "numeric"),
        provisioner(tmp_path, ONE) as asking,
    ):
        assert asking.process.stdin is not None
        asking.process.stdin.close()
        failed(asking.ended(), 2, "no-entry")


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "hall.json"
    options = ("--method", "no-oob", "--network-file", file)
    with device(tmp_path, "--uuid", ONE, "--elements", 3) as running:
        assert provision(tmp_path, ONE, *options, "--address", "0x0010").status == 0
        running.interrupt()
    failed(provision(tmp_path, TWO, *options, "--address", "0x0012"), 2, "address-taken")
    with device(tmp_path, "--uuid", TWO, "--elements", 2):
        done = provision(tmp_path, TWO, *options, "--address", "0x000f")
        failed(done, 2, "address-taken")
    assert len(kept(file)["nodes"]) == 1


def test_a_device_that_may_be_a_node_is_kept_as_such(tmp_path: Path) -> None:
    file = tmp_path / "hall.json"
    with acting(ROOT, *_radio(tmp_path), ONE, module="tests.cli.faithless_device"):
        done = provision(tmp_path, ONE, "--method", "no-oob", "--network-file", file, "--json")
        message = failed(done, 1, "link-lost")
        assert f"may be node 0x0002 all the same; its key is in {file}" in message
        [node] = kept(file)["nodes"]
        assert (node["address"], node["confirmed"]) == (2, False)
        assert node["device_key"] not in done.out + done.err


def test_the_key_of_what_may_be_a_node_is_lost_or_shown(tmp_path: Path) -> None:
    with acting(ROOT, *_radio(tmp_path), ONE, module="tests.cli.faithless_device"):
        done = provision(tmp_path, ONE, "--method", "no-oob")
        assert "its key is lost, so reset it." in failed(done, 1, "link-lost")
    with acting(ROOT, *_radio(tmp_path), TWO, module="tests.cli.faithless_device"):
        done = provision(tmp_path, TWO, "--method", "no-oob", "--show-keys")
        assert "its key was shown." in failed(done, 1, "link-lost")
        assert "DevKey: " in done.err


def _radio(folder: Path) -> tuple[str]:
    return (f"unix:{folder}/d,{folder}/p",)


def test_a_killed_provisioner_has_kept_the_node(tmp_path: Path) -> None:
    file = tmp_path / "hall.json"
    with (
        device(tmp_path, "--uuid", ONE, "--state", "one") as running,
        provisioner(tmp_path, ONE, "--method", "no-oob", "--network-file", file) as asking,
    ):
        running.says("It is node 0x0002 now.")
        asking.process.kill()
        assert asking.process.wait(PATIENCE)
    [node] = kept(file)["nodes"]
    assert node["device_key"] == kept(tmp_path / "one")["membership"]["device_key"]


def test_a_device_that_was_reset_gets_another_entry(tmp_path: Path) -> None:
    file = tmp_path / "hall.json"
    options = ("--method", "no-oob", "--network-file", file)
    warning = "It is node 0x0002 in this file; it gets a new entry."
    for address, is_warned in ((2, False), (3, True)):
        with device(tmp_path, "--uuid", ONE, "--once") as running:
            done = provision(tmp_path, ONE, *options, "--json")
            running.ended()
        assert done.json["address"] == address
        assert (warning in done.err) is is_warned


# On controllers.


@pytest.mark.parametrize("bearer", ["adv", "gatt"])
def test_over_controllers(tmp_path: Path, bearer: str) -> None:
    with acting(ROOT, "legacy", "legacy", module="tests.interop.bumble.air") as air:
        radios = [f"tcp-client:127.0.0.1:{port}?slice=5" for port in json.loads(air.says("["))]
        options = ("--bearer", bearer, "--uuid", ONE, "--state", "one", "--once")
        with device(tmp_path, *options, radio=radios[0]) as running:
            asked = ("--bearer", bearer, "--method", "no-oob", "--show-keys", "--json")
            done = provision(tmp_path, ONE, *asked, radio=radios[1])
            assert done.status == 0, done
            assert running.ended().status == 0
    assert done.json["bearer"] == bearer
    assert done.json["device_key"] == kept(tmp_path / "one")["membership"]["device_key"]


# What cannot be used.

REFUSED = {
    "a UUID that is none": (("lamp",), "bad-uuid"),
    "an address in no range": ((ONE, "--address", "0x8000"), "bad-address"),
    "an address that is none": ((ONE, "--address", "ten"), "bad-address"),
    "static without a value": ((ONE, "--method", "static"), "contradictory-options"),
    "a value for another method": (
        (ONE, "--method", "output", "--static-oob", VALUE),
        "contradictory-options",
    ),
    "roots and a key": (
        (ONE, "--roots", __file__, "--public-key", "04" * 64),
        "contradictory-options",
    ),
    "roots that are none": ((ONE, "--roots", __file__), "no-certificates"),
    "a value that is none": ((ONE, "--static-oob", "secret words"), "bad-static-oob"),
    "a key that is none": ((ONE, "--public-key", "04" * 64), "bad-public-key"),
    "a network file of something else": ((ONE, "--network-file", __file__), "damaged-network-file"),
}


@pytest.mark.parametrize(("arguments", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_said_before_anything_is_sent(
    tmp_path: Path, arguments: tuple[object, ...], code: str
) -> None:
    done = meshwright("provision", *arguments, "--radio", f"unix:{tmp_path}/p,{tmp_path}/d")
    failed(done, 4 if code.startswith("damaged") else 2, code)
    assert "secret words" not in done.err
    assert "Looking" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "no" / "hall.json"
    done = meshwright("provision", ONE, "--radio", PROVISIONER_RADIO, "--network-file", file)
    failed(done, 4, "store-unavailable")
