"""Preferences: an admin may do without the mails about trouble; nobody else is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from connectors.models import User

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
PATH = "/preferences/"
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
