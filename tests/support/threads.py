"""Threads beside a test: what every test ends with it, and what runs in one of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import pytest
from django.db import connection

from exporter.api import bearer, readiness
from exporter.intake import appender, notifier


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    """On a connection of its own, which is closed when it ends."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def in_future(work: Callable[[], Any]) -> Future[Any]:
    """The same, with what comes of it: an answer, or what it raises."""
    answer: Future[Any] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as error:  # told where the answer is asked for
            answer.set_exception(error)

    in_thread(run)
    return answer


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    """The appender's and the notifier's connections would keep the test database from being emptied and
    dropped."""
    yield
    appender.stop()
    notifier.stop()
    bearer.forget()
    readiness.answer.forget()


class AtOnce(Executor):
    """In place of a thread beside the request."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@pytest.fixture(autouse=True)
def _nothing_is_done_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the test's connection to the database."""
    for place in ("connectors.mail._beside", "exporter.api.readiness._beside"):
        monkeypatch.setattr(place, AtOnce())
    # A thread of its own would give back its own connection; within a test's transaction it would close the test's.
    monkeypatch.setattr("exporter.api.readiness.close_old_connections", lambda: None)
