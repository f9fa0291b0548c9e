"""A collector hears of each request with events and each attempt, also of those that the log sums up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from currents_admin.env import BadEnvironment
from currents_admin.telemetry import spans
from exporter import paced_lines
from exporter.paced_lines import MOST_A_SECOND, PacedLines
from tests.support.receiver import Receiver, a_receiver
from tests.support.sandbox_calls import until


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with a_receiver() as receiver:
        endpoint = receiver.url.removesuffix("/hook")
        tracer = spans.Tracer(endpoint, b"api-key: made-up\r\n", pause=0.05)
        monkeypatch.setattr(paced_lines, "observers", [tracer.note])
        yield receiver


def told(collector: Receiver) -> list[dict[str, Any]]:
    found = []
    for headers, body in list(collector.posts):
        assert (headers["content-type"], headers["api-key"]) == ("application/json", "made-up")
        for resource in json.loads(body)["resourceSpans"]:
            named = {one["key"]: one["value"] for one in resource["resource"]["attributes"]}
            assert named["service.name"] == {"stringValue": "currents-admin"}
            found += [span for scope in resource["scopeSpans"] for span in scope["spans"]]
    return found


def test_each_request_is_a_span_with_its_facts(collector: Receiver) -> None:
    lines = PacedLines("exporter.test", "intake.request")
    for number in range(2 * MOST_A_SECOND):
        lines.write(status=202, workspace=3, accepted=number, ms=12, why=None)
    until(lambda: len(told(collector)) == 2 * MOST_A_SECOND)
    span = told(collector)[5]
    assert (span["name"], span["kind"], len(span["traceId"]), len(span["spanId"])) == (
        "intake.request",
        2,
        32,
        16,
    )
    assert int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) == 12_000_000
    facts = {one["key"]: one["value"] for one in span["attributes"]}
    assert facts["http.response.status_code"] == {"intValue": "202"}
    assert facts["currents.accepted"] == {"intValue": "5"}
    assert "currents.why" not in facts
    assert len({one["spanId"] for one in told(collector)}) == 2 * MOST_A_SECOND


def test_what_failed_is_an_error_and_other_lines_are_no_spans(collector: Receiver) -> None:
    PacedLines("exporter.test", "front.refused").write(status=400)
    PacedLines("exporter.test", "delivery.attempt_failed").write(status=500, ms=3)
    until(lambda: told(collector))
    (span,) = told(collector)
    assert (span["name"], span["kind"], span["status"]) == ("delivery.attempt", 3, {"code": 2})


def test_without_a_collector_a_line_asks_nobody() -> None:
    assert paced_lines.observers == []


def test_headers_are_percent_encoded_pairs() -> None:
    name = "OTEL_EXPORTER_OTLP_HEADERS"
    assert spans.headers(name, ["api-key=a%20b", "tenant=c"]) == b"api-key: a b\r\ntenant: c\r\n"
    for bad in ("no pair", "a=b%0d%0aX: y", "é=1"):
        with pytest.raises(BadEnvironment, match="key=value"):
            spans.headers(name, [bad])
