"""Asking: whatever standard input is, the radio goes on meanwhile."""

from __future__ import annotations

import asyncio
import os
import pty
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from meshwright.cli.prompts import NoEntryError, Prompt, read_secret
from meshwright.core.errors import InputError

PATIENCE = 30.0


class Pipe:
    """Both ends; `enter` is what a person does."""

    def __init__(self) -> None:
        self.ours, self._theirs = os.pipe()

    def enter(self, octets: bytes) -> None:
        os.write(self._theirs, octets)

    def end(self) -> None:
        os.close(self._theirs)

    def close(self) -> None:
        os.close(self.ours)
        with suppress(OSError):
            os.close(self._theirs)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def answers(prompt: Prompt, count: int) -> list[str]:
    async def main() -> list[str]:
        async with asyncio.timeout(PATIENCE):
            return [await prompt.ask("How often") for _ in range(count)]

    return asyncio.run(main())


def test_a_line_an_answer(pipe: Pipe, capsys: pytest.CaptureFixture[str]) -> None:
    pipe.enter(b" 5 \r\n12")
    prompt = Prompt(pipe.ours)
    assert answers(prompt, 1) == ["5"]
    pipe.enter(b"34\n\n")
    assert answers(prompt, 2) == ["1234", ""]
    assert capsys.readouterr() == ("", "How often: \n" * 3)


def test_the_last_line_needs_no_end(pipe: Pipe) -> None:
    pipe.enter(b"5")
    pipe.end()
    prompt = Prompt(pipe.ours)
    assert answers(prompt, 1) == ["5"]
    with pytest.raises(NoEntryError) as caught:
        answers(prompt, 1)
    assert caught.value.code == "no-entry"


def test_octets_that_are_no_text_and_lines_without_end_are_answers_too(pipe: Pipe) -> None:
    pipe.enter(b"\xff\xfe\n" + b"x" * 6000)
    first, second = answers(Prompt(pipe.ours), 2)
    assert first == "\N{REPLACEMENT CHARACTER}" * 2
    assert 4096 < len(second) <= 6000


def test_the_loop_goes_on_while_it_waits(pipe: Pipe) -> None:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, pipe.enter, b"7\n")
        async with asyncio.timeout(PATIENCE):
            return await Prompt(pipe.ours).ask("How often")

    assert asyncio.run(main()) == "7"


def test_a_question_that_is_cancelled_leaves_what_was_typed(pipe: Pipe) -> None:
    async def main() -> str:
        prompt = Prompt(pipe.ours)
        asking = asyncio.create_task(prompt.ask("How often"))
        pipe.enter(b"4")
        while not prompt._typed:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        pipe.enter(b"2\n")
        async with asyncio.timeout(PATIENCE):
            return await prompt.ask("How often")

    assert asyncio.run(main()) == "42"


def test_a_terminal_stays_on_the_line_of_the_question(
    capsys: pytest.CaptureFixture[str],
) -> None:
    theirs, ours = pty.openpty()
    os.write(theirs, b"5\n")
    prompt = Prompt(ours)
    assert answers(prompt, 1) == ["5"]
    assert capsys.readouterr().err == "How often: "

    async def main() -> None:
        asking = asyncio.create_task(prompt.ask("How often"))
        await asyncio.sleep(0)
        asking.cancel()
        await asking

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert capsys.readouterr().err == "How often: \n"
    os.close(theirs)
    with pytest.raises(NoEntryError):  # the terminal has gone
        answers(prompt, 1)
    os.close(ours)


@pytest.mark.parametrize("content", [b"", b"5\n6\n"])
def test_regular_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answers"
    path.write_bytes(content)
    with path.open("rb") as stream:
        prompt = Prompt(stream.fileno())
        assert answers(prompt, content.count(b"\n")) == ["5", "6"][: content.count(b"\n")]
        with pytest.raises(NoEntryError):
            answers(prompt, 1)


def test_nothing_at_all() -> None:
    with Path(os.devnull).open("rb") as nothing, pytest.raises(NoEntryError):
        answers(Prompt(nothing.fileno()), 1)


@pytest.mark.parametrize("fault", [AttributeError, OSError, ValueError])
def test_without_standard_input(fault: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def fileno(self) -> int:
            raise fault

    monkeypatch.setattr("sys.stdin", Closed())
    with pytest.raises(NoEntryError):
        answers(Prompt(), 1)
    with pytest.raises(InputError):
        read_secret("Value")


# Secrets.


@pytest.fixture
def entering(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    with os.fdopen(os.dup(pipe.ours)) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        yield pipe.enter


def test_a_secret_is_one_line_of_the_input(
    pipe: Pipe, entering: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    entering(b"numeric:40613 \nnext\n")
    assert read_secret("Value") == "numeric:40613"
    assert answers(Prompt(), 1) == ["next"]
    pipe.end()
    with pytest.raises(InputError) as caught:
        read_secret("Value")
    assert (caught.value.code, str(caught.value)) == ("no-entry", "Value: nothing was entered.")
    assert "40613" not in "".join(capsys.readouterr())
