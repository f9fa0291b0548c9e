"""What the intake refused is grouped, and goes through it again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from exporter.actions import retries
from exporter.display.remedies import remedy
from exporter.intake import appender, refused_retry
from exporter.intake.normalise import EventRefused, normalise
from exporter.intake.refusals import Refusal
from exporter.models import RefusedRetry, RejectedEvent
from exporter.reports import rejected
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


def refuse(line: Line, *events: bytes) -> None:
    refusals = []
    for place, raw in enumerate(events):
        with pytest.raises(EventRefused) as caught:
            normalise(raw)
        refusals.append(Refusal(place, raw, caught.value.reason, caught.value.id))
    appender.append_now(line.workspace.pk, [], refusals)


def test_what_the_intake_refused_is_grouped_and_goes_through_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with a_line() as line:
        with monkeypatch.context() as too_strict:
            too_strict.setattr("exporter.intake.normalise.TIME_LIMIT", 10**9)
            refuse(
                line,
                json.dumps(event(1, id="m1", external_user_id="secret-1")).encode(),
                json.dumps(event(2, id="m2", external_user_id=None)).encode(),
                b"not json",
            )
        milliseconds, broken = rejected.refused_groups(line.workspace)
        assert (milliseconds.count, broken.count) == (2, 1)
        assert "seconds instead" in remedy(milliseconds.reason)
        assert "secret-1" not in str(rejected.samples(line.workspace.pk, milliseconds, personal=False))
        assert rejected.samples(line.workspace.pk, broken, personal=False)[0].event == {"raw": "•••"}
        # The validator was mended.
        retries.retry_refused(line.workspace, NOBODY)
        with pytest.raises(retries.AlreadyRetrying):
            retries.retry_refused(line.workspace, NOBODY)
        assert refused_retry.due() == [line.workspace.pk]
        assert not refused_retry.run(line.workspace.pk)
        told = RefusedRetry.objects.get()
        assert (told.total, told.accepted, told.duplicates, told.refused) == (3, 2, 0, 1)
        assert told.finished_at is not None
        line.deliver()
        assert line.arrived() == ["m1"]
        assert line.outcomes() == {"delivered": 1, "anonymous": 1}
        assert RejectedEvent.objects.filter(workspace=line.workspace).count() == 1


def test_a_retry_of_refused_events_goes_on_where_it_was_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_retry, "_SLICE", 3)
    with a_line() as line:
        with monkeypatch.context() as too_strict:
            too_strict.setattr("exporter.intake.normalise.TIME_LIMIT", 10**9)
            refuse(line, *[json.dumps(event(n)).encode() for n in range(10)])
        retries.retry_refused(line.workspace, NOBODY)
        append_now, calls = appender.append_now, []

        def dies_at_third(*args: Any, **options: Any) -> Any:
            calls.append(args)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return append_now(*args, **options)

        with monkeypatch.context() as broken:
            broken.setattr(appender, "append_now", dies_at_third)
            with pytest.raises(KeyboardInterrupt):
                refused_retry.run(line.workspace.pk)
        assert RefusedRetry.objects.get().tried == 6
        assert refused_retry.run(line.workspace.pk, seconds=0), "it had no time"
        assert not refused_retry.run(line.workspace.pk)
        assert RefusedRetry.objects.get().tried == 10
        assert not RejectedEvent.objects.exists()
        line.deliver()
        assert sorted(line.arrived()) == sorted(f"event-{n}" for n in range(10))
        with pytest.raises(retries.Nothing):
            retries.retry_refused(line.workspace, NOBODY)
