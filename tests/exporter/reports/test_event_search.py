"""Finding an event: by its id or its user, however long ago it came, and telling what became of it."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from connectors.setup import lifecycle
from exporter.ledger import check
from exporter.models import Attempt, LogMark
from exporter.reports import attempts, event_search, masking
from exporter.reports.event_search import SearchBy
from tests.support.delivering import EMAIL_OPEN, NOBODY, Line, a_line
from tests.support.factories import event

pytestmark = pytest.mark.django_db(transaction=True)


def fate(line: Line, event_id: str) -> event_search.Fate:
    (found,) = event_search.search(line.workspace.pk, SearchBy.EVENT, event_id).found
    assert found.event["id"] == event_id
    return event_search.fate(line.connector, found)


def test_every_outcome_is_told_with_the_attempt_that_carried_the_event() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.connector.delete()
        line.feed_events([event(1, id="early")])
        line.connector = line.launch(line.workspace, [EMAIL_OPEN])
        line.feed_events(
            [
                event(2, id="good"),
                event(3, id="nobody", external_user_id=None),
                event(4, id="other", event_type="users.messages.email.Click"),
                event(5, id="unknown", event_type="something.new"),
                event(6, id="bad"),
            ]
        )
        line.sandbox.fail(status=400, body="why not", match={"message_id": "bad"})
        line.deliver()
        line.feed_events([event(7, id="late")])
        told = {
            name: fate(line, name) for name in ("early", "good", "nobody", "other", "unknown", "bad", "late")
        }
        assert {name: one.outcome for name, one in told.items()} == {
            "early": "earlier",
            "good": "delivered",
            "nobody": "anonymous",
            "other": "unselected",
            "unknown": "unsupported",
            "bad": "rejected",
            "late": "pending",
        }
        assert told["good"].attempt is not None
        assert told["good"].attempt.status == 200
        assert told["bad"].attempt is not None
        assert told["bad"].attempt.status == 400
        assert "why not" in told["bad"].reason
        assert told["other"].attempt is None
        assert check.check() == []
        line.deliver()


def test_the_fate_is_that_of_the_settings_it_was_settled_under() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.feed_events([event(1, id="before")])
        line.deliver()
        chosen = lifecycle.Settings("S", "a@b.example", ["users.messages.email.Click"], False)
        lifecycle.update(line.connector, chosen, seen_version=line.connector.version, by=NOBODY)
        line.feed_events([event(2, id="after")])
        line.deliver()
        assert fate(line, "before").outcome == "delivered"
        assert fate(line, "after").outcome == "unselected"


def test_what_was_accepted_ahead_of_a_hole_is_told_as_delivered() -> None:
    with a_line(latency_ms=30) as line:
        line.feed(20_000, campaign_name="x" * 400)
        line.sandbox.fail(status=503, match={"message_id": "event-9000"}, count=1)
        line.deliver()
        beyond = line.delivery.ahead[0]["first"]
        assert fate(line, f"event-{beyond}").outcome == "delivered"
        waiting = fate(line, "event-9000")
        assert waiting.outcome == "pending"
        assert waiting.attempt is not None
        assert waiting.attempt.status == 503
        line.make_due()
        line.deliver()


def test_users_are_found_by_either_id_newest_first() -> None:
    with a_line() as line:
        line.feed(40)
        line.feed_events([event(900, user_id='odd "name" Ω\\', external_user_id="customer-1")])
        (odd,) = event_search.search(line.workspace.pk, SearchBy.USER, 'odd "name" Ω\\').found
        assert odd.number == 40
        found = event_search.search(line.workspace.pk, SearchBy.EXTERNAL, "customer-1").found
        assert [one.number for one in found] == sorted((one.number for one in found), reverse=True)
        assert found[0].number == 40
        assert len(found) == 7
        # What only looks like it is not it.
        assert event_search.search(line.workspace.pk, SearchBy.USER, "customer-1").found == []
        line.deliver()


def test_a_search_goes_on_where_it_stopped_and_ends() -> None:
    with a_line() as line:
        for _ in range(30):
            line.feed(2)
        seen, before, rounds = [], None, 0
        while True:
            piece = event_search.search(line.workspace.pk, SearchBy.EXTERNAL, "customer-3", before, seconds=0)
            seen += [one.number for one in piece.found]
            assert piece.total == 60
            rounds += 1
            if piece.before is None:
                assert piece.done == 60
                break
            assert before is None or piece.before < before
            before = piece.before
        assert rounds == 30
        assert seen == [number for number in range(59, -1, -1) if number % 7 == 3]
        line.deliver()


def test_only_the_retained_log_of_the_own_workspace_is_searched() -> None:
    with a_line() as line:
        line.feed(10)
        line.deliver()
        other = Line(line.sandbox)
        assert event_search.search(other.workspace.pk, SearchBy.EVENT, "event-1").found == []
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM exporter_eventbatch WHERE workspace_id = %s", [line.workspace.pk])
        LogMark.objects.filter(pk=line.workspace.pk).update(first_event=10)
        piece = event_search.search(line.workspace.pk, SearchBy.EVENT, "event-1")
        assert (piece.found, piece.before, piece.total) == ([], None, 0)


def test_attempts_are_filtered_by_answer_and_paged() -> None:
    with a_line() as line:
        line.feed(3)
        for fault in (503, 429, 500):
            line.sandbox.fail(status=fault, count=1)
            line.deliver()
            line.make_due()
        line.deliver()
        assert [one.status for one in attempts.page(line.connector).attempts] == [200, 500, 429, 503]
        assert [one.status for one in attempts.page(line.connector, "wait").attempts] == [500, 429, 503]
        assert [one.status for one in attempts.page(line.connector, "429").attempts] == [429]
        assert attempts.page(line.connector, "none").attempts == []
        first = attempts.page(line.connector, limit=3)
        assert first.more is not None
        assert [one.status for one in attempts.page(line.connector, before=first.more).attempts] == [503]
        content = attempts.content(first.attempts[0], personal=False)
        assert [one["id"] for one in content.events] == ["event-0", "event-1", "event-2"]
        assert {one["external_user_id"] for one in content.events} == {masking.HIDDEN}
        other = Line(line.sandbox)
        assert attempts.find(other.connector, first.attempts[0].pk) is None
        assert Attempt.objects.filter(delivery__connector=line.connector).count() == 4


def test_nothing_personal_is_left_for_those_who_may_not_see_it() -> None:
    raw = json.dumps(
        {
            "event_type": "users.messages.email.Open",
            "id": "e1",
            "time": 1,
            "user": {"external_user_id": "me", "user_id": "b1"},
            "properties": {"email_address": "me@example.com", "campaign_name": "Sale", "new_field": "me too"},
            "more": {"deep": ["me again"]},
        }
    ).encode()
    shown = json.dumps(masking.shown(raw, personal=False))
    assert "me" not in shown.replace("campaign_name", "").replace("time", "").replace("messages", "").replace(
        "email_address", ""
    )
    assert "Sale" in shown
    assert masking.shown(raw, personal=True)["properties"]["email_address"] == "me@example.com"
