"""Send test events: said plainly where they go, and one type or all."""

from __future__ import annotations

import pytest
from django.test import Client

from connectors.models import Role
from exporter.actions import test_events as trials
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
