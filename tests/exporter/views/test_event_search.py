"""Finding an event: what it was, when it came, what became of it and which request carried it."""

from __future__ import annotations

import re

import pytest

from connectors.models import Role
from exporter.intake.appender import append_now
from exporter.log import own_id
from exporter.reports import event_search
from tests.exporter.views.test_attempts import base, somebody
from tests.support.appended import incoming
from tests.support.delivering import a_line

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


def test_an_event_is_found_by_its_id_with_its_outcome_and_the_request_that_carried_it() -> None:
    with a_line() as line:
        line.feed(5)
        line.deliver()
        client = somebody(line.workspace, Role.MARKETER)
        page = client.get(f"{base(line)}find/", {"by": "event", "value": "event-3"}).content.decode()
        assert "Accepted by Segment" in page.split("What became of it")[1]
        request = re.search(rf'href="({base(line)}attempts/\d+/)"', page)
        assert request is not None
        assert "event-3" in page
        assert client.get(request[1]).status_code == 200


def test_events_of_a_person_are_found_by_their_external_id_each_with_its_outcome() -> None:
    with a_line() as line:
        line.feed(14)
        client = somebody(line.workspace, Role.MARKETER)
        page = client.get(f"{base(line)}find/", {"by": "external", "value": "customer-3"}).content.decode()
        numbers = re.findall(rf'hx-get="({base(line)}find/\d+/)"', page)
        assert len(numbers) == 2
        told = client.get(numbers[0], headers=HTMX).content.decode()
        assert "Waiting" in told
        assert "<html" not in told
        line.deliver()
        assert "Accepted by Segment" in client.get(numbers[0], headers=HTMX).content.decode()
        assert "customer-3" in client.get(numbers[0]).content.decode()
        viewer = somebody(line.workspace, Role.VIEWER)
        assert "customer-3" not in viewer.get(numbers[0]).content.decode()


def test_a_long_search_goes_on_in_pieces_and_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_search, "SECONDS", 0.0)
    monkeypatch.setattr(event_search.search, "__defaults__", (None, 0.0))
    with a_line() as line:
        for _batch in range(4):
            line.feed(10)
        client, path = somebody(line.workspace, Role.MARKETER), f"{base(line)}find/"
        page = client.get(path, {"by": "user", "value": "user-of-nobody"}).content.decode()
        pieces = 1
        while follow := re.search(r'id="searching"\s+hx-get="([^"]+)"', page):
            assert re.search(r"Searched \d+ of 40 events", page)
            page = client.get(follow[1].replace("&amp;", "&"), headers=HTMX).content.decode()
            pieces += 1
        assert pieces >= 4
        assert "Not found" in page


def test_another_workspaces_events_are_not_found() -> None:
    with a_line() as line, a_line() as other:
        other.feed(3)
        client = somebody(line.workspace, Role.ADMIN)
        page = client.get(f"{base(line)}find/", {"by": "event", "value": "event-1"}).content.decode()
        assert "Not found" in page
        assert client.get(f"{base(line)}find/1/").status_code == 404


def test_what_is_typed_is_never_markup() -> None:
    with a_line() as line:
        client = somebody(line.workspace, Role.VIEWER)
        page = client.get(f"{base(line)}find/", {"by": "x", "value": '"><script>1</script>'}).content.decode()
        assert "<script>1" not in page
        assert client.get(f"{base(line)}find/", {"value": "a", "before": "9" * 40}).status_code == 200


def test_all_events_with_an_id_are_found_and_the_later_ones_tell_the_id_they_are_sent_with() -> None:
    clicked = "users.messages.email.Click"
    with a_line() as line:
        line.feed(2)
        append_now(line.workspace.pk, incoming([1], event_type=clicked))
        line.feed(2)
        client, path = somebody(line.workspace, Role.VIEWER), f"{base(line)}find/"
        page = client.get(path, {"by": "event", "value": "event-1"}).content.decode()
        assert "2 events of different types with this id" in page
        numbers = re.findall(rf'hx-get="({base(line)}find/\d+/)"', page)
        told = [client.get(number).content.decode() for number in numbers]
        assert [own_id.made_from(clicked, "event-1") in one for one in told] == [True, False]
