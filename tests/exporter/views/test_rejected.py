"""Rejected events: by reason, with a remedy and samples; downloaded and retried by those who may."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connectors.models import Connector, Role
from exporter import sql
from exporter.delivery.deliver import deliver
from exporter.intake import refusals, refused_retry
from exporter.models import Delivery, DeliveryTotal, LogMark, RejectedEvent
from tests.exporter.views.test_attempts import HIDDEN, base, somebody
from tests.exporter.views.test_status import receive
from tests.support.delivering import EMAIL_OPEN, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)


def with_one_rejected(line: Line) -> None:
    line.feed(4, email_address="maya@example.com")
    line.sandbox.fail(status=400, match={"message_id": "event-2"})
    for _turn in range(8):
        line.make_due()
        line.deliver()
    assert line.outcomes() == {"delivered": 3, "rejected": 1}


def samples(page: str) -> str:
    """The link to the samples of the first reason."""
    found = re.search(r'href="([?]samples=[0-9]+)', page)
    assert found is not None
    return found[1]


def test_the_pages_tell_without_a_look_at_the_events_that_nothing_changed() -> None:
    with a_line() as line:
        with_one_rejected(line)
        viewer = somebody(line.workspace, Role.VIEWER)
        for path in (f"{base(line)}rejected/", f"/w/{line.workspace.slug}/data-export/refused/"):
            page = viewer.get(path).content.decode()
            stamp = re.search(r'name="stamp" value="(\w+)"', page)
            assert stamp is not None
            with CaptureQueriesContext(connection) as asked:
                answer = viewer.get(path, {"stamp": stamp[1]}, headers={"HX-Request": "true"})
            assert answer.status_code == 204
            statements = [one["sql"] for one in asked if "exporter_" in one["sql"]]
            assert not [one for one in statements if "regexp_replace" in one or "payload" in one]


def test_a_rejected_event_is_shown_by_reason_with_a_remedy_and_itself() -> None:
    with a_line() as line:
        with_one_rejected(line)
        marketer = somebody(line.workspace, Role.MARKETER)
        page = marketer.get(f"{base(line)}rejected/").content.decode()
        assert "Segment answered 400" in page
        assert "Compare a sample with Segment’s answer" in page
        assert "event-2" not in page, "an event is shown to who asks for it"
        page = marketer.get(f"{base(line)}rejected/{samples(page)}").content.decode()
        assert "event-2" in page
        assert "event-1" not in page
        assert "maya@example.com" in page


def test_viewers_see_why_but_neither_personal_data_nor_a_way_to_retry() -> None:
    with a_line() as line:
        with_one_rejected(line)
        viewer = somebody(line.workspace, Role.VIEWER)
        page = viewer.get(f"{base(line)}rejected/").content.decode()
        assert "Segment answered 400" in page
        page = viewer.get(f"{base(line)}rejected/{samples(page)}").content.decode()
        assert HIDDEN in page
        assert "maya@example.com" not in page
        assert 'action="/w/' not in page.split('class="live"')[1]
        assert viewer.post(f"{base(line)}rejected/retry/").status_code == 403
        assert viewer.get(f"{base(line)}rejected.ndjson").status_code == 403


def test_retry_all_sends_them_again_and_what_is_accepted_leaves_the_page() -> None:
    with a_line() as line:
        with_one_rejected(line)
        line.sandbox.heal()
        marketer, path = somebody(line.workspace, Role.MARKETER), f"{base(line)}rejected/"
        asked = marketer.post(f"{path}retry/", follow=True)
        assert asked.redirect_chain[-1][1] == 303
        assert "Sending them again" in asked.content.decode()
        again = marketer.post(f"{path}retry/", follow=True).content.decode()
        assert "Rejected events are being sent again already." in again
        deliver(Delivery.objects.get(kind="retry").pk)
        page = marketer.get(path).content.decode()
        assert "1 event was accepted by Segment" in page
        assert "No event is rejected" in page
        assert line.outcomes() == {"delivered": 4, "rejected": 0} or line.outcomes() == {"delivered": 4}


def test_the_status_page_leads_to_them() -> None:
    with a_line() as line:
        with_one_rejected(line)
        page = somebody(line.workspace, Role.VIEWER).get(base(line)).content.decode()
        assert f'href="{base(line)}rejected/"' in page


def test_what_the_intake_refused_is_shown_and_tried_again() -> None:
    with a_line() as line:
        bad = json.dumps({"event_type": "users.messages.email.Open", "id": "late", "time": 1_700_000_000_000})
        good, refused = refusals.sort_out([bad.encode()])
        assert not good
        with transaction.atomic():
            refusals.keep(sql.cursor(), line.workspace.pk, refused)
        assert RejectedEvent.objects.count() == 1
        marketer = somebody(line.workspace, Role.MARKETER)
        path = f"/w/{line.workspace.slug}/data-export/refused/"
        page = marketer.get(path).content.decode()
        assert "looks like milliseconds" in page
        assert "Make it send seconds instead" in page
        answer = marketer.post(f"{path}retry/", follow=True).content.decode()
        assert "Going through the intake again" in answer
        refused_retry.run(line.workspace.pk)
        assert "0 accepted, 0 duplicates, 1 refused again." in marketer.get(path).content.decode()
        listed = marketer.get(f"/w/{line.workspace.slug}/data-export/").content.decode()
        assert "1 event refused at the intake in 7 days" in listed


def test_what_the_log_no_longer_holds_is_not_offered_for_a_retry(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=4, rejected=2, waiting=0)
    LogMark.objects.update_or_create(workspace=connector.workspace, defaults={"first_event": 6})
    kept = {"workspace": connector.workspace, "connector": connector, "event_type": EMAIL_OPEN, "cut": False}
    RejectedEvent.objects.create(
        **kept, event_number=3, reason="Segment answered 400.", at=sql.clock(), event=b"", id_hash=b"3"
    )
    path = f"/w/harbour/data-export/{connector.pk}/rejected/"

    def page() -> str:
        return " ".join(as_("marketer").get(path).content.decode().split())

    assert "The log no longer holds these events, so they cannot be sent again." in page()
    assert f'action="{path}retry/"' not in page()
    LogMark.objects.update(first_event=3)
    assert f'action="{path}retry/"' in page()


def test_rejected_events_whose_reasons_are_kept_no_longer_are_not_denied(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    receive(connector, delivered=4, rejected=2, waiting=0)
    path = f"/w/harbour/data-export/{connector.pk}/rejected/"
    page = as_("viewer").get(path).content.decode()
    assert "2 events were rejected" in page
    assert "No event is rejected" not in page
    DeliveryTotal.objects.filter(outcome="rejected").delete()
    page = as_("viewer").get(path).content.decode()
    assert "No event is rejected" in page
    assert "There is nothing to correct or to send again." in page, "some may have expired, or wait"
