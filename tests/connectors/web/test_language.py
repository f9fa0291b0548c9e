"""The language of a page: the person's, else the browser's switch, else what the browser asks for; and it is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client
from django.utils import translation

from connectors import mail
from connectors.models import Connector, User, Workspace
from connectors.setup import lifecycle
from connectors.templatetags.parts import stored
from tests.support.people import filled_in

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
LIST = "/w/harbour/data-export/"
SIGN_IN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _languages(settings: Any) -> None:
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ja", "日本語")]


def shown(client: Client, path: str, **headers: str) -> tuple[str, str]:
    """The language the page says it is in, and the one the answer says."""
    answer = client.get(path, headers=headers)
    found = re.search(r'<html lang="([^"]+)"', answer.content.decode())
    assert found is not None
    return found[1], answer["Content-Language"]


def test_the_browser_is_listened_to_until_somebody_chooses(as_: As, workspace: Workspace) -> None:
    client = as_("nobody")
    assert shown(client, SIGN_IN) == ("en", "en")
    assert shown(client, SIGN_IN, accept_language="ja,en;q=0.5") == ("ja", "ja")
    assert shown(client, SIGN_IN, accept_language="it") == ("en", "en")
    client.post("/language/", {"language": "de", "next": SIGN_IN})
    assert shown(client, SIGN_IN, accept_language="ja") == ("de", "de")


def test_the_switch_is_kept_in_the_profile_and_goes_with_the_person(as_: As, people: dict[str, User]) -> None:
    answer = as_("viewer").post("/language/", {"language": "ja", "next": LIST})
    assert (answer.status_code, answer["Location"]) == (303, LIST)
    assert User.objects.get(pk=people["viewer"].pk).language == "ja"
    other_browser = as_("viewer")
    assert shown(other_browser, LIST, accept_language="de") == ("ja", "ja")
    assert "Accept-Language" in other_browser.get(LIST)["Vary"]
    assert "Cookie" in other_browser.get(LIST)["Vary"]


@pytest.mark.parametrize("code", ["xx", "", "de; Path=/", "pt-br"])
def test_a_language_that_is_not_offered_changes_nothing(as_: As, people: dict[str, User], code: str) -> None:
    client = as_("viewer")
    assert client.post("/language/", {"language": code, "next": LIST}).status_code == 303
    assert User.objects.get(pk=people["viewer"].pk).language == ""
    assert shown(client, LIST) == ("en", "en")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_switch_leads_nowhere_else(as_: As, workspace: Workspace, elsewhere: str) -> None:
    assert as_("nobody").post("/language/", {"language": "de", "next": elsewhere})["Location"] == "/"


def test_programs_are_answered_in_english(as_: As, workspace: Workspace) -> None:
    answer = as_("nobody").get("/api/v1/nowhere", headers={"accept-language": "de"})
    assert "Content-Language" not in answer


def test_mails_about_a_connector_are_in_the_language_of_whoever_launched_it(
    as_: As, people: dict[str, User]
) -> None:
    User.objects.filter(pk=people["marketer"].pk).update(language="de")
    as_("marketer").post(f"{LIST}new/segment/", filled_in())
    connector = Connector.objects.get()
    assert connector.language == "de"
    key = lifecycle.key_in_use(connector)
    assert key is not None
    context = {
        "connector": connector.name,
        "day": key.created_at,
        "last4": "tail",
        "since": None,
        "link": "x",
    }
    mail.Letter("key_reminder", context, ["a@example.com"], language=connector.language).send()
    assert '<html lang="de"' in outbox.outbox[-1].message().as_string()


def test_a_sentence_stored_in_english_is_told_in_the_readers_language_or_said_to_be_english() -> None:
    with translation.override("de"):
        assert (
            stored("There is no such folder on the server.") == "Diesen Ordner gibt es auf dem Server nicht."
        )
        assert stored("<odd>") == '<span lang="en">&lt;odd&gt;</span>'
        assert stored("") == ""
