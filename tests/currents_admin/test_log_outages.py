"""A database or broker that is away is told once, then counted."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
import structlog
from django.db import OperationalError
from django.http import HttpResponse
from django.utils.log import log_response
from redis.exceptions import ConnectionError as RedisConnectionError

from currents_admin import log_outages
from tests.support.log_lines import formatter

ours = structlog.get_logger("exporter.delivery.lanes.coordinator")
django = logging.getLogger("django.request")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What a handler like the product's wrote; the count is told every 50 ms."""
    monkeypatch.setattr(log_outages, "TELL_EVERY_SECONDS", 0.05)
    output = StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(formatter("text"))
    handler.addFilter(log_outages.OnceAnOutage())
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    yield output
    root.handlers = before


def meet(fault: Exception) -> None:
    try:
        raise fault
    except type(fault):
        django.exception("Internal Server Error: /")


def test_the_first_is_one_line_without_a_traceback_and_the_others_are_counted(told: StringIO) -> None:
    for _ in range(40):
        meet(OperationalError("server closed the connection"))
        ours.warning("database.away", doing="deliver")
    for _ in range(400):
        if sum(map(int, re.findall(r"times=(\d+)", told.getvalue()))) == 79:
            break
        threading.Event().wait(0.01)
    first, *counts = told.getvalue().splitlines()
    assert "WARNING database.away doing=django.request error=OperationalError" in first
    assert counts
    assert all("WARNING database.away times=" in line for line in counts)
    assert sum(map(int, re.findall(r"times=(\d+)", told.getvalue()))) == 79


def test_what_the_driver_says_itself_is_the_same_outage(told: StringIO) -> None:
    for fault in (
        psycopg.errors.AdminShutdown(),
        psycopg.errors.ProtocolViolation(),
        psycopg.OperationalError(),
    ):
        try:
            raise fault
        except psycopg.Error as error:
            ours.error("intake.store_failed", exc_info=error)
    (line,) = told.getvalue().splitlines()
    assert "database.away doing=intake.store_failed" in line


def test_a_probe_that_is_answered_503_is_no_line(told: StringIO) -> None:
    for status in (503, 500):
        answer = HttpResponse(status=status)
        log_response("%s", f"answer of {status}", response=answer, logger=django)
    assert [line.rpartition(" ")[2] for line in told.getvalue().splitlines()] == ["500"]


def test_database_and_broker_are_two_outages(told: StringIO) -> None:
    meet(OperationalError("server closed the connection"))
    meet(RedisConnectionError("refused"))
    logging.getLogger("celery.worker.consumer.consumer").error("consumer: Cannot connect: refused")
    assert [line.split()[2] for line in told.getvalue().splitlines()] == ["database.away", "broker.away"]


def test_an_outage_after_a_silence_is_told_again(told: StringIO) -> None:
    meet(OperationalError("server closed the connection"))
    for _ in range(400):
        threading.Event().wait(0.06)
        meet(OperationalError("server closed the connection"))
        if told.getvalue().count("doing=django.request") == 2:
            return
    raise AssertionError("it was never told again")


def test_a_statement_that_was_cancelled_is_no_outage(told: StringIO) -> None:
    class Cancelled(Exception):
        sqlstate = "57014"

    fault = OperationalError("canceling statement due to statement timeout")
    fault.__cause__ = Cancelled()
    meet(fault)
    meet(fault)
    assert told.getvalue().count("django.request: Internal Server Error") == 2
