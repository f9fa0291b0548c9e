"""Rotating a write key in the browser: tried first, switched, rolled back, confirmed; two admins at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import AuditEntry, Connector, User, WriteKey
from connectors.setup import key_rotation, lifecycle
from connectors.vault import sealing
from exporter.sandbox.handle import Sandbox, running_sandbox
from tests.exporter.views.test_status import receive
from tests.support.people import KEY

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
NEW = "n" * 28 + "newk"


@pytest.fixture
def path(connector: Connector) -> str:
    return f"/w/harbour/data-export/{connector.pk}/"


@pytest.fixture
def sandbox(settings: object) -> Iterator[Sandbox]:
    with running_sandbox() as running:
        settings.SEGMENT_URLS = {"us": running.url, "eu": running.url}  # type: ignore[attr-defined]
        yield running


def in_use(connector: Connector) -> WriteKey:
    key = lifecycle.key_in_use(connector)
    assert key is not None
    return key


def text(client: Client, path: str) -> str:
    return client.get(f"{path}write-key/").content.decode()


def plain(connector: Connector) -> str:
    return sealing.unseal(in_use(connector))


def test_trying_a_key_sends_one_event_of_each_type_with_it_and_switches_nothing(
    as_: As, path: str, connector: Connector, sandbox: Sandbox
) -> None:
    admin = as_("admin")
    tried = admin.post(f"{path}write-key/try/", {"write_key": NEW, "region": "us"})
    assert (tried.status_code, tried["Location"]) == (303, f"{path}write-key/#tested"), "what comes next"
    calls = sandbox.calls()
    assert sorted(call["call"]["event"] for call in calls) == ["Email Link Clicked", "Email Opened"]
    assert {call["key4"] for call in calls} == {"newk"}
    assert all(call["call"]["messageId"].startswith("test-") for call in calls)
    assert plain(connector) == KEY
    page = admin.get(f"{path}write-key/").content.decode()
    assert "2 of 2 sent were accepted" in page
    assert "Switch to ••••newk" in page
    assert 'id="tested"' in page
    assert "autofocus" not in page, "whoever opens the page anew begins at its top"
    assert NEW not in page


def test_the_tried_key_is_switched_to_without_typing_it_again(
    as_: As, path: str, connector: Connector, sandbox: Sandbox
) -> None:
    admin = as_("admin")
    admin.post(f"{path}write-key/try/", {"write_key": NEW, "region": "us"})
    page = admin.get(f"{path}write-key/").content.decode()
    typed = dict(re.findall(r'name="(proposed|seen)" value="(\d+)"', page))
    assert admin.post(f"{path}write-key/", typed).status_code == 303
    connector.refresh_from_db()
    assert (plain(connector), connector.region) == (NEW, "us")


def test_a_refused_first_event_keeps_the_others_home(
    as_: As, path: str, connector: Connector, sandbox: Sandbox
) -> None:
    sandbox.fail(status=401)
    as_("admin").post(f"{path}write-key/try/", {"write_key": NEW, "region": "eu"})
    page = as_("admin").get(f"{path}write-key/").content.decode()
    assert "0 of 1 sent were accepted" in page
    assert "not sent" in page
    assert len(sandbox.requests()) == 1


@pytest.mark.parametrize("page", ["write-key/", "write-key/try/"])
def test_the_key_in_use_is_not_taken_as_a_new_one(
    as_: As, path: str, connector: Connector, page: str
) -> None:
    answer = as_("admin").post(f"{path}{page}", {"write_key": KEY, "region": "eu"})
    assert answer.status_code == 422
    assert "That is the key in use already" in answer.content.decode()
    assert connector.write_keys.count() == 1
    assert as_("admin").post(f"{path}write-key/", {"write_key": KEY, "region": "us"}).status_code == 303


def test_before_the_switch_the_page_tells_how_many_events_will_follow(
    as_: As, path: str, connector: Connector, people: dict[str, User]
) -> None:
    page = text(as_("admin"), path)
    assert "No events are waiting at the moment." in page
    receive(connector, delivered=0, rejected=0, waiting=1_200)
    assert "<b>1,200 events</b> are waiting and will be sent with the new key at once" in text(
        as_("admin"), path
    )
    key_rotation.propose(connector, write_key=NEW, region="eu", by=By(people["admin"]))
    page = text(as_("admin"), path)
    assert "Switch to ••••newk" in page
    assert "<b>1,200 events</b> are waiting and will be sent with the new key at once" in page
    lifecycle.pause(connector, by=By(people["admin"]))
    assert (
        "<b>1,200 events</b> are waiting and will be sent with the new key once the connector is resumed"
        in text(as_("admin"), path)
    )


def test_a_key_just_switched_is_not_0_minutes_old(as_: As, path: str, connector: Connector) -> None:
    lifecycle.rotate(connector, write_key=NEW, region="eu", by=By(None))
    page = text(as_("admin"), path)
    assert "in use for less than a minute" in page
    long_ago = timezone.now() - timedelta(minutes=61)
    connector.write_keys.filter(last4="newk").update(activated_at=long_ago)
    assert "in use for 1 h 1 min" in text(as_("admin"), path)


def test_a_key_segment_rejected_is_marked_in_the_history(
    as_: As, path: str, connector: Connector, sandbox: Sandbox
) -> None:
    assert "Rejected by Segment" not in text(as_("admin"), path)
    key_rotation.note_rejected(in_use(connector).pk, anew=True)
    assert "Rejected by Segment (" in text(as_("admin"), path)
    lifecycle.rotate(connector, write_key=NEW, region="eu", by=By(None))
    page = text(as_("admin"), path)
    assert page.count("Rejected by Segment (") == 1
    assert "Segment rejected it when it was last used (" in page, "whoever would roll back is warned"


def test_test_events_with_a_rejected_key_mark_it(
    as_: As, path: str, connector: Connector, sandbox: Sandbox
) -> None:
    sandbox.fail(status=401)
    as_("admin").post(f"{path}test/")
    assert "Rejected with 401" in text(as_("admin"), path)


def test_a_discarded_key_is_gone(as_: As, path: str, connector: Connector) -> None:
    key_rotation.propose(
        connector,
        write_key=NEW,
        region="eu",
        by=By(User.objects.get(memberships__role="admin", memberships__workspace=connector.workspace)),
    )
    as_("admin").post(f"{path}write-key/discard/")
    assert connector.write_keys.count() == 1


def test_nobody_switches_to_a_key_another_admin_typed(as_: As, path: str, connector: Connector) -> None:
    other = key_rotation.propose(connector, write_key=NEW, region="eu", by=By(None))
    as_("admin").post(f"{path}write-key/", {"proposed": other.pk})
    assert plain(connector) == KEY


def test_the_second_of_two_admins_is_told_and_switches_nothing(
    as_: As, path: str, people: dict[str, User], connector: Connector
) -> None:
    seen = in_use(connector).pk
    lifecycle.rotate(connector, write_key=NEW, region="us", by=By(people["admin"]))
    answer = as_("admin").post(f"{path}write-key/", {"write_key": "z" * 32, "region": "eu", "seen": seen})
    assert answer.status_code == 409
    assert "Somebody was quicker." in answer.content.decode()
    assert plain(connector) == NEW
    assert as_("admin").post(f"{path}write-key/roll-back/", {"seen": seen}).status_code == 409
    assert plain(connector) == NEW


def test_rolling_back_asks_then_brings_key_and_region_again(as_: As, path: str, connector: Connector) -> None:
    old = in_use(connector).pk
    lifecycle.rotate(connector, write_key=NEW, region="us", by=By(None))
    assert "Possible until" in as_("admin").get(f"{path}write-key/").content.decode()
    question = as_("admin").get(f"{path}write-key/roll-back/").content.decode()
    assert f"Roll back to the key ••••{KEY[-4:]}?" in question
    assert in_use(connector).last4 == NEW[-4:], "a question changes nothing"
    seen = str(in_use(connector).pk)
    back = as_("admin").post(f"{path}write-key/roll-back/", {"seen": seen})
    assert (back.status_code, back["Location"]) == (303, path), "where the answer to it is seen"
    connector.refresh_from_db()
    assert (in_use(connector).pk, plain(connector), connector.region) == (old, KEY, "eu")
    again = as_("admin").post(f"{path}write-key/roll-back/", {"seen": seen})
    assert (again.status_code, in_use(connector).pk) == (409, old), "a second click goes nowhere"
    assert "Rolled back" in as_("admin").get(f"{path}write-key/").content.decode()


def test_a_key_rolled_back_from_while_it_worked_is_offered_again(
    as_: As, path: str, connector: Connector
) -> None:
    good = in_use(connector)
    lifecycle.rotate(connector, write_key=NEW, region="us", by=By(None))
    bad = in_use(connector)
    key_rotation.note_rejected(bad.pk, anew=True)
    lifecycle.rotate(connector, write_key="m" * 32, region="us", by=By(None))
    assert key_rotation.former(connector) == good, "the last one that was not rejected, not the last one"
    as_("admin").post(f"{path}write-key/roll-back/")
    assert in_use(connector) == good
    assert key_rotation.former(connector) != bad


def test_going_back_to_a_rejected_key_names_what_happens_and_needs_to_be_said_twice(
    as_: As, path: str, connector: Connector
) -> None:
    bad = in_use(connector)
    key_rotation.note_rejected(bad.pk, anew=True)
    lifecycle.rotate(connector, write_key=NEW, region="us", by=By(None))
    admin = as_("admin")
    question = admin.get(f"{path}write-key/roll-back/").content.decode()
    assert "delivery stops at the next" in question
    assert "Roll back to the rejected key" in question
    assert admin.post(f"{path}write-key/roll-back/").status_code == 409
    assert in_use(connector).last4 == NEW[-4:]
    assert admin.post(f"{path}write-key/roll-back/", {"anyway": "yes"}).status_code == 303
    assert in_use(connector) == bad


def test_a_key_whose_test_events_were_rejected_cannot_be_verified_nor_switched_to_by_the_way(
    as_: As, path: str, connector: Connector, sandbox: Sandbox
) -> None:
    admin, old = as_("admin"), in_use(connector)
    sandbox.fail(status=401)
    admin.post(f"{path}write-key/try/", {"write_key": NEW, "region": "us"})
    page, key = text(admin, path), WriteKey.objects.get(activated_at=None)
    assert "Yes, I saw them" not in page
    assert "Segment rejects ••••newk" in page
    admin.post(f"{path}verified/", {"key": key.pk})
    key.refresh_from_db()
    assert key.verified_at is None
    assert "Switch to ••••newk anyway" in page
    (first,) = re.findall(r'class="button primary[^"]*">\s*(?:<svg.*?</svg>)?\s*([^<]+?)\s*<', page)
    assert first == "Change", "another key is the first choice"
    assert "Delivery would stop at the next request" in page
    assert admin.post(f"{path}write-key/", {"proposed": key.pk}).status_code == 409
    assert in_use(connector) == old
    assert admin.post(f"{path}write-key/", {"proposed": key.pk, "anyway": "yes"}).status_code == 303
    assert in_use(connector) == key


def test_a_key_nothing_was_sent_with_cannot_be_verified(as_: As, path: str, connector: Connector) -> None:
    as_("marketer").post(f"{path}verified/", {"key": in_use(connector).pk})
    assert in_use(connector).verified_at is None


def test_keys_of_the_same_ending_are_told_apart(as_: As, path: str, connector: Connector) -> None:
    first = in_use(connector).fingerprint
    lifecycle.rotate(connector, write_key="x" * 28 + KEY[-4:], region="eu", by=By(None))
    second, page = in_use(connector).fingerprint, text(as_("admin"), path)
    assert first != second
    assert f"<code>{first}</code>" in page
    assert f"<code>{second}</code>" in page


def test_after_a_day_the_former_key_is_destroyed(as_: As, path: str, connector: Connector) -> None:
    old = in_use(connector)
    lifecycle.rotate(connector, write_key=NEW, region="eu", by=By(None))
    now = timezone.now()
    assert key_rotation.destroy_old(now + timedelta(hours=23)) == 0
    assert key_rotation.destroy_old(now + timedelta(hours=25)) == 1
    old.refresh_from_db()
    assert (bytes(old.ciphertext), old.last4) == (b"", "tail")
    as_("admin").post(f"{path}write-key/roll-back/")
    assert plain(connector) == NEW
    assert AuditEntry.objects.filter(action="write_key.destroyed").count() == 1


def test_a_proposed_key_nobody_used_is_dropped_after_a_day(connector: Connector) -> None:
    key_rotation.propose(connector, write_key=NEW, region="eu", by=By(None))
    assert key_rotation.destroy_old(timezone.now() + timedelta(hours=25)) == 1
    assert plain(connector) == KEY
