"""A pytest plugin: tells in a file, line by line, which test begins and how it ended, and asks only the chosen ones.

The file is named by `CURRENTS_MUTANTS_TOLD`; `CURRENTS_MUTANTS_CHOSEN` may name one with the chosen tests, in order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

TOLD = "CURRENTS_MUTANTS_TOLD"
CHOSEN = "CURRENTS_MUTANTS_CHOSEN"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Before pytest-django's ordering, which keeps ours among tests that use the database alike."""
    if CHOSEN in os.environ:
        wanted = Path(os.environ[CHOSEN]).read_text().split("\n")
        found = {item.nodeid: item for item in items}
        items[:] = [found[name] for name in wanted if name in found]
    _tell({"asked": len(items)})
    yield


def pytest_runtest_logstart(nodeid: str) -> None:
    _tell({"begins": nodeid})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    outcome = "failed" if report.failed else "passed"
    _tell({"test": report.nodeid, "when": report.when, "outcome": outcome, "seconds": report.duration})


def pytest_runtest_logfinish(nodeid: str) -> None:
    _tell({"ends": nodeid})


def _tell(what: dict[str, object]) -> None:
    with Path(os.environ[TOLD]).open("a") as file:
        file.write(json.dumps(what) + "\n")
