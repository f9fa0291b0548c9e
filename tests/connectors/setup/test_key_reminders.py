"""What reminders of write keys promise: sent a week before, once, to contact and admins, and lost by no crash."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import cast

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from connectors.audit.actor import By
from connectors.models import Connector
from connectors.setup import key_reminders, key_rotation
from tests.support.delivering import a_line
from tests.support.mail_server import a_mail_server

pytestmark = pytest.mark.django_db(transaction=True)

DAY = date(2030, 6, 20)
DUE = DAY - timedelta(days=7)


@pytest.fixture
def connector() -> Connector:
    with a_line() as line:
        key_rotation.remind(line.connector, DAY, By(None))
        return line.connector


def claim_expires() -> None:
    Connector.objects.filter(key_reminder_claimed_until__isnull=False).update(
        key_reminder_claimed_until=timezone.now()
    )


def sent() -> list[EmailMultiAlternatives]:
    return cast(list[EmailMultiAlternatives], mail.outbox)


def test_a_worker_that_dies_in_mid_mail_loses_no_reminder(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(EmailMultiAlternatives, "send", die)
        with pytest.raises(SystemExit):
            key_reminders.mail_due(DUE)
    connector.refresh_from_db()
    assert connector.key_reminded_at is None
    key_reminders.mail_due(DUE)
    assert sent() == [], "the claim of the dead worker still holds"
    claim_expires()
    assert key_reminders.mail_due(DUE) == 1
    connector.refresh_from_db()
    assert connector.key_reminded_at is not None


def test_a_reminder_is_sent_a_week_before_and_once(connector: Connector) -> None:
    assert key_reminders.mail_due(DUE - timedelta(days=1)) == 0
    assert key_reminders.mail_due(DUE) == 1
    assert key_reminders.mail_due(DUE + timedelta(days=1)) == 0
    claim_expires()
    assert key_reminders.mail_due(DUE + timedelta(days=1)) == 0
    (mail_sent,) = sent()
    assert mail_sent.subject == f"{connector.name}: replace the write key by 20 June 2030"
    assert "has been in use since" in str(mail_sent.body)


def test_two_workers_at_once_send_one_reminder(connector: Connector) -> None:
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        key_reminders.mail_due(DUE)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(sent()) == 1


def test_a_reminder_the_mail_server_does_not_take_is_sent_later(connector: Connector) -> None:
    with a_mail_server(recipient_answers=["451 later"]) as server:
        assert key_reminders.mail_due(DUE) == 0
        assert key_reminders.mail_due(DUE) == 0, "put off for a while"
        claim_expires()
        assert key_reminders.mail_due(DUE) == 1
    (arrived,) = server.mails
    assert str(arrived["Message-ID"]).startswith(f"<key-reminder-{connector.pk}-20300620@")


def test_one_reminder_that_cannot_be_written_does_not_hold_up_others(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_line() as other:
        key_rotation.remind(other.connector, DAY, By(None))
        written = key_reminders.recipients

        def recipients(asked: Connector) -> list[str]:
            if asked.pk == connector.pk:
                raise LookupError
            return written(asked)

        monkeypatch.setattr(key_reminders, "recipients", recipients)
        assert key_reminders.mail_due(DUE) == 1
        other.connector.refresh_from_db()
        assert other.connector.key_reminded_at is not None


def test_a_day_that_changes_while_its_mail_is_being_sent_is_reminded_of_anew(connector: Connector) -> None:
    claim = key_reminders.claim(DUE)
    assert claim is not None
    key_rotation.remind(connector, DAY + timedelta(days=1), By(None))
    claim.sent()
    assert key_reminders.mail_due(DUE) == 0
    assert key_reminders.mail_due(DUE + timedelta(days=1)) == 1


def test_a_mail_server_that_cannot_be_reached_is_not_asked_for_each_mail(
    connector: Connector, settings: Settings
) -> None:
    settings.EMAIL_TIMEOUT = 0.2
    with a_line() as other:
        key_rotation.remind(other.connector, DAY, By(None))
        with a_mail_server(hangs=True):
            assert key_reminders.mail_due(DUE) == 0
    claimed = Connector.objects.filter(key_reminder_claimed_until__isnull=False)
    assert [one.pk for one in claimed] == [connector.pk]
