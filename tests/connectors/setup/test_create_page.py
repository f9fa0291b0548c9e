"""Create New Current › Segment Data Export, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from connectors.models import Connector, User, Workspace
from connectors.vault import sealing
from tests.support.people import EMAIL_EVENTS, KEY, filled_in

pytestmark = pytest.mark.django_db
PATH = "/w/harbour/data-export/new/segment/"


@pytest.fixture
def marketer(as_: Callable[[str], Client]) -> Client:
    return as_("marketer")


def test_a_complete_form_launches_and_leads_to_the_connector(marketer: Client, workspace: Workspace) -> None:
    answer = marketer.post(PATH, filled_in(include_anonymous="on"))
    connector = Connector.objects.get(workspace=workspace)
    assert (answer.status_code, answer["Location"]) == (303, f"/w/harbour/data-export/{connector.pk}/")
    assert connector.name == "Lifecycle events"
    assert connector.region == "eu"
    assert connector.selected_events == sorted(EMAIL_EVENTS)
    assert connector.include_anonymous is True
    key = connector.write_keys.get()
    assert sealing.unseal(key) == KEY
    assert KEY not in marketer.get(answer["Location"]).content.decode()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": " "}, "Give the Current a name."),
    "invisible name": ({"name": "\u200b\u2060"}, "Give the Current a name."),
    "long name": ({"name": "n" * 101}, "The name has 101 characters; 100 are allowed."),
    "two addresses": ({"contact_email": "a@example.com, b@example.com"}, "That is two addresses."),
    "three addresses": ({"contact_email": "a@b.example;c@d.example e@f.example"}, "That is 3 addresses."),
    "no address": ({"contact_email": "somebody"}, "That is not an email address."),
    "header in address": ({"contact_email": "a@example.com\nBcc: b"}, "That is not an email address."),
    "no key": ({"write_key": "\u200b \n"}, "Enter the write key of the Segment source."),
    "broken key": ({"write_key": "kkkkkkkk\nkkkkkkkk"}, "There is a space or a line break inside the key."),
    "foreign key": ({"write_key": "kkkkkkkkkkkké"}, "A write key does not contain these characters: é."),
    "short key": ({"write_key": "kkkk"}, "That is too short for a write key."),
    "no region": ({"region": ""}, "Choose the region of your Segment workspace."),
    "forged region": ({"region": "mars"}, "Choose United States or European Union."),
    "no event": ({"selected_events": []}, "Choose at least one event."),
    "forged event": (
        {"selected_events": ["users.nonsense"]},
        "“users.nonsense” is not a known event type.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field_is_explained_and_nothing_is_stored(case: str, marketer: Client) -> None:
    changes, sentence = WRONG[case]
    answer = marketer.post(PATH, filled_in(**changes))
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Connector.objects.exists()


def test_a_refused_form_keeps_what_was_typed_but_never_the_key(marketer: Client) -> None:
    page = marketer.post(PATH, filled_in(contact_email="nonsense", name="Über שלום")).content.decode()
    assert 'value="Über שלום"' in page
    assert 'value="nonsense"' in page
    assert re.search(r'value="users.messages.email.Click"\s+checked', page)
    assert re.search(r'id="id_region_eu"\s+value="eu"\s+checked', page)
    assert KEY not in page
    assert "Enter it again." in page


def test_a_pasted_key_loses_what_nobody_sees(marketer: Client) -> None:
    marketer.post(PATH, filled_in(write_key=f"\u200b {KEY}\ufeff\r\n"))
    assert sealing.unseal(Connector.objects.get().write_keys.get()) == KEY


def test_an_unusual_key_is_warned_of_and_accepted(marketer: Client) -> None:
    remarks = marketer.post(
        f"{PATH}?field=write_key", {"write_key": "k" * 31 + "\n"}, headers={"HX-Request": "true"}
    )
    assert "31 characters; Segment’s keys usually have 32." in remarks.content.decode()
    assert "A line break at the end was removed." in remarks.content.decode()
    assert "k" * 31 not in remarks.content.decode()
    assert marketer.post(PATH, filled_in(write_key="k" * 31)).status_code == 303


def test_leaving_a_field_says_the_same_as_sending_the_form(marketer: Client) -> None:
    for changes, sentence in (WRONG["two addresses"], WRONG["long name"], WRONG["broken key"]):
        field = next(iter(changes))
        answer = marketer.post(f"{PATH}?field={field}", changes, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert sentence in answer.content.decode()
        assert "<form" not in answer.content.decode()
    assert not Connector.objects.exists()


def test_where_a_connector_stands_no_form_is_offered_but_what_stands(
    marketer: Client, connector: Connector
) -> None:
    shown, sent = marketer.get(PATH), marketer.post(PATH, filled_in(name="A second one"))
    assert (shown.status_code, sent.status_code) == (200, 409)
    standing = f"/w/harbour/data-export/{connector.pk}/"
    for answer in (shown, sent):
        page = answer.content.decode()
        assert "A workspace has one live connector of a type." in page
        assert connector.name in page
        for way in (standing, f"{standing}edit/", f"{standing}test/"):
            assert f'href="{way}"' in page
        assert 'name="write_key"' not in page
    assert Connector.objects.count() == 1


def test_name_and_contact_are_preset(marketer: Client, workspace: Workspace) -> None:
    page = marketer.get(PATH).content.decode()
    user = User.objects.get(memberships__workspace=workspace, memberships__role="marketer")
    assert 'value="Harbour &amp; Pine to Segment"' in page
    assert f'value="{user.email}"' in page


def test_a_refused_form_says_so_in_its_title_and_counts_the_key_among_what_is_left(marketer: Client) -> None:
    page = marketer.post(PATH, filled_in(contact_email="nonsense", selected_events=[])).content.decode()
    title = page.partition("<title>")[2].partition("</title>")[0]
    assert "Not launched" in title
    assert "3 things to fix:" in page
    assert page.count('class="message bad"') == 2
    assert "Enter it again." in page


def test_a_key_that_is_asked_for_again_is_not_judged(marketer: Client) -> None:
    page = marketer.post(PATH, filled_in(contact_email="nonsense", write_key="k" * 31)).content.decode()
    assert "31 characters" not in page
    assert "Enter it again." in page


def test_the_name_of_an_alias_selects_the_event_it_stands_for(marketer: Client) -> None:
    marketer.post(PATH, filled_in(selected_events=["users_canvas_abort"]))
    assert Connector.objects.get().selected_events == ["users.canvas.Abort"]


def test_a_form_without_its_token_is_refused_in_plain_words(
    as_: Callable[[str], Client], workspace: Workspace
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = as_("marketer").cookies
    answer = client.post(PATH, filled_in())
    assert answer.status_code == 403
    assert "The form is out of date" in answer.content.decode()
