"""Admins are told once of a source that cannot be read for half an hour, and once that it is in order again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.utils import timezone

from connectors.models import Role
from exporter.incidents import source_mail
from exporter.models import Source, SourceObject
from exporter.reports import source_state
from exporter.reports.source_state import SourceHealth
from tests.support.factories import MembershipFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


def source(minutes: float, **fields: object) -> Source:
    workspace = WorkspaceFactory.create(name="Harbour & Pine")
    MembershipFactory.create(workspace=workspace, role=Role.ADMIN, user__email="maya@example.com")
    MembershipFactory.create(workspace=workspace, role=Role.VIEWER)
    given = {"trouble": "The key may not read this bucket.", "failing_since": _ago(minutes)} | fields
    return Source.objects.create(workspace=workspace, url="s3://exports/currents", begin="now", **given)


def _ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def test_trouble_and_its_end_are_mailed_once_each() -> None:
    one = source(31)
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    Source.objects.filter(pk=one.pk).update(trouble="", failing_since=None)
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    failing, over = mail.outbox
    assert failing.to == over.to == ["maya@example.com"]
    assert failing.subject == "Harbour & Pine: the source s3://exports/currents cannot be read"
    assert "The key may not read this bucket." in str(failing.body)
    assert over.subject.endswith("is in order again")
    Source.objects.filter(pk=one.pk).update(trouble="Again.", failing_since=_ago(40))
    assert source_mail.mail_due() == 1, "a new trouble is told anew"


def test_a_second_trouble_is_told_although_the_first_has_not_ended() -> None:
    """Late, then it cannot be read at all, then it is read but late again: each is told once, and one end."""
    one = source(0, trouble="", failing_since=None, late_since=_ago(100), created_at=_ago(600))
    waiting = SourceObject.objects.create(
        source=one, name="a.avro", etag="1", size=10, modified_at=_ago(200), state="waiting"
    )
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    Source.objects.filter(pk=one.pk).update(told_at=_ago(60), trouble="No key.", failing_since=_ago(31))
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    Source.objects.filter(pk=one.pk).update(told_at=_ago(50), trouble="", failing_since=None)
    assert source_mail.mail_due() == 0, "it is late again, but not for half an hour yet"
    Source.objects.filter(pk=one.pk).update(late_since=_ago(31))
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    SourceObject.objects.filter(pk=waiting.pk).update(state="done")
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    ends = [str(letter.subject).partition("currents ")[2] for letter in mail.outbox]
    assert ends == ["has fallen behind", "cannot be read", "has fallen behind", "is in order again"]


@pytest.mark.parametrize("fields", [{}, {"paused": True, "failing_since": None}])
def test_nobody_is_told_of_a_short_trouble_or_of_a_paused_source(fields: dict[str, object]) -> None:
    source(29, **fields)
    assert (source_mail.mail_due(), mail.outbox) == (0, [])


def test_new_objects_that_wait_for_over_an_hour_are_told_of_and_so_is_the_end() -> None:
    one = source(0, trouble="", failing_since=None, created_at=_ago(600))
    waiting = SourceObject.objects.create(
        source=one, name="a.avro", etag="1", size=10, modified_at=_ago(90), state="waiting"
    )
    assert source_mail.mail_due() == 0
    one.refresh_from_db()
    assert one.late_since is not None
    assert source_state.states([one])[0].health is SourceHealth.LATE
    Source.objects.filter(pk=one.pk).update(late_since=_ago(31))
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    SourceObject.objects.filter(pk=waiting.pk).update(state="done")
    assert (source_mail.mail_due(), source_mail.mail_due()) == (1, 0)
    late, over = mail.outbox
    assert late.subject.endswith("has fallen behind")
    assert over.subject.endswith("is in order again")
    assert "goes on where it was" not in str(over.body), "it never stopped"


@pytest.mark.parametrize("fields", [{"created_at": None}, {"paused": True}])
def test_what_was_there_before_the_source_and_what_is_paused_is_not_late(fields: dict[str, object]) -> None:
    given = {"created_at": _ago(600), "trouble": "", "failing_since": None} | fields
    given["created_at"] = given["created_at"] or _ago(10)
    one = source(0, **given)
    SourceObject.objects.create(source=one, name="a", etag="1", size=1, modified_at=_ago(90), state="waiting")
    source_mail.mail_due()
    one.refresh_from_db()
    assert one.late_since is None
