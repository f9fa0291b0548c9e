"""What the mails promise: five of them at most, whom they reach, and what they say."""

from __future__ import annotations

import pytest
from django.urls import resolve
from pytest_django import Settings

from connectors.models import Role
from connectors.setup import lifecycle
from exporter.delivery.expiry import expire_due
from exporter.incidents.detect import look
from exporter.incidents.mail import mail_due
from exporter.models import EventBatch, Incident, Notice
from tests.support.ageing import after, signed
from tests.support.delivering import EMAIL_OPEN, NOBODY, a_line
from tests.support.factories import MembershipFactory, UserFactory
from tests.support.trouble_mails import chores, last, sent, stop

pytestmark = pytest.mark.django_db(transaction=True)

CLICK = "users.messages.email.Click"


@pytest.fixture(autouse=True)
def _swept() -> None:
    signed("sweep")


def test_five_mails_tell_the_story_of_a_rejected_key() -> None:
    with a_line(selected=[EMAIL_OPEN, CLICK]) as line:
        line.feed(2, event_type=CLICK)
        line.feed(1, external_user_id=None)
        stop(line)

        chores(after())
        assert len(sent()) == 1
        assert sent()[0].subject == "Segment: delivery to Segment has stopped"
        assert "Segment has been rejecting this connector’s write key since" in last()
        assert "6 events are waiting. The first will be lost on" in last()
        assert "in 47 h 59 min" in last()
        assert "An admin can replace both" in last()

        chores(after(hours=23.9))
        assert len(sent()) == 1
        chores(after(hours=24.1))
        assert len(sent()) == 2
        assert sent()[1].subject == "Segment: half the time is up, 6 events are waiting"
        assert "in 23 h 53 min" in last()

        chores(after(hours=43.9))
        assert len(sent()) == 2
        chores(after(hours=44.1))
        assert len(sent()) == 3
        assert sent()[2].subject == "Segment: the first events will be lost in 3 h 53 min"

        chores(after(hours=47.9))
        assert len(sent()) == 3
        chores(after(hours=48.1))
        assert len(sent()) == 4
        assert sent()[3].subject == "Segment: events are being lost"
        assert "5 events were not delivered within 48 hours and are lost" in last()
        assert f"Lost events: 5 {EMAIL_OPEN}: 3 {CLICK}: 2" in last()
        assert "No events are waiting." in last()
        assert line.outcomes() == {"expired": 5, "anonymous": 1}

        line.feed(1)
        line.sandbox.heal()
        line.make_due()
        assert line.deliver() == "idle"
        chores(after(hours=48.2))
        assert len(sent()) == 5
        assert sent()[4].subject == "Segment: Segment is accepting events again"
        assert "Segment has been accepting this connector’s events again since" in last()
        assert "5 events were not delivered" in last()
        chores(after(hours=100))
        assert len(sent()) == 5


def test_a_mail_goes_to_the_contact_with_a_link_to_the_page_and_no_secret(settings: Settings) -> None:
    with a_line(write_key="a-very-secret-value") as line:
        stop(line)
        mail_due()
        (letter,) = sent()
        page = f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/"
        assert resolve(page).kwargs == {"slug": line.workspace.slug, "pk": line.connector.pk}
        (html, kind) = letter.alternatives[0]
        assert kind == "text/html"
        assert f'<a href="{settings.SITE_URL}{page}">' in str(html)
        assert f"{settings.SITE_URL}{page}" in letter.body
        assert letter.to == ["data@example.com"]
        assert letter.extra_headers["Auto-Submitted"] == "auto-generated"
        assert "secret" not in letter.message().as_string()
        assert "event-0" not in letter.message().as_string()


def test_steps_that_coincide_are_one_mail(settings: Settings) -> None:
    settings.CURRENTS_EXPIRY_HOURS = 0.001
    with a_line() as line:
        stop(line)
        look(after(seconds=3))
        expire_due(after(seconds=4))
        look(after(seconds=5))
        assert Notice.objects.count() == 4
        assert mail_due() == 1
        assert sent()[0].subject == "Segment: events are being lost"
        assert "Segment has been rejecting this connector’s write key" in last()
        assert "3 events were not delivered within 0.001 hours" in last()
        assert not Notice.objects.filter(sent_at=None).exists()
        chores(after(seconds=6))
        assert len(sent()) == 1


def test_a_pause_says_how_to_end_it() -> None:
    with a_line() as line:
        line.feed(3)
        lifecycle.pause(line.connector, by=NOBODY)
        chores(after(hours=1))
        assert sent() == []
        chores(after(hours=25))
        assert "This connector has been paused since" in last()
        assert "resume the connector" in last()


def test_html_is_escaped_and_a_line_break_does_not_end_the_subject() -> None:
    with a_line() as line:
        line.connector.name = "Ours & <b>theirs</b>\r\nBcc: x@example.com"
        line.connector.save()
        stop(line)
        assert mail_due() == 1
        assert "\n" not in sent()[0].subject
        assert sent()[0].recipients() == ["data@example.com"]
        assert "<b>" not in str(sent()[0].alternatives[0][0])
        assert "Ours & <b>theirs</b>" in sent()[0].body


def test_admins_are_told_too_unless_they_turned_it_off() -> None:
    with a_line() as line:
        for role, email, wanted in (
            (Role.ADMIN, "zoe@example.com", True),
            (Role.ADMIN, "adam@example.com", True),
            (Role.ADMIN, "data@example.com", True),
            (Role.ADMIN, "quiet@example.com", False),
            (Role.MARKETER, "marketer@example.com", True),
        ):
            person = UserFactory.create(email=email, trouble_mails=wanted)
            MembershipFactory.create(workspace=line.workspace, user=person, role=role)
        former = MembershipFactory.create(workspace=line.workspace, ends_at=after(hours=-1)).user
        stop(line)
        assert mail_due() == 1
        wanted_by = ["data@example.com", "adam@example.com", "zoe@example.com"]
        assert sent()[0].to == wanted_by == Notice.objects.get().sent_to
        assert former.email not in sent()[0].to
        assert "admins can turn these mails off under Preferences" in last()


def test_a_recovery_is_told_within_two_minutes_however_much_still_waits() -> None:
    with a_line() as line:
        stop(line)
        chores(after())
        line.sandbox.heal()
        line.make_due()
        line.deliver()
        line.feed(2)
        chores(after(seconds=30))
        assert len(sent()) == 1, "one success may be luck"
        chores(after(seconds=90))
        assert len(sent()) == 2
        assert "Nothing was lost. 2 events that gathered are being delivered now." in last()
        incident = Incident.objects.get()
        assert incident.recovered_at is not None
        assert incident.lost == 0
        assert incident.opened_at < incident.recovered_at < after()


def test_who_falls_ill_again_at_once_is_told_and_gets_well_slowly() -> None:
    with a_line() as line:
        for _ in range(2):
            line.sandbox.heal()
            stop(line)
            chores(after())
            line.sandbox.heal()
            line.make_due()
            line.deliver()
            chores(after(seconds=90))
        told = [one.subject for one in sent()]
        assert told == [
            "Segment: delivery to Segment has stopped",
            "Segment: Segment is accepting events again",
            "Segment: delivery to Segment has stopped",
        ]
        chores(after(minutes=12))
        chores(after(minutes=24))
        assert len(sent()) == 4


def test_what_gathered_while_delivery_stood_is_no_new_trouble() -> None:
    with a_line() as line:
        stop(line)
        chores(after())
        line.sandbox.heal()
        line.make_due()
        line.deliver()
        chores(after(seconds=90))
        line.feed(2)
        EventBatch.objects.update(received_at=after(hours=-30))
        chores(after(minutes=3))
        assert len(sent()) == 2
        assert not Incident.objects.filter(closed_at=None).exists()


def test_nobody_is_told_of_a_deleted_connector() -> None:
    with a_line() as line:
        stop(line)
        lifecycle.delete(line.connector, by=NOBODY)
        assert mail_due() == 0
        assert sent() == []
