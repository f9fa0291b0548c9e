"""What costs much may be asked for so often by one person; more is told in words, until the minute is over."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from connectors.models import Connector, Pace, User
from connectors.web.rate_limit import PER_MINUTE, CostlyKind

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
EXPORT = "/w/harbour/data-export/"
FILES = (
    "{connector}rejected.ndjson",
    EXPORT + "refused.ndjson",
    "{connector}by-type.csv",
    "/w/harbour/settings/audit/csv/",
    "/workspaces/audit/csv/",
)


def at_the_limit(user: User, kind: CostlyKind, **began: float) -> None:
    moment = timezone.now() - timedelta(**began)
    Pace.objects.update_or_create(
        user=user, kind=kind, defaults={"count": PER_MINUTE[kind], "began_at": moment}
    )


def address(path: str, connector: Connector) -> str:
    return path.format(connector=f"{EXPORT}{connector.pk}/")


@pytest.mark.parametrize("path", FILES)
def test_too_many_files_are_refused_until_the_minute_is_over(
    path: str, as_: As, people: dict[str, User], connector: Connector
) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    client, path = as_("admin"), address(path, connector)
    at_the_limit(people["admin"], CostlyKind.FILE, seconds=20)
    refused = client.get(path)
    assert refused.status_code == 429
    assert 30 <= int(refused["Retry-After"]) <= 40
    assert "You asked for this too often within a minute." in refused.content.decode()
    at_the_limit(people["admin"], CostlyKind.FILE, seconds=61)
    assert client.get(path).status_code == 200
    assert Pace.objects.get(user=people["admin"]).count == 1


def test_each_file_counts_and_thirty_are_let_through(as_: As, connector: Connector) -> None:
    client, path = as_("viewer"), address("{connector}by-type.csv", connector)
    assert [client.get(path).status_code for _ in range(31)] == [200] * 30 + [429]
    assert as_("marketer").get(path).status_code == 200, "others go on"
    assert client.get(f"{EXPORT}{connector.pk}/").status_code == 200, "what costs little goes on"
    assert client.get(f"{EXPORT}{connector.pk}/find/").status_code == 200, "searches are counted apart"


@pytest.mark.parametrize("end", ["", "1/"])
def test_too_many_searches_are_told_in_the_page_that_asks(
    end: str, as_: As, people: dict[str, User], connector: Connector
) -> None:
    client, path = as_("viewer"), f"{EXPORT}{connector.pk}/find/"
    swapped = re.search(r'name="htmx-config"\s+content=\'([^\']+)\'', client.get(path).content.decode())
    assert swapped is not None
    rules = json.loads(html.unescape(swapped[1]))["responseHandling"]
    assert next(rule for rule in rules if re.search(rule["code"], "429"))["swap"] is True
    at_the_limit(people["viewer"], CostlyKind.SEARCH)
    terms = {"by": "event", "value": "event-1", "before": "7"}
    page: HttpResponse = client.get(path + end, terms)  # type: ignore[assignment]
    part: HttpResponse = client.get(path + end, terms, headers={"HX-Request": "true"})  # type: ignore[assignment]
    assert (page.status_code, part.status_code) == (429, 429)
    assert "<html" in page.content.decode()
    told = part.content.decode()
    assert "<html" not in told
    assert "You asked for this too often" in told
    assert f'href="{path}{end}?by=event&amp;value=event-1&amp;before=7"' in told
    assert 1 <= int(part["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("path", "status"),
    [("settings/sources/new/", 422), ("data-export/{}/write-key/try/", 422), ("data-export/{}/test/", 303)],
)
def test_asking_somebody_elses_server_is_bounded_as_each_may_hold_a_thread(
    path: str, status: int, as_: As, people: dict[str, User], connector: Connector, settings: Any
) -> None:
    settings.SEGMENT_URLS = {"us": "http://127.0.0.1:1", "eu": "http://127.0.0.1:1"}
    client, path = as_("admin"), f"/w/harbour/{path.format(connector.pk)}"
    assert client.post(path).status_code == status
    at_the_limit(people["admin"], CostlyKind.OUTSIDE)
    assert client.post(path).status_code == 429


def test_a_search_that_goes_on_by_itself_stays_below_the_limit() -> None:
    from exporter.reports import event_search

    pause = 0.05
    assert PER_MINUTE[CostlyKind.SEARCH] > 2 * 60 / (event_search.SECONDS + pause), "in two windows at once"


def test_who_may_not_see_it_is_not_counted(as_: As, connector: Connector) -> None:
    path = address("{connector}by-type.csv", connector)
    assert as_("stranger").get(path).status_code == 404
    assert as_("nobody").get(path).status_code == 302
    assert not Pace.objects.exists()
