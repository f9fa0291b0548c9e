"""Every request of the intake has its line in the log, and every request an id that finds it there."""

from __future__ import annotations

import http.client
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from exporter.intake import appender, notifier
from tests.exporter.api.test_events import Sender, sender  # noqa: F401 - a fixture
from tests.support.factories import event
from tests.support.log_lines import lines_of
from tests.support.serving import Server, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _intake_ends() -> Any:
    yield
    appender.stop()
    notifier.stop()


def test_a_request_has_one_line_with_its_counts(
    sender: Sender,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    sender.post([event(1), event(1), event(2), {"id": "nothing else"}])
    (line,) = lines_of(caplog, "intake.request")
    assert line.pop("ms") >= 0
    line.pop("request", None)
    assert line == {
        "event": "intake.request",
        "status": 202,
        "workspace": sender.workspace_id,
        "token": sender.token.pk,
        "accepted": 2,
        "duplicates": 1,
        "refused": 1,
    }


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (b"no json", {}, 400, "BadBody"),
        (b"[]", {"Authorization": "Bearer cur_nobody_knows"}, 401, "BadToken"),
        (b"x", {"Content-Encoding": "br"}, 415, "BodyRefused"),
    ],
)
def test_a_refused_request_has_a_line_that_says_why_and_quotes_nothing(
    sender: Sender,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    headers: dict[str, str],
    status: int,
    why: str,
) -> None:
    sender.post(body, **headers)
    (line,) = lines_of(caplog, "intake.request_refused")
    assert (line["status"], line["why"]) == (status, why)
    assert "no json" not in str(line)


def ask(server: Server, request_id: str | None) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Authorization": f"Bearer cur_{server.token.prefix}_test"}
    headers |= {"X-Request-ID": request_id} if request_id is not None else {}
    connection.request("POST", "/api/v1/events", json.dumps([event(1)]), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return str(answer.getheader("X-Request-ID"))


def test_the_id_of_a_request_is_answered_and_stands_in_its_line(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert ask(server, "trace-1/a+b=") == "trace-1/a+b="
        made = [ask(server, None), ask(server, "somebody@example.com"), ask(server, "x" * 200)]
        told = server.log.read_text()
    assert len(set(made)) == 3
    for one in ("trace-1/a+b=", *made):
        assert f"request={json.dumps(one) if '=' in one else one}" in told
    assert "somebody@" not in told
