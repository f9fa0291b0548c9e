"""What the webhook promises: the notices of the mails, each once and signed, never into the server's own network."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from pytest_django import Settings

from connectors.audit.actor import By
from connectors.models import AuditEntry
from exporter.actions import webhook as acting
from exporter.actions.webhook import BadTarget
from exporter.incidents import webhook
from exporter.incidents.mail import mail_due
from exporter.incidents.webhook import NotTaken, post_due
from exporter.models import Notice, Webhook
from tests.support.ageing import after
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.receiver import Receiver, a_receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _here(settings: Settings) -> None:
    """The receiver is on loopback."""
    settings.CURRENTS_WEBHOOK_NETWORKS = ["127.0.0.0/8"]


def stop(line: Line) -> None:
    line.feed(3)
    line.sandbox.fail(status=401)
    assert line.deliver() == "failed"


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _headers, body in receiver.posts]


def test_a_stop_is_posted_once_with_text_for_people_and_facts_for_machines() -> None:
    with a_line() as line, a_receiver() as receiver:
        acting.put(line.workspace, receiver.url, NOBODY)
        stop(line)
        assert [post_due(), post_due()] == [1, 0]
        (post,) = told(receiver)
        assert (post["event"], post["cause"], post["pending"], post["lost"]) == (
            "incident.stopped",
            "key_rejected",
            3,
            0,
        )
        assert post["connector"]["id"] == line.connector.pk
        assert post["text"].startswith("*Segment: delivery to Segment has stopped*")
        assert post["connector"]["link"] in post["text"]
        assert mail_due() == 1, "the mail goes its own way"


def test_whoever_knows_the_secret_can_tell_that_it_is_ours() -> None:
    with a_line() as line, a_receiver() as receiver:
        secret = acting.put(line.workspace, receiver.url, NOBODY)
        stop(line)
        post_due()
        ((headers, body),) = receiver.posts
        at, _, signed = headers["x-currents-signature"].partition(",v1=")
        assert abs(time.time() - int(at.removeprefix("t="))) < 60
        expected = hmac.new(secret.encode(), at.removeprefix("t=").encode() + b"." + body, hashlib.sha256)
        assert signed == expected.hexdigest()
        assert "authorization" not in headers
        assert secret.encode() not in body


def test_what_is_not_taken_is_put_off_and_posted_later_under_the_same_id() -> None:
    with a_line() as line, a_receiver() as receiver:
        acting.put(line.workspace, receiver.url, NOBODY)
        receiver.answers = [503, 302]
        receiver.location = receiver.url
        stop(line)
        assert post_due() == 0
        assert post_due(after(seconds=50)) == 0
        assert post_due(after(seconds=70)) == 0, "a redirect is not followed"
        assert post_due(after(seconds=300)) == 1
        posts = told(receiver)
        assert len(posts) == 3
        assert len({post["id"] for post in posts}) == 1
        assert Webhook.objects.get().last_status == 200


def test_a_claim_of_a_worker_that_died_runs_out() -> None:
    with a_line() as line, a_receiver() as receiver:
        acting.put(line.workspace, receiver.url, NOBODY)
        stop(line)
        assert webhook.claim() is not None
        assert post_due() == 0
        assert post_due(after(minutes=6)) == 1
        assert len(receiver.posts) == 1


def test_one_that_cannot_be_reached_holds_nobody_else_up() -> None:
    with a_line() as line, a_receiver() as receiver:
        acting.put(line.workspace, "http://127.0.0.1:1/", NOBODY)
        stop(line)
        with a_line() as other:
            acting.put(other.workspace, receiver.url, NOBODY)
            stop(other)
            assert post_due() == 1
            assert len(receiver.posts) == 1
            assert Webhook.objects.get(workspace=line.workspace).last_error == "connection refused"


def test_what_was_told_before_there_was_a_webhook_is_not_posted() -> None:
    with a_line() as line, a_receiver() as receiver:
        stop(line)
        acting.put(line.workspace, receiver.url, NOBODY)
        assert post_due() == 0
        assert Notice.objects.filter(posted_at=None).count() == 1


def test_in_production_nothing_inside_the_network_is_called(settings: Settings) -> None:
    with a_line() as line, a_receiver() as receiver:
        acting.put(line.workspace, receiver.url, NOBODY)
        settings.CURRENTS_WEBHOOK_NETWORKS = []
        stop(line)
        assert post_due() == 0
        assert receiver.posts == []
        assert "own network" in Webhook.objects.get().last_error
        for url in (
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "http://example.com/",
        ):
            with pytest.raises(BadTarget):
                acting.put(line.workspace, url, NOBODY)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nothing",
        "ftp://example.com/",
        "https://",
        "https://user:secret@example.com/",
        "https://a b/",
        "https://[::1",
        "https://example.com:99999/",
        "https://exämple.com/",
        f"https://example.com/{'x' * 1000}",
    ],
)
def test_a_bad_address_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(BadTarget, match=r"\.$"):
        acting.check(url)


def test_the_secret_and_the_address_are_sealed_and_named_nowhere() -> None:
    with a_line() as line, a_receiver() as receiver:
        url = receiver.url + "/T000/B000/very-secret-part-9876"
        secret = acting.put(line.workspace, url, By(None))
        row = Webhook.objects.get()
        assert row.shown == receiver.url.removesuffix("/hook") + "/…9876"
        kept = bytes(row.url) + bytes(row.secret)
        assert b"very-secret" not in kept
        assert secret.encode() not in kept
        entry = AuditEntry.objects.get(action="webhook.set")
        assert "very-secret" not in json.dumps(entry.after)


def test_a_trial_says_what_the_receiver_answered() -> None:
    with a_line() as line, a_receiver() as receiver:
        acting.put(line.workspace, receiver.url, NOBODY)
        row = Webhook.objects.get()
        acting.test(row, NOBODY)
        assert told(receiver)[0]["event"] == "test"
        receiver.status = 404
        with pytest.raises(NotTaken, match="404"):
            acting.test(row, NOBODY)
