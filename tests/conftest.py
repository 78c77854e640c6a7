"""Programs that some tests need, what was not run for want of them, and how hard hypothesis tries.

`@pytest.mark.system("openssl")` skips a test where that program is missing; the summary then names
it. With REQUIRE_ALL=1 in the environment a run that has skipped anything fails.
"""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from hypothesis import settings

# Suites that several folders derive from; before any of them is imported.
pytest.register_assert_rewrite("tests.radio.contract", "tests.radio.gatt_contract")

REQUIRE_ALL = "REQUIRE_ALL"
_MISSING = "missing program"

# A shell that starts the tests in the background has Ctrl-C ignored, by them and by all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines differ in speed, so no example has a deadline.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program is not there."""
    programs = [name for mark in item.iter_markers("system") for name in mark.args]
    missing = [name for name in programs if shutil.which(name) is None]
    # A property travels to the process that writes the summary, whoever runs the test.
    item.user_properties += [(_MISSING, name) for name in missing]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}; install it with: make system-deps")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that has to be complete and is not."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    passed = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    if passed and _required() and _not_run(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was not run, and the command that helps."""
    skipped = _not_run(terminalreporter)
    if not skipped:
        return
    missing = sorted({name for report in skipped for name in _programs(report)})
    terminalreporter.section("not run")
    for report in skipped:
        terminalreporter.write_line(report.nodeid)
    if missing:
        terminalreporter.write_line(f"Missing: {', '.join(missing)}. Run: make system-deps")
    if _required():
        terminalreporter.write_line(f"{REQUIRE_ALL} is set, so this run has failed.", red=True)


def _required() -> bool:
    return os.environ.get(REQUIRE_ALL, "0") not in ("", "0")


def _not_run(
    reporter: pytest.TerminalReporter | None,
) -> list[pytest.TestReport | pytest.CollectReport]:
    return [] if reporter is None else reporter.stats.get("skipped", [])


def _programs(report: pytest.TestReport | pytest.CollectReport) -> list[str]:
    properties = getattr(report, "user_properties", [])
    return [str(value) for name, value in properties if name == _MISSING]
