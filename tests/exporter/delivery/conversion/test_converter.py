"""The converter makes what its worker would have made, and nothing depends on it: without it the worker does it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings

from connectors.audit.actor import SYSTEM
from connectors.catalogue.catalogue import ALL
from exporter.actions import replays
from exporter.delivery import reader as readers
from exporter.delivery.conversion import converter as converters
from exporter.delivery.conversion.converter import Converter, NotConverted
from exporter.destinations.segment.transform import Plan, convert
from exporter.intake.normalise import normalise
from exporter.ledger.check import check
from exporter.log import batches, unpacking
from tests.exporter.delivery.test_replay import live, lose, run, wanted
from tests.house.running import until
from tests.support.delivering import EMAIL_OPEN, a_line
from tests.support.factories import event

EVERYTHING = Plan(ALL, include_anonymous=True)
SELECTED = Plan(frozenset([EMAIL_OPEN]), include_anonymous=False)
BACKLOG = 6_000


@pytest.fixture
def converter() -> Iterator[Converter]:
    made = Converter()
    yield made
    made.end()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Converter]]:
    """The converters that were asked, the newest last; each test begins without one."""
    process = converters._Process()
    known: list[Converter] = []

    def current() -> Converter | None:
        found = process.converter()
        if found is not None and found not in known:
            known.append(found)
        return found

    monkeypatch.setattr(converters, "_CORES", 2)
    monkeypatch.setattr(readers, "converter", current)
    monkeypatch.setattr(readers, "give_up", process.give_up)
    yield known
    for one in known:
        one.end()


def a_payload(events: list[dict[str, Any]]) -> bytes:
    return batches.make([normalise(json.dumps(one).encode()) for one in events]).compressed()


def mixed(count: int) -> list[dict[str, Any]]:
    odd: list[dict[str, Any]] = [
        {"event_type": "a.type.of.tomorrow"},
        {"event_type": "users.messages.email.Click"},
        {"external_user_id": None},
        {"user_id": None, "external_user_id": None},
        {"campaign_name": "x" * 40_000},
        {"campaign_name": 7},
        {"campaign_name": "日本 \ud83d\ude00"},
    ]
    return [event(place, **(odd[place % 9] if place % 9 < len(odd) else {})) for place in range(count)]


@pytest.mark.parametrize("plan", [EVERYTHING, SELECTED], ids=["everything", "one type"])
def test_it_judges_every_event_as_its_worker_would(converter: Converter, plan: Plan) -> None:
    payload = a_payload(mixed(500))
    expected = [convert(line, plan) for line in unpacking.lines(payload)]
    assert len({one.outcome for one in expected}) > 2
    assert converter.submit(payload, plan).result(10) == expected


def test_answers_come_in_the_order_of_the_questions(converter: Converter) -> None:
    payloads = [a_payload([event(1_000 * place + number) for number in range(300)]) for place in range(20)]
    answers = [converter.submit(payload, EVERYTHING) for payload in payloads]
    for payload, answer in zip(payloads, answers, strict=True):
        assert answer.result(10) == [convert(line, EVERYTHING) for line in unpacking.lines(payload)]


def test_a_damaged_batch_is_not_converted_and_the_next_one_is(converter: Converter) -> None:
    with pytest.raises(NotConverted):
        converter.submit(b"damaged", EVERYTHING).result(10)
    assert len(converter.submit(a_payload([event(1)]), EVERYTHING).result(10)) == 1


def test_one_that_answers_nonsense_is_given_up_at_once(
    converter: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(_converted: Any) -> None:
        raise StopIteration

    monkeypatch.setattr(converters, "_judged", nonsense)
    with pytest.raises(NotConverted):
        converter.submit(a_payload([event(1)]), EVERYTHING).result(10)
    until(lambda: converter.broken, seconds=10)


def test_what_was_asked_of_one_that_dies_is_not_converted(converter: Converter) -> None:
    os.kill(converter._process.pid, signal.SIGSTOP)
    answer = converter.submit(a_payload([event(1)]), EVERYTHING)
    os.kill(converter._process.pid, signal.SIGKILL)
    with pytest.raises(NotConverted):
        answer.result(10)
    with pytest.raises(NotConverted):
        converter.submit(a_payload([event(1)]), EVERYTHING).result(10)


def test_its_process_ends_with_its_worker() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter.delivery.conversion.child"],
        cwd=django_settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_after_a_while_without_work_it_is_ended_and_no_question_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(converters, "IDLE_SECONDS", 0.05)
    process = converters._Process()
    monkeypatch.setattr(converters, "_CORES", 2)
    first = process.converter()
    assert first is not None
    os.kill(first._process.pid, signal.SIGSTOP)
    answer = first.submit(a_payload([event(1)]), EVERYTHING)
    with pytest.raises(TimeoutError):
        answer.result(0.3)
    os.kill(first._process.pid, signal.SIGCONT)
    assert len(answer.result(10)) == 1
    until(lambda: first._process.poll() is not None, seconds=10)
    assert (first.broken, first.failed) == (True, False)
    second = process.converter()
    assert second is not None
    assert second is not first, "the next backlog has one at once"
    second.end()


@pytest.mark.django_db(transaction=True)
def test_a_backlog_is_converted_by_it_and_each_event_arrives_once(asked: list[Converter]) -> None:
    with a_line() as line:
        ids = line.feed(BACKLOG)
        line.deliver()
        assert sorted(line.arrived()) == sorted(ids)
        assert line.outcomes() == {"delivered": BACKLOG}
    assert [one.failed for one in asked] == [False]


@pytest.mark.django_db(transaction=True)
def test_a_replay_is_converted_by_it_and_only_what_was_asked_for_is_sent(
    asked: list[Converter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "MUCH", 1)
    with a_line() as line:
        line.feed(10)
        line.feed_events([event(500 + n, event_type="users.messages.email.Click") for n in range(3)])
        line.deliver()
        asked.clear()
        lost = lose(line, 10)
        assert run(replays.begin(line.connector, wanted(), SYSTEM)) == {"delivered": 10}
        assert live(line) == {"delivered": 23}
        assert sorted(line.arrived()[13:]) == sorted(lost)
        opens = wanted(outcomes=["delivered"], event_types=[EMAIL_OPEN])
        again = replays.begin(line.connector, opens, SYSTEM)
        assert run(again) == {"delivered": 20}
        assert sum(again.delivery.attempts.values_list("events", flat=True)) == 20
        assert check() == []
    assert asked
    assert not any(one.failed for one in asked)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("subprocess.Popen", BlockingIOError()),
        ("threading.Thread.start", RuntimeError("can't start new thread")),
    ],
)
def test_where_no_process_or_thread_is_to_be_had_its_worker_converts(
    asked: list[Converter], monkeypatch: pytest.MonkeyPatch, what: str, fault: Exception
) -> None:
    start = Converter.__init__

    def refused(self: Converter) -> None:
        def fall(*_args: Any, **_options: Any) -> None:
            raise fault

        with monkeypatch.context() as only_here:
            only_here.setattr(f"exporter.delivery.conversion.converter.{what}", fall)
            start(self)

    monkeypatch.setattr(Converter, "__init__", refused)
    with a_line() as line:
        line.feed(BACKLOG)
        line.deliver()
        assert line.outcomes() == {"delivered": BACKLOG}
    assert asked == []


def test_it_is_told_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, Any]] = []
    popen = subprocess.Popen

    def start(*args: Any, **options: Any) -> Any:
        started.append(options)
        return popen(*args, **options)

    monkeypatch.setenv("SECRET_KEY", "not for others")
    monkeypatch.setattr("exporter.delivery.conversion.converter.subprocess.Popen", start)
    Converter().end()
    assert set(started[0]["env"]) <= set(converters._ENVIRONMENT)
    assert not any(
        word in name for name in converters._ENVIRONMENT for word in ("SECRET", "KEY", "URL", "TOKEN")
    )


@pytest.mark.django_db(transaction=True)
def test_a_few_events_need_none(asked: list[Converter]) -> None:
    with a_line() as line:
        line.feed(1_500)
        line.deliver()
        assert line.outcomes() == {"delivered": 1_500}
    assert asked == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "hangs"])
def test_a_converter_in_trouble_costs_no_event(
    asked: list[Converter], monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setattr(readers, "PATIENCE_SECONDS", 0.2)
    submit = Converter.submit

    def falls(self: Converter, payload: bytes, plan: Plan) -> Any:
        os.kill(self._process.pid, how)
        return submit(self, payload, plan)

    monkeypatch.setattr(Converter, "submit", falls)
    with a_line() as line:
        ids = line.feed(BACKLOG)
        line.deliver()
        assert sorted(line.arrived()) == sorted(ids)
    assert len(asked) == 1, "after trouble nobody is asked for a while"
    until(lambda: asked[0].failed, seconds=10)


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_damaged_is_told_as_without_it(asked: list[Converter]) -> None:
    with a_line() as line:
        line.feed(BACKLOG)
        from exporter.models import EventBatch

        last = EventBatch.objects.filter(workspace=line.workspace).order_by("-end_event").first()
        assert last is not None
        EventBatch.objects.filter(pk=last.pk).update(payload=b"damaged")
        line.deliver()
        line.deliver()
        assert line.delivery.stopped == "log_damaged"
        assert line.delivery.cursor == last.first_event
        EventBatch.objects.filter(pk=last.pk).update(payload=last.payload)
    assert len(asked) == 1
