"""S20 and kin: full disks, rivals, closed pipes, Ctrl-C and strange places, in real processes."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.commands import meshwright, refused

from meshwright.wiring.home import locked

PROGRAM = [sys.executable, "-m", "meshwright"]
PLAIN = {key: value for key, value in os.environ.items() if not key.startswith("MESHWRIGHT_")}


def shell(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(
        command, check=False, text=True, capture_output=True, timeout=60, env=PLAIN | variables
    )


def clear(done: subprocess.CompletedProcess[str], status: int, code: str) -> None:
    assert done.returncode == status, done
    assert done.stderr.startswith(f"Error ({code}): "), done
    assert done.stderr.count("\n") == 1, done


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.argv[:2] = ["meshwright"]
runpy.run_module("meshwright", run_name="__main__")
"""


@pytest.mark.parametrize("limit", [0, 3000, 150_000])
def test_a_full_disk_loses_nothing(tmp_path: Path, limit: int) -> None:
    """A disk that is full after so many octets of a file; later there is room again."""
    home = tmp_path / "home"
    demo = ["demo", "--devices", "2", "--home", str(home), "--json"]
    command = [sys.executable, "-c", LIMITED, str(limit), *demo]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=PLAIN, timeout=60
    )
    assert done.returncode == 4, done
    assert done.stderr.startswith("Error ("), done
    assert done.stderr.count("\n") == 1, done
    again = meshwright(*demo)
    assert again.status == 0
    assert again.json["unaccounted"] == 0


@pytest.mark.system("setpriv")
@pytest.mark.skipif(os.getuid() != 0, reason="only root has to lay down its powers")
def test_a_home_that_may_not_be_written(plant: Path) -> None:
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    read_only(plant)
    command = [*powerless, *PROGRAM, "commission", "--home", str(plant)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=PLAIN, timeout=60
    )
    clear(done, 4, "store-read-only")


def read_only(home: Path) -> None:
    for path in [*home.rglob("*"), home]:
        path.chmod(path.stat().st_mode & 0o555)


def test_two_processes_never_work_on_one_home(plant: Path) -> None:
    with locked(plant):
        message = refused(meshwright("commission", "--home", plant), 4, "home-busy")
        assert str(plant) in message
        refused(meshwright("init", "--home", plant), 2, "home-exists")
    assert meshwright("commission", "--home", plant).status == 0


def test_a_home_that_somebody_makes_is_not_made_twice(tmp_path: Path) -> None:
    home = tmp_path / "new"
    home.mkdir()
    with locked(home):
        refused(meshwright("init", "--home", home), 4, "home-busy")
    assert meshwright("init", "--home", home).status == 0


@pytest.mark.parametrize("name", ["with space", "Über 家", "-dash", "quote'\"$(x)"])
def test_a_home_may_be_anywhere(site: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(site.parent)
    home = site.rename(name)
    assert meshwright("commission", f"--home={home}").status == 0
    made = meshwright("factory", "make", f"--home={home}", "--json").json["devices"]
    assert meshwright("assets", "add", f"--home={home}", "--", made[0]["label"]).status == 0


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_home_whose_name_the_terminal_cannot_show(tmp_path: Path, encoding: str) -> None:
    home = os.fsdecode(bytes(tmp_path) + b"/\xff\xc3\xa9")
    done = shell("init", "--home", home, "--json", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["secret"] == "key-file"
    clear(shell("init", "--home", home, PYTHONIOENCODING=encoding), 2, "home-exists")
    assert meshwright("network", "create", "Flur", "--home", home).status == 0


@pytest.mark.parametrize("command", [("demo", "--devices", "2"), ("commission",)], ids=" ".join)
def test_a_reader_that_leaves(plant: Path, command: tuple[str, ...]) -> None:
    home = plant if command == ("commission",) else plant.parent / "demo"
    arguments = [*PROGRAM, *command, "--home", str(home)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=PLAIN
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 1
    assert meshwright(*command, "--home", home).status == 0


def test_a_disk_that_is_full_for_what_is_printed() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "--help"], check=False, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", [(), ("--json",)], ids=["lines", "json"])
@pytest.mark.parametrize("command", [("assets", "list"), ("commission",)], ids=" ".join)
def test_a_result_that_cannot_be_printed(
    plant: Path, command: tuple[str, ...], option: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, *command, *option, "--home", str(plant)],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=PLAIN,
            timeout=60,
        )
    clear(done, 4, "output-failed")
    assert meshwright("commission", "--home", plant).status == 0


def test_an_error_that_cannot_be_told_keeps_its_status(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        for arguments in (["assets", "list", "--home", str(tmp_path), "--json"], ["nonsense"]):
            done = subprocess.run(
                [*PROGRAM, *arguments], check=False, stdout=full, stderr=full, env=PLAIN
            )
            assert done.returncode == 2


def interrupted(home: Path, line: str) -> tuple[int, str]:
    """Run a demo that gets Ctrl-C once it has printed `line`; return what it says after that."""
    command = [*PROGRAM, "demo", "--devices", "6", "--home", str(home)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=PLAIN
    ) as process:
        assert process.stdout is not None
        for each in process.stdout:
            if each.startswith(line):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out + err


@pytest.mark.parametrize(
    ("line", "status", "last_words"),
    [("Factory 2/", 130, "run it again"), ("Site 2/", 1, "The run ended before")],
)
def test_ctrl_c_is_an_interruption_and_nothing_more(
    tmp_path: Path, line: str, status: int, last_words: str
) -> None:
    home = tmp_path / "home"
    got, said = interrupted(home, line)
    assert got == status
    assert last_words in said
    again = meshwright("demo", "--devices", 6, "--home", home, "--json")
    assert again.status == 0
    assert again.json["unaccounted"] == 0


def test_a_terminal_gets_bars(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [*PROGRAM, "demo", "--devices", "1", "--home", str(tmp_path / "home")]
    environment = PLAIN | {"TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environment
    ) as process:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 65_536):
                said += piece
        assert process.wait(timeout=60) == 0
    os.close(ours)
    text = said.decode()
    assert "\x1b[" in text
    for stage, total in (("Factory", 2), ("Labels", 2), ("Assets", 1), ("Site", 1)):
        assert re.search(rf"{stage} +.*{total}/{total}", text)
    assert "Factory 1/2:" not in text
    assert "unaccounted assets: 0." in text


def test_a_killed_init_is_done_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert meshwright("init", "--home", home).status == 0
    (home / "home.toml").unlink()  # it is written last
    # SQLite has a journal of the old kind until the database is in WAL mode.
    left = (".master.key.new", ".keyring.json.abcdefgh", ".home.toml.new", "register.db-journal")
    for name in left:
        (home / name).write_bytes(b"half")
    assert meshwright("init", "--home", home).status == 0
    assert meshwright("ca", "create", "--home", home).status == 0
    assert sorted(path.name for path in home.iterdir()) == [
        *("ca", "flash", "home.toml", "keyring.json", "labels", "lock", "master.key"),
        "register.db",
    ]


def test_a_copy_of_a_home_is_a_home(site: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(site, tmp_path / "backup"))
    shutil.rmtree(site)
    assert len(meshwright("nodes", "list", "--home", copy, "--json").json["nodes"]) == 2
    assert meshwright("commission", "--home", copy).status == 0


def at_a_terminal(*arguments: object, answers: str) -> tuple[int, str]:
    """Run a command whose user types `answers`; return its status and all that was shown."""
    ours, theirs = pty.openpty()
    command = [*PROGRAM, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=PLAIN, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        with open(ours, "r+b", buffering=0) as terminal:  # noqa: PTH123 - a descriptor
            for answer in answers.splitlines(keepends=True):
                while not shown.endswith(b": "):  # from the last space on nothing is echoed
                    shown += terminal.read(1000)
                terminal.write(answer.encode())
                shown += b"<answered>"
            with contextlib.suppress(OSError):  # a terminal whose other side has gone
                while octets := terminal.read(1000):
                    shown += octets
        return process.wait(timeout=60), shown.decode()


def test_a_passphrase_is_asked_for_and_never_shown(tmp_path: Path) -> None:
    home, words = tmp_path / "home", "open sesame"
    status, shown = at_a_terminal("init", "--passphrase", "--home", home, answers=f"{words}\n" * 2)
    assert (status, words in shown) == (0, False), shown
    assert "locked with a passphrase" in shown
    status, shown = at_a_terminal("ca", "create", "--home", home, answers=f"{words}\n")
    assert (status, words in shown) == (0, False), shown
    status, shown = at_a_terminal("nodes", "list", "--home", home, answers="wrong\n")
    assert status == 3
    assert "Error (wrong-secret)" in shown
    assert shell("nodes", "list", "--home", home, MESHWRIGHT_PASSPHRASE=words).returncode == 0


def test_nobody_is_asked_for_a_passphrase_without_a_terminal(tmp_path: Path) -> None:
    command = [*PROGRAM, "init", "--passphrase", "--home", str(tmp_path / "home")]
    done = subprocess.run(
        command, check=False, input="", capture_output=True, text=True, env=PLAIN, timeout=60
    )
    assert done.returncode == 2
    assert "MESHWRIGHT_PASSPHRASE" in done.stderr
    assert "Warning" not in done.stderr
    assert not (tmp_path / "home").exists()
