"""What every test has: cheap password hashes, and no skipping in CI."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings

from exporter.destinations import sender

# How fast a machine is decides no test. The mutants have a profile of their own.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
if hypothesis.settings.get_current_profile_name() == "default":
    hypothesis.settings.load_profile("patient")

pytest_plugins = ["tests.support.broker", "tests.support.people", "tests.support.threads"]


def pytest_configure() -> None:
    # The real one takes a tenth of a second on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True, scope="session")
def _no_connection_is_left_open() -> Iterator[None]:
    """A socket that only the garbage collector closes is a warning, and a warning here is an error."""
    yield
    sender.close_idle()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Of tests with one id only the last is run where they run side by side."""
    twice = [test for test, times in Counter(item.nodeid for item in session.items).items() if times > 1]
    if twice:
        raise pytest.UsageError(f"more than one test is called {', '.join(twice)}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A browser or a server that is missing in CI is a failure: a skipped test proves nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
