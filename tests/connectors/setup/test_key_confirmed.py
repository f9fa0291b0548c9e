"""A key is unverified until somebody saw its events; reminders, and the command that sends test events."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import Connector, WriteKey
from connectors.setup import key_reminders, key_rotation, lifecycle
from exporter.sandbox.handle import Sandbox
from tests.connectors.setup.test_write_key_page import NEW, As, in_use, path, plain, sandbox
from tests.support.people import EMAIL_EVENTS, KEY

__all__ = ["path", "sandbox"]

pytestmark = pytest.mark.django_db


def test_a_new_key_is_unverified_until_somebody_saw_its_events(
    as_: As, path: str, connector: Connector, sandbox: Sandbox
) -> None:
    marketer = as_("marketer")
    assert marketer.post(f"{path}test/").status_code == 303
    assert len(sandbox.message_ids()) == len(EMAIL_EVENTS)
    page = marketer.get(f"{path}test/").content.decode()
    assert "Did they arrive" in page
    assert in_use(connector).verified_at is None
    assert marketer.post(f"{path}verified/", {"key": in_use(connector).pk}).status_code == 303
    assert in_use(connector).verified_at is not None
    lifecycle.rotate(connector, write_key=NEW, region="eu", by=By(None))
    assert in_use(connector).verified_at is None


def test_test_events_rest_a_few_seconds(as_: As, path: str, connector: Connector, sandbox: Sandbox) -> None:
    for _ in range(3):
        as_("marketer").post(f"{path}test/")
    assert len(sandbox.requests()) == len(EMAIL_EVENTS)


@pytest.mark.parametrize("key", ["", "0", "x", "9" * 30])
def test_confirming_some_other_key_is_not_found(as_: As, path: str, key: str) -> None:
    assert as_("marketer").post(f"{path}verified/", {"key": key}).status_code == 404


def test_a_marketer_confirms_no_proposed_key(as_: As, path: str, connector: Connector) -> None:
    key = key_rotation.propose(connector, write_key=NEW, region="eu", by=By(None))
    assert as_("marketer").post(f"{path}verified/", {"key": key.pk}).status_code == 404


def test_the_reminder_is_due_a_week_before_for_contact_and_admins(
    as_: As, path: str, connector: Connector
) -> None:
    day = timezone.localdate() + timedelta(days=30)
    assert as_("admin").post(f"{path}write-key/reminder/", {"day": day.isoformat()}).status_code == 303
    assert key_reminders.claim(day - timedelta(days=8)) is None
    claim = key_reminders.claim(day - timedelta(days=7))
    assert claim is not None
    letter = claim.message()
    assert "data@example.com" in letter.to
    assert len(letter.to) == 2
    assert KEY not in letter.text + letter.html + letter.subject


def test_the_reminder_s_field_has_its_own_words(as_: As, path: str) -> None:
    page = as_("admin").get(f"{path}write-key/").content.decode()
    assert "Replace the key by</label>" in page
    assert page.count("A key belongs to one region") == 1


def test_a_reminder_in_the_past_is_refused(as_: As, path: str, connector: Connector) -> None:
    assert as_("admin").post(f"{path}write-key/reminder/", {"day": "2020-01-01"}).status_code == 422


def test_with_an_unreadable_key_a_new_one_may_be_entered(as_: As, path: str, connector: Connector) -> None:
    WriteKey.objects.update(ciphertext=b"not readable")
    assert "cannot be read" in as_("marketer").post(f"{path}test/", follow=True).content.decode()
    assert as_("admin").post(f"{path}write-key/", {"write_key": KEY, "region": "eu"}).status_code == 303
    assert plain(connector) == KEY


def test_the_command_sends_test_events_and_tells_whether_all_were_accepted(
    connector: Connector, sandbox: Sandbox
) -> None:
    out = io.StringIO()
    call_command("send_test_events", workspace="harbour", stdout=out)
    assert out.getvalue().count("200  test-") == len(EMAIL_EVENTS)
    sandbox.fail(status=503)
    with pytest.raises(CommandError, match="2 of 2 were not accepted"):
        call_command("send_test_events", workspace="harbour", stdout=out)
    with pytest.raises(CommandError, match="nowhere"):
        call_command("send_test_events", workspace="nowhere")
