"""Lines about what happens very often: some singly, the rest in one sum."""

from __future__ import annotations

import logging
import threading

import pytest

from exporter import paced_lines
from exporter.paced_lines import PacedLines
from tests.support.log_lines import lines_of


def test_a_burst_is_some_lines_and_one_sum(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    lines = PacedLines("exporter.test", "intake.request")
    due: list[threading.Timer] = []
    monkeypatch.setattr(paced_lines.threading.Timer, "start", lambda timer: due.append(timer))  # type: ignore[attr-defined]
    monkeypatch.setattr(paced_lines.time, "monotonic", lambda: 5.0)  # type: ignore[attr-defined]
    for number in range(1_000):
        lines.write(workspace=7, status=202, accepted=2, duplicates=1, ms=number)
    assert len(lines_of(caplog, "intake.request")) == paced_lines.MOST_A_SECOND
    (timer,) = due
    timer.function()
    (rest,) = lines_of(caplog, "intake.request.more")
    beyond = 1_000 - paced_lines.MOST_A_SECOND
    assert rest == {
        "event": "intake.request.more",
        "lines": beyond,
        "accepted": 2 * beyond,
        "duplicates": beyond,
        "ms": 999,
    }


def test_the_next_second_begins_anew(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    lines, now = PacedLines("exporter.test", "intake.request"), 5.0
    monkeypatch.setattr(paced_lines.threading.Timer, "start", lambda _timer: None)  # type: ignore[attr-defined]
    monkeypatch.setattr(paced_lines.time, "monotonic", lambda: now)  # type: ignore[attr-defined]
    for _ in range(3):
        for _ in range(50):
            lines.write(status=202)
        now += 1.0
    assert len(lines_of(caplog, "intake.request")) == 3 * paced_lines.MOST_A_SECOND
