"""The picker: every event type of the catalogue, the newer ones off, and light on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from connectors.catalogue.catalogue import ALL, CATALOGUE, REFERENCE_PAGE
from connectors.models import Connector, Workspace
from tests.support.people import filled_in

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
CREATE = "/w/harbour/data-export/new/segment/"
BOX = re.compile(r'<input type="checkbox"\s+name="selected_events"\s+value="([^"]+)"([^>]*)>')


def test_every_event_type_can_be_chosen_once_the_reference_page_first(workspace: Workspace, as_: As) -> None:
    page = as_("marketer").get(CREATE).content.decode()
    boxes = BOX.findall(page)
    assert [name for name, _rest in boxes] == [event.event_type for event in CATALOGUE.events]
    assert {name for name, rest in boxes if "data-reference" in rest} == REFERENCE_PAGE
    assert not any("checked" in rest for _name, rest in boxes)
    assert page.count("known in part") == 7
    assert "<code>users.canvas.sendtodestination.Sent</code> cannot be selected yet" in page


def test_no_two_elements_share_an_id(workspace: Workspace, as_: As) -> None:
    ids = re.findall(r'\sid="([^"]+)"', as_("marketer").get(CREATE).content.decode())
    assert len(ids) == len(set(ids))


def test_newer_event_types_are_accepted_and_a_nameless_one_is_not(workspace: Workspace, as_: As) -> None:
    client = as_("marketer")
    nameless = filled_in(selected_events=["users.canvas.sendtodestination.Sent"])
    assert client.post(CREATE, nameless).status_code == 422
    assert client.post(CREATE, filled_in(selected_events=sorted(ALL))).status_code == 303
    assert set(Connector.objects.get().selected_events) == ALL


def test_the_page_is_light_on_the_wire(workspace: Workspace, as_: As) -> None:
    answer = as_("marketer").get(CREATE, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 40_000
