"""Times of day are told in the zone of the browser; what it sends is not trusted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import timezone

from connectors.models import AuditEntry, Connector, Membership, User, Workspace
from connectors.web.time_zone import known

pytestmark = pytest.mark.django_db
MOMENT = datetime(2020, 5, 4, 20, 5, tzinfo=UTC)


def paused(connector: Connector) -> str:
    Connector.objects.filter(pk=connector.pk).update(state="paused", paused_at=MOMENT)
    return f"/w/harbour/data-export/{connector.pk}/"


def test_times_are_told_in_the_zone_of_the_browser(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    client, path = as_("viewer"), paused(connector)
    page = client.get(path).content.decode()
    assert "Times are in UTC." in page
    assert "4 May 2020, 20:05" in page
    client.cookies["zone"] = "Asia/Kolkata"
    page = client.get(path).content.decode()
    assert "Times are in Asia/Kolkata." in page
    assert "5 May 2020, 01:35" in page


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/localtime", "Mars/Olympus", "x" * 200, "\0", "<b>"]
)
def test_what_is_no_zone_is_utc(name: str, as_: Callable[[str], Client], connector: Connector) -> None:
    assert known(name) is None
    client = as_("viewer")
    client.cookies["zone"] = name
    assert "Times are in UTC." in client.get(paused(connector)).content.decode()


def test_the_audit_log_stays_in_utc_as_its_file_does(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    client = as_("admin")
    client.cookies["zone"] = "Asia/Kolkata"
    AuditEntry.objects.create(workspace=connector.workspace, action="connector.paused", at=MOMENT)
    page = client.get("/w/harbour/settings/audit/").content.decode()
    assert "4 May 2020, 20:05" in page
    assert "5 May 2020" not in page


# In Los Angeles it is still the 4th, at 18:00; in UTC the 5th began an hour ago.
EVENING = datetime(2037, 5, 5, 1, 0, tzinfo=UTC)


@pytest.fixture
def in_los_angeles(as_: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(timezone, "now", lambda: EVENING)
    client = as_("admin")
    client.cookies["zone"] = "America/Los_Angeles"
    return client


def test_a_last_day_is_one_in_utc_in_which_memberships_end(
    in_los_angeles: Client, workspace: Workspace, people: dict[str, User]
) -> None:
    row = Membership.objects.get(workspace=workspace, user=people["viewer"])
    for day, status in (("2037-05-04", 422), ("2037-05-05", 303)):
        typed = {"role": "viewer", "last_day": day}
        answer = in_los_angeles.post(f"/w/harbour/settings/members/{row.pk}/", typed)
        assert answer.status_code == status, day
    assert Membership.objects.standing().filter(pk=row.pk).exists()


def test_a_reminder_is_for_a_day_in_utc_in_which_it_is_sent(
    in_los_angeles: Client, connector: Connector
) -> None:
    path = f"/w/harbour/data-export/{connector.pk}/write-key/reminder/"
    for day, status in (("2037-05-05", 422), ("2037-05-06", 303)):
        assert in_los_angeles.post(path, {"day": day}).status_code == status, day
