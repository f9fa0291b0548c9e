"""Every page says which language it is in, to browsers, caches and screen readers; and is as light in each of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connectors.models import User
from tests.whole.test_urls_table import ACCOUNT, NOT_ALLOWED, TABLE, paths

__all__ = ["paths"]

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
LANGUAGES = [code for code, _name in settings.LANGUAGES]
SHOWN = re.compile(r'<html lang="([^"]+)"')
# A page of a connector without traffic; the picker's own bound is higher and tested with it.
MOST_BYTES = 60_000


def asked(as_: As) -> list[tuple[Client, str]]:
    """Who asks for which page: an admin who is an owner for theirs, a stranger for those before the sign-in."""
    admin, nobody = as_("admin"), as_("nobody")
    names = [name for name, row in TABLE.items() if row.get != NOT_ALLOWED]
    return [(admin, name) for name in (*names, *ACCOUNT)] + [(nobody, name) for name in ACCOUNT]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_says_the_language_it_is_in(
    language: str, as_: As, paths: dict[str, str], people: dict[str, User]
) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    said = {}
    for client, name in asked(as_):
        answer = client.get(paths[name], headers={"accept-language": language})
        if answer.streaming or "html" not in answer.headers.get("Content-Type", "") or not answer.content:
            continue
        found = SHOWN.search(answer.content.decode())
        shown = found[1] if found else language
        varies = {"Accept-Language", "Cookie"} <= set(re.split(r",\s*", answer.headers.get("Vary", "")))
        told = (shown, answer.headers.get("Content-Language"), varies)
        if told != (language, language, True):
            said[name] = told
    assert said == {}


def test_a_page_asks_no_more_of_the_database_in_another_language_and_stays_light(
    as_: As, paths: dict[str, str], people: dict[str, User]
) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    admin, found = as_("admin"), {}
    for name, row in TABLE.items():
        if row.get != 200:
            continue
        questions, sizes = [], []
        admin.get(paths[name])
        for language in LANGUAGES:
            with CaptureQueriesContext(connection) as queries:
                answer = admin.get(paths[name], headers={"accept-language": language})
            questions.append(len(queries))
            sizes.append(0 if answer.streaming else len(answer.content))
        most = 100_000 if name in ("create", "edit") else MOST_BYTES
        if max(questions) > questions[0] or max(sizes) > most:
            found[name] = (questions, sizes)
    assert found == {}
