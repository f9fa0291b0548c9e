"""Who began a replay that took long is told of its end, once; of a short one nobody is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from connectors.models import Role
from exporter.incidents import replay_mail
from exporter.models import Delivery, Replay
from exporter.models.counts import DeliveryTotal
from tests.support.factories import MembershipFactory, WorkspaceFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db(transaction=True)


def ended(minutes: float, **fields: object) -> Replay:
    workspace = WorkspaceFactory.create()
    person = MembershipFactory.create(workspace=workspace, role=Role.MARKETER).user
    connector = launch(workspace, "Lifecycle events")
    delivery = Delivery.objects.create(
        connector=connector, workspace=workspace, kind="replay", start=0, cursor=40, stop=40
    )
    for outcome, count in (("delivered", 1204), ("rejected", 1), ("unselected", 30)):
        DeliveryTotal.objects.create(
            delivery=delivery, event_type="users.messages.email.Open", outcome=outcome, count=count
        )
    now = timezone.now() - timedelta(seconds=1)
    began = now - timedelta(minutes=minutes)
    given = {"state": "done", "created_by": person, "finished_at": now} | fields
    return Replay.objects.create(
        connector=connector,
        delivery=delivery,
        since=began - timedelta(days=1),
        until=began,
        outcomes=["expired"],
        events=1235,
        created_at=began,
        started_at=began,
        **given,
    )


def test_the_end_of_a_long_replay_is_mailed_once_to_who_began_it() -> None:
    replay = ended(12)
    assert replay.created_by is not None
    assert (replay_mail.mail_due(), replay_mail.mail_due()) == (1, 0)
    (letter,) = mail.outbox
    assert letter.to == [replay.created_by.email]
    assert letter.subject == "Lifecycle events: the replay is done"
    assert "Segment accepted 1,204 events." in str(letter.body)
    assert "1 was rejected." in str(letter.body)
    assert "30 were left out" in str(letter.body)
    assert f"/replays/{replay.pk}/" in str(letter.body)


def test_the_contact_is_told_where_a_program_began_it() -> None:
    replay = ended(11, created_by=None, state="failed")
    replay_mail.mail_due()
    (letter,) = mail.outbox
    assert letter.to == [replay.connector.contact_email]
    assert "the replay has failed" in letter.subject
    assert "begin a new replay" in str(letter.body)


@pytest.mark.parametrize("fields", [{}, {"finished_at": None, "state": "running"}])
def test_nobody_is_told_of_what_was_short_or_goes_on(fields: dict[str, object]) -> None:
    ended(9, **fields)
    assert (replay_mail.mail_due(), mail.outbox) == (0, [])


def test_a_mail_server_that_is_down_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = ended(20)

    def refuse(_letter: object) -> None:
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr("connectors.mail.Letter.send", refuse)
        assert replay_mail.mail_due() == 0
    assert replay_mail.mail_due() == 0, "it is ours until the claim expires"
    Replay.objects.filter(pk=replay.pk).update(mail_claimed_until=timezone.now() - timedelta(seconds=1))
    assert replay_mail.mail_due() == 1
