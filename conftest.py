"""For every test run: with CI=true a skipped test is a failure, as CI has all that tests need."""

import os

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes depends on what else the machine does.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")
# Engines of tests compile each model anew, unless a test says otherwise.
os.environ.setdefault("KD_COMPILED_CACHE", "")
os.environ.setdefault("KD_JOB_INDEX", "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped where nothing may be."""
    if _skips_fail() and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("Skipped tests fail in CI (see above).", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run where tests were skipped in CI."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if _skips_fail() and reporter and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skips_fail() -> bool:
    return os.environ.get("CI") == "true"
