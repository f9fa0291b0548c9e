"""For every test: what runs in threads beside it ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.api import bearer, readiness
from exporter.intake import appender, notifier


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    """The appender's and the nudger's connections would keep the test database from being emptied and
    dropped."""
    yield
    appender.stop()
    notifier.stop()
    bearer.forget()
    readiness.answer.forget()
