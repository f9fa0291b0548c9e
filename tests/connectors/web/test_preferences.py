"""Preferences: theme and time zone are everybody's; an admin may do without the mails about trouble."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from connectors.models import Connector, User

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
PATH = "/preferences/"
LIST = "/w/harbour/data-export/"
QUESTION = "When delivery stops or recovers"


def wants_mails(person: User) -> bool:
    return User.objects.get(pk=person.pk).trouble_mails


def test_an_admin_turns_the_mails_off_and_on_again(as_: As, people: dict[str, User]) -> None:
    client, person = as_("admin"), people["admin"]
    assert wants_mails(person)
    assert client.post(PATH).status_code == 303
    assert not wants_mails(person)
    page = client.get(PATH).content.decode()
    assert QUESTION in page
    assert "checked" not in page.split('name="trouble_mails"')[1].split(">")[0]
    client.post(PATH, {"trouble_mails": "on"})
    assert wants_mails(person)


def test_nobody_else_is_asked_and_none_loses_them(as_: As, people: dict[str, User]) -> None:
    client = as_("marketer")
    page = client.get(PATH).content.decode()
    assert QUESTION not in page
    assert "You are an admin of none." in page
    assert client.post(PATH).status_code == 303
    assert wants_mails(people["marketer"])


def test_a_theme_is_kept_in_the_profile_and_said_on_every_page(as_: As, connector: Connector) -> None:
    client = as_("viewer")
    assert "data-theme" not in client.get(LIST).content.decode()
    assert client.post(PATH, {"theme": "dark"}).status_code == 303
    for path in (LIST, PATH, "/"):
        page = client.get(path).content.decode()
        assert 'data-theme="dark"' in page
        assert 'content="dark"' in page
    client.post(PATH, {"theme": ""})
    assert "data-theme" not in client.get(LIST).content.decode()


def test_a_zone_of_the_profile_goes_before_the_browser_s(as_: As, connector: Connector) -> None:
    client = as_("viewer")
    client.cookies["zone"] = "Asia/Kolkata"
    client.post(PATH, {"time_zone": "America/Los_Angeles"})
    assert "Times are in America/Los_Angeles." in client.get(LIST).content.decode()
    client.post(PATH, {"time_zone": ""})
    assert "Times are in Asia/Kolkata." in client.get(LIST).content.decode()


@pytest.mark.parametrize("typed", [{"time_zone": "Mars/Olympus"}, {"theme": "neon"}])
def test_what_is_none_is_refused_in_one_sentence_and_nothing_saved(
    typed: dict[str, str], as_: As, people: dict[str, User]
) -> None:
    answer = as_("viewer").post(PATH, {"time_zone": "Asia/Tokyo", "theme": "dark"} | typed)
    assert answer.status_code == 422
    assert answer.content.decode().count('class="message bad"') == 1
    person = User.objects.get(pk=people["viewer"].pk)
    assert (person.theme, person.time_zone) == ("", "")
