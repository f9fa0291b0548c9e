"""Send test events: said plainly where they go, and one type or all."""

from __future__ import annotations

import pytest
from django.test import Client

from connectors.models import Role
from exporter.actions import test_events as trials
from tests.exporter.views.test_attempts import somebody
from tests.support.delivering import EMAIL_OPEN, NOBODY, a_line
from tests.support.factories import MembershipFactory

pytestmark = pytest.mark.django_db(transaction=True)
CLICK = "users.messages.email.Click"


def test_one_type_or_each_is_sent_and_the_page_says_where_to() -> None:
    with a_line(selected=[EMAIL_OPEN, CLICK]) as line:
        client = Client()
        user = MembershipFactory.create(workspace=line.workspace, role=Role.MARKETER).user
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        path = f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/test/"
        page = " ".join(client.get(path).content.decode().split())
        assert "go to your live Segment source and on to every destination behind it" in page
        assert f"userId {trials.TEST_USER} and by message IDs that begin with test-." in page
        assert "one event of each of the 2 selected types" in page
        client.post(path, {"event_type": CLICK})
        calls = line.sandbox.calls()
        assert [call["call"]["event"] for call in calls] == ["Email Link Clicked"]
        assert {call["call"]["userId"] for call in calls} == {trials.TEST_USER}
        assert all(call["call"]["messageId"].startswith("test-") for call in calls)
        again = client.get(path).content.decode()
        assert again.count("<form") >= 1
        assert "Send again" in again


@pytest.mark.parametrize("wish", ["", "users.messages.sms.Send", "nonsense"])
def test_anything_else_than_a_selected_type_means_each(wish: str) -> None:
    assert wish not in (EMAIL_OPEN, CLICK)
    with a_line(selected=[EMAIL_OPEN, CLICK]) as line:
        key = line.connector.write_keys.get()
        assert len(trials.send(key, NOBODY, wish)) == 2


def test_a_key_that_segment_rejects_is_not_offered_to_be_confirmed_nor_called_verified() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        key = line.connector.write_keys.get()
        line.connector.write_keys.update(verified_at=key.created_at)
        line.sandbox.fail(status=401)
        trials.send(key, NOBODY)
        client = somebody(line.workspace, Role.MARKETER)
        path = f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/test/"
        page = " ".join(client.get(path).content.decode().split())
        assert f"Segment rejects ••••{key.last4}, so no event arrives." in page
        assert "Rejected with 401" in page
        assert "Yes, I saw them" not in page
        assert "Verified" not in page


def test_where_nothing_was_accepted_nothing_is_to_be_looked_for() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        line.sandbox.fail(status=503)
        trials.send(line.connector.write_keys.get(), NOBODY)
        client = somebody(line.workspace, Role.MARKETER)
        page = client.get(f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/test/").content.decode()
        assert "No event was accepted, so there is nothing to look for" in page
        assert "Yes, I saw them" not in page
