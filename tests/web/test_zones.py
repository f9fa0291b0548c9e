"""Times of day are told in the zone of the browser; what it sends is not trusted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client

from connectors.models import AuditEntry, Connector
from connectors.zones import known

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
    assert "4 May, 20:05" in page
    client.cookies["zone"] = "Asia/Kolkata"
    page = client.get(path).content.decode()
    assert "Times are in Asia/Kolkata." in page
    assert "5 May, 01:35" in page


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
    assert "01:35" not in page
