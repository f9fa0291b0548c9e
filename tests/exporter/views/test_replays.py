"""Replays in the browser: counted before, begun, watched, slowed down, paused, cancelled; what is wrong is one
sentence and begins nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from connectors.models import AuditEntry, Role
from connectors.setup import lifecycle
from exporter import sql
from exporter.actions import replays
from exporter.actions.replay_preview import Wanted
from exporter.delivery import expiry
from exporter.delivery.deliver import deliver
from exporter.maintenance import trimming
from exporter.models import Attempt, Delivery, DeliveryCount, EventBatch, Replay, ReplayState
from tests.exporter.views.test_attempts import base, somebody
from tests.support.ageing import after, make_older, signed
from tests.support.delivering import EMAIL_OPEN, NOBODY, Line, a_line
from tests.support.factories import event
from tests.support.meanwhile import done_before

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as made:
        yield made


def typed(**changes: object) -> dict[str, object]:
    """A form as a person fills it in, for everything of the last days."""
    since = timezone.now() - timedelta(days=6)
    return {"since": f"{since:%Y-%m-%dT%H:%M}", "outcomes": ["expired"], "ids": "same", "rate": ""} | changes


def lose(line: Line, count: int) -> None:
    line.sandbox.fail(status=503)
    line.feed(count)
    line.deliver()
    signed("sweep")
    make_older(line, hours=50)
    expiry.expire_due()
    line.sandbox.heal()


def test_what_expired_is_counted_replayed_and_told(line: Line) -> None:
    lose(line, 30)
    marketer, path = somebody(line.workspace, Role.MARKETER), f"{base(line)}replays/"
    status = marketer.get(base(line)).content.decode()
    assert "30 events expired; the first are still kept until" in status
    link = re.search(r'href="([^"]*replays/[^"]*outcomes=expired)"', status)
    assert link is not None
    form = marketer.get(link[1].replace("&amp;", "&")).content.decode()
    assert re.search(r'value="expired"\s+checked', form)
    assert not re.search(r'value="rejected"\s+checked', form)
    counted = marketer.post(f"{path}new/", typed(look="1", rate="10")).content.decode()
    assert "About 30 events would be replayed" in counted
    assert "Less than a minute at 10 events a second." in counted
    assert EMAIL_OPEN in counted
    assert not Replay.objects.exists(), "nothing is sent before somebody says so"
    begun = marketer.post(f"{path}new/", typed())
    replay = Replay.objects.get()
    assert (begun.status_code, begun["Location"]) == (303, f"{path}{replay.pk}/")
    assert "Running" in marketer.get(begun["Location"]).content.decode()
    deliver(replay.delivery_id)
    page = marketer.get(begun["Location"]).content.decode()
    assert "30 of about 30" in page
    assert "Accepted by Segment" in page
    assert line.outcomes() == {"delivered": 30, "expired": 0}
    assert "events expired" not in marketer.get(base(line)).content.decode()
    assert "30" in marketer.get(path).content.decode()


def test_it_is_slowed_down_paused_resumed_and_cancelled(line: Line) -> None:
    lose(line, 3)
    marketer, path = somebody(line.workspace, Role.MARKETER), f"{base(line)}replays/"
    marketer.post(f"{path}new/", typed())
    replay = Replay.objects.get()

    def act(verb: str, **fields: str) -> str:
        answer = marketer.post(f"{path}{replay.pk}/{verb}/", fields, follow=True)
        assert answer.redirect_chain[-1] == (f"{path}{replay.pk}/", 303)
        return answer.content.decode()

    def now() -> Replay:
        return Replay.objects.get()

    act("rate", rate="250")
    assert now().rate == 250
    assert "rate must be between" in act("rate", rate="0")
    assert "rate must be between" in act("rate", rate="fast")
    act("rate", rate="")
    assert now().rate is None
    act("pause")
    assert now().state == ReplayState.PAUSED
    act("resume")
    assert now().state == ReplayState.RUNNING
    assert "What Segment accepted stays accepted." in act("cancel")
    assert now().state == ReplayState.CANCELLED
    assert "This replay is cancelled" in act("pause")
    assert "This replay is cancelled" in act("rate", rate="5")
    assert marketer.post(f"{path}{replay.pk}/hurry/").status_code == 404
    actions = AuditEntry.objects.filter(action__startswith="replay.").values_list("action", flat=True)
    assert sorted(set(actions)) == [
        "replay.begun",
        "replay.cancelled",
        "replay.paused",
        "replay.rate_changed",
        "replay.resumed",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"since": ""}, "This field is required."),
        ({"since": "yesterday"}, "Enter a valid date/time."),
        ({"outcomes": []}, "This field is required."),
        ({"outcomes": ["lost"]}, "Select a valid choice."),
        ({"rate": "0"}, "The rate must be between 1 and 1,000,000"),
        ({"rate": "fast"}, "Enter a whole number."),
        ({"event_types": ["users.never.heard"]}, "Select a valid choice."),
        ({"until": "2020-01-01T00:00"}, "The end must be later than the start."),
        ({"since": "2999-01-01T00:00", "until": "2999-01-02T00:00"}, "No events of that time are kept"),
        ({"outcomes": ["rejected"]}, "No event of that time has one of these outcomes"),
    ],
)
@pytest.mark.parametrize("look", [{}, {"look": "1"}])
def test_what_is_not_possible_is_one_sentence_and_nothing_begins(
    line: Line, changes: dict[str, object], sentence: str, look: dict[str, str]
) -> None:
    lose(line, 2)
    marketer = somebody(line.workspace, Role.MARKETER)
    answer = marketer.post(f"{base(line)}replays/new/", typed(**changes) | look)
    assert (answer.status_code, sentence in answer.content.decode()) == (422, True)
    assert not Replay.objects.exists()


def test_events_that_are_no_longer_kept_are_told_beforehand(line: Line) -> None:
    lose(line, 4)
    line.feed(6)
    line.make_due()
    line.deliver()
    assert trimming.trim(after(hours=settings.CURRENTS_RETENTION_HOURS - 40)) == 1
    marketer = somebody(line.workspace, Role.MARKETER)
    asked = typed(outcomes=["everything"], look="1", since="2020-01-01T00:00")
    page = marketer.post(f"{base(line)}replays/new/", asked).content.decode()
    assert "About 6 events would be replayed" in page
    assert "4 more events of that time are no longer kept" in page
    assert "recognises a repeat by its message ID for about" in page


def test_a_span_within_an_hour_long_ago_is_counted(line: Line) -> None:
    lose(line, 5)
    batch = EventBatch.objects.get(workspace=line.workspace)
    # As the roll-up leaves counts that are older than three hours.
    hour = batch.received_at.replace(minute=0, second=0, microsecond=0)
    line.delivery.deliverycount_set.update(minute=hour)
    since = max(batch.received_at - timedelta(minutes=1), hour)
    marketer = somebody(line.workspace, Role.MARKETER)
    asked = typed(since=f"{since:%Y-%m-%dT%H:%M}", look="1")
    page = marketer.post(f"{base(line)}replays/new/", asked).content.decode()
    assert "About 5 events would be replayed" in page


def test_viewers_watch_and_are_told_who_may(line: Line) -> None:
    lose(line, 2)
    somebody(line.workspace, Role.MARKETER).post(f"{base(line)}replays/new/", typed())
    viewer, path = somebody(line.workspace, Role.VIEWER), f"{base(line)}replays/"
    assert "Only marketers and admins" in viewer.get(path).content.decode()
    page = viewer.get(f"{path}{Replay.objects.get().pk}/").content.decode()
    assert 'method="post"' not in page.split('class="live"')[1]
    assert viewer.post(f"{path}new/", typed()).status_code == 403


def test_a_page_that_shows_the_newest_is_told_so(line: Line) -> None:
    lose(line, 2)
    marketer, path = somebody(line.workspace, Role.MARKETER), f"{base(line)}replays/"
    marketer.post(f"{path}new/", typed())
    for address in (path, f"{path}{Replay.objects.get().pk}/"):
        stamp = re.search(r'name="stamp" value="(\w+)"', marketer.get(address).content.decode())
        assert stamp is not None
        answer = marketer.get(address, {"stamp": stamp[1]}, headers={"HX-Request": "true"})
        assert answer.status_code == 204


def test_one_expired_event_is_sent_again_from_where_it_was_found(line: Line) -> None:
    lose(line, 3)
    marketer = somebody(line.workspace, Role.MARKETER)
    page = marketer.get(f"{base(line)}find/?by=event&value=event-1").content.decode()
    assert "Once Segment accepts it, it counts as accepted." in page
    link = re.search(r'action="([^"]*find/1/again/)"', page)
    assert link is not None
    sent = marketer.post(link[1])
    replay = Replay.objects.get()
    assert (sent.status_code, sent["Location"]) == (303, f"{base(line)}replays/{replay.pk}/")
    deliver(replay.delivery_id)
    assert line.arrived() == ["event-1"]
    assert line.outcomes() == {"delivered": 1, "expired": 2}
    page = marketer.get(f"{base(line)}find/?by=event&value=event-1").content.decode()
    assert "about a day only" in page, "an accepted one is offered too, with what that means"


def test_one_rejected_event_is_sent_again_without_the_others(line: Line) -> None:
    line.sandbox.fail(status=400, match={"message_id_prefix": "bad-"})
    line.feed_events([event(0), event(1, id="bad-1"), event(2), event(3, id="bad-2"), event(4)])
    for _turn in range(8):
        line.make_due()
        line.deliver()
    assert line.outcomes() == {"delivered": 3, "rejected": 2}
    line.sandbox.heal()
    marketer = somebody(line.workspace, Role.MARKETER)
    answer = marketer.post(f"{base(line)}find/3/again/", follow=True)
    assert "Sending it again." in answer.content.decode()
    deliver(Delivery.objects.get(kind="retry").pk)
    assert line.outcomes() == {"delivered": 4, "rejected": 1}
    assert not Replay.objects.exists()


def test_what_cannot_be_sent_again_is_one_sentence(line: Line) -> None:
    line.feed(1)
    marketer = somebody(line.workspace, Role.MARKETER)
    answer = marketer.post(f"{base(line)}find/0/again/", follow=True)
    assert "waits for its turn" in answer.content.decode()
    for number in (7, 1 << 70):
        assert marketer.post(f"{base(line)}find/{number}/again/").status_code == 404
    assert somebody(line.workspace, Role.VIEWER).post(f"{base(line)}find/0/again/").status_code == 403
    assert not Replay.objects.exists()


def test_a_replay_of_a_connector_that_is_just_deleted_is_not_found(line: Line) -> None:
    """The database finds out at the commit."""
    lose(line, 3)
    marketer = somebody(line.workspace, Role.MARKETER)
    with done_before('INSERT INTO "exporter_replay"', lambda: lifecycle.delete(line.connector, by=NOBODY)):
        assert marketer.post(f"{base(line)}replays/new/", typed()).status_code == 404
    assert not Delivery.objects.exists()


def test_types_that_are_not_chosen_now_are_told_before_a_replay(line: Line) -> None:
    lose(line, 4)
    chosen = lifecycle.Settings("Segment", "data@example.com", ["users.messages.email.Click"], False)
    line.connector.refresh_from_db()
    lifecycle.update(line.connector, chosen, seen_version=line.connector.version, by=NOBODY)
    marketer, path = somebody(line.workspace, Role.MARKETER), f"{base(line)}replays/new/"
    page = " ".join(marketer.post(path, typed(look="1")).content.decode().split())
    assert "About 4 events would be replayed" in page
    assert "4 of them are of types that are not chosen now: they are counted as not selected" in page


def test_speed_and_time_left_are_those_of_late_not_of_the_hours_it_was_paused(line: Line) -> None:
    line.feed(100)
    line.deliver()
    made = replays.begin(
        line.connector,
        Wanted(sql.clock() - timedelta(hours=1), sql.clock(), outcomes=("everything",)),
        NOBODY,
    )
    now = sql.clock()
    Replay.objects.update(state=ReplayState.RUNNING, started_at=now - timedelta(hours=10))
    Delivery.objects.filter(pk=made.delivery_id).update(cursor=40)
    for place in range(4):
        Attempt.objects.create(
            delivery_id=made.delivery_id,
            at=now - timedelta(seconds=4 * (4 - place)),
            status=200,
            verdict="accepted",
            milliseconds=5,
            events=4,
            bytes=1_000,
            first_event=4 * place,
            last_event=4 * place + 3,
        )
    page = " ".join(
        somebody(line.workspace, Role.VIEWER).get(f"{base(line)}replays/{made.pk}/").content.decode().split()
    )
    # One event a second of late, sixty to go; by its ten hours it would be fifteen hours more.
    assert "<dd> 1 events/s </dd>" in page
    assert "<dd> 1 min </dd>" in page
    Delivery.objects.filter(pk=made.delivery_id).update(cursor=0)


def test_one_behind_a_paused_one_says_that_somebody_has_to_act(line: Line) -> None:
    line.feed(3)
    line.deliver()
    first = replays.send_again(line.connector, 0, NOBODY)
    second = replays.send_again(line.connector, 1, NOBODY)
    viewer, path = somebody(line.workspace, Role.VIEWER), f"{base(line)}replays/{second.pk}/"
    assert "this one begins by itself when it may" in viewer.get(path).content.decode()
    replays.pause(first, NOBODY)
    page = " ".join(viewer.get(path).content.decode().split())
    assert "Another replay of this connector is paused." in page
    assert "begins by itself" not in page


def test_no_more_is_promised_than_the_log_holds(line: Line) -> None:
    """An hour is counted whole of which the log holds a part."""
    lose(line, 6)
    counted = DeliveryCount.objects.filter(outcome="expired")
    counted.update(count=60)
    marketer = somebody(line.workspace, Role.MARKETER)
    page = marketer.post(f"{base(line)}replays/new/", typed(look="1")).content.decode()
    assert "About 6 events would be replayed" in page
    counted.update(count=6)
