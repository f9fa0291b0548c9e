"""Lines in the log: one event each, readable or JSON, and without what must not be told."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
from pathlib import Path

import pytest
import structlog
from celery.app.log import Logging

from currents_admin import __main__ as command_line
from currents_admin import celery_app, log_lines
from tests.support.log_lines import formatter, lines_of, written
from tests.support.serving import serving

PATHS = ("/invitations/{}/", "/accounts/password/reset/key/1-{}/", "/accounts/unlock/{}/")
log = structlog.get_logger(__name__)


def fail(text: str) -> None:
    raise RuntimeError(text)


@pytest.mark.django_db(transaction=True)
def test_a_refused_address_is_logged_without_its_secret(tmp_path: Path) -> None:
    made = [secrets.token_hex(16) for _ in PATHS]
    with serving(tmp_path) as server:
        for path, secret in zip(PATHS, made, strict=True):
            for method in ("GET", "PUT", "POST"):
                with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
                    line.sendall(
                        f"{method} {path.format(secret)} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()
                    )
                    while line.recv(65_536):
                        pass
        told = server.log.read_text()
    assert "/invitations/…" in told
    assert [secret for secret in made if secret in told] == []


def test_a_line_is_one_json_object_with_time_level_and_event_first(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log.info("mail.sent", letter="invitation", ms=12)
    logging.getLogger("somebody.elses").warning("Not %s", "ours\nat all")
    ours, other = (json.loads(line) for line in written(caplog).splitlines())
    assert list(ours) == ["time", "level", "event", "letter", "ms"]
    assert (ours["level"], ours["event"], ours["ms"]) == ("info", "mail.sent", 12)
    assert ours["time"].endswith("Z")
    assert (other["event"], other["logger"]) == ("Not ours\nat all", "somebody.elses")


def test_a_readable_line_cannot_be_forged_by_what_it_quotes(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("somebody.elses").warning("a path\n2026-01-01T00:00:00.000Z ERROR delivery.stopped")
    log.warning("intake.request_refused", why="a\nb")
    first, second, third = written(caplog, log_lines.READABLE).splitlines()
    assert "somebody.elses: a path" in first
    assert second.startswith("  2026")
    assert third.endswith('intake.request_refused why="a\\nb"')


@pytest.mark.parametrize("form", log_lines.FORMS)
def test_a_fault_has_class_fingerprint_and_place_and_its_text_is_left_out(
    caplog: pytest.LogCaptureFixture, form: str
) -> None:
    for text in ("somebody@example.com", "another"):
        try:
            fail(text)
        except RuntimeError as error:
            log.exception("chore.row_failed")
            context = {"data": {"name": "exporter.tasks.trim"}}
            logging.getLogger("celery.app.trace").exception("Task: %s", error, extra=context)
    told = written(caplog, form)
    assert "in fail" in told
    assert "RuntimeError" in told
    assert "exporter.tasks.trim" in told
    assert "somebody@" not in told
    first, second = lines_of(caplog)
    assert first["fingerprint"] == second["fingerprint"]


def test_the_formatter_is_that_of_the_settings() -> None:
    assert isinstance(formatter(), log_lines.SafeFormatter)


@pytest.mark.parametrize(("given", "level"), [("", "WARNING"), ("DEBUG", "DEBUG")])
def test_a_command_is_not_followed_by_lines_about_itself(
    monkeypatch: pytest.MonkeyPatch, given: str, level: str
) -> None:
    monkeypatch.setenv("LOG_LEVEL", given)
    monkeypatch.setattr("sys.argv", ["manage.py", "status"])
    monkeypatch.setattr("django.core.management.execute_from_command_line", lambda _words: None)
    command_line.main()
    assert os.environ["LOG_LEVEL"] == level


def test_a_worker_leaves_the_log_as_it_was_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "level", logging.INFO)
    monkeypatch.setattr(Logging, "already_setup", False)
    handlers = list(root.handlers)
    Logging(celery_app).setup_logging_subsystem(loglevel="WARNING")
    assert (root.level, root.handlers) == (logging.INFO, handlers)
