"""The picker: every event type of the catalogue, the newer ones off, and light."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from connectors.catalogue.catalogue import ALL, CATALOGUE, MESSAGE_ENGAGEMENT, REFERENCE_PAGE
from connectors.models import Connector, Workspace
from tests.support.people import filled_in

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
CREATE = "/w/harbour/data-export/new/segment/"
BOX = re.compile(r'<input type="checkbox" name="selected_events" value="([^"]+)"([^>]*)>')
GROUP = re.compile(r'<fieldset data-group="[^"]+" data-presets="([^"]*)"[^>]*>(.*?)</fieldset>', re.DOTALL)


def test_every_event_type_can_be_chosen_once_the_reference_page_first(workspace: Workspace, as_: As) -> None:
    page = as_("marketer").get(CREATE).content.decode()
    boxes = BOX.findall(page)
    assert [name for name, _rest in boxes] == [event.event_type for event in CATALOGUE.events]
    assert not any("checked" in rest for _name, rest in boxes)
    assert page.count("known in part") == 7
    assert "<code>users.canvas.sendtodestination.Sent</code> cannot be selected yet" in page


@pytest.mark.parametrize(
    ("preset", "chosen"), [("reference", REFERENCE_PAGE), ("engagement", MESSAGE_ENGAGEMENT)]
)
def test_a_button_chooses_exactly_what_it_says(
    preset: str, chosen: frozenset[str], workspace: Workspace, as_: As
) -> None:
    groups = GROUP.findall(as_("marketer").get(CREATE).content.decode())
    inside = [rows for presets, rows in groups if preset in presets.split()]
    assert {name for rows in inside for name, _rest in BOX.findall(rows)} == chosen


def test_every_property_leads_to_the_event_types_that_carry_it(workspace: Workspace, as_: As) -> None:
    page = as_("marketer").get(CREATE).content.decode()
    told = dict(
        one.split(" ", 1) for one in html.unescape(page.split('data-fields="')[1].split('"')[0]).split(";")
    )
    runs = [[int(end) for end in run.split("-")] for run in told["link_url"].split()]
    places = {place for run in runs for place in range(run[0], run[-1] + 1)}
    assert {CATALOGUE.events[place].event_type for place in places} == {
        event.event_type
        for event in CATALOGUE.events
        if any("link_url" in (target.name, *target.sources) for target in event.targets)
    }


def test_no_two_elements_share_an_id(workspace: Workspace, as_: As) -> None:
    ids = re.findall(r'\sid="([^"]+)"', as_("marketer").get(CREATE).content.decode())
    assert len(ids) == len(set(ids))


def test_newer_event_types_are_accepted_and_a_nameless_one_is_not(workspace: Workspace, as_: As) -> None:
    client = as_("marketer")
    nameless = filled_in(selected_events=["users.canvas.sendtodestination.Sent"])
    assert client.post(CREATE, nameless).status_code == 422
    assert client.post(CREATE, filled_in(selected_events=sorted(ALL))).status_code == 303
    assert set(Connector.objects.get().selected_events) == ALL


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
def test_the_page_is_light_in_every_language(language: str, workspace: Workspace, as_: As) -> None:
    client = as_("marketer")
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    page = client.get(CREATE)
    assert page["Content-Language"] == language
    assert len(page.content) < 100_000
    zipped = client.get(CREATE, headers={"Accept-Encoding": "gzip"})
    assert zipped["Content-Encoding"] == "gzip"
    assert len(zipped.content) < 20_000
