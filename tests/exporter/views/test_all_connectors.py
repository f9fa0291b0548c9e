"""All workspaces: found by what people type, page by page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from connectors.models import Membership, User
from exporter.views import all_connectors
from tests.support.factories import WorkspaceFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("search", "is_found"),
    [
        ("", True),
        ("HARBOUR lifecycle", True),
        ("data@", True),
        ("pier-7", True),
        ("hafen", True),
        ("HÄFEN", True),
        ("ｐｉｅｒ", True),
        ("harbour absent", False),
        ("100%", False),
        ("a_b", False),
    ],
)
def test_all_words_are_looked_for_in_names_and_contact_whatever_their_letters(
    as_: Callable[[str], Client], people: dict[str, User], search: str, is_found: bool
) -> None:
    made = WorkspaceFactory.create(name="Harbour Häfen", slug="pier-7")
    Membership.objects.create(workspace=made, user=people["viewer"], role="viewer")
    launch(made, "Lifecycle of Harbour")
    empty = WorkspaceFactory.create(name="Harbour Häfen lifecycle data@ without", slug="pier-7-empty")
    Membership.objects.create(workspace=empty, user=people["viewer"], role="viewer")
    page = as_("viewer").get("/", {"q": search}).content.decode()
    assert ("Lifecycle of Harbour</a>" in page) is is_found
    without = page.partition("Workspaces without a Current")[2]
    assert (f'href="/w/{empty.slug}/data-export/"' in without) is is_found


def test_every_page_goes_on_where_the_one_before_ended(
    as_: Callable[[str], Client], people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_connectors, "ROWS", 2)
    for name in "ebdca":
        made = WorkspaceFactory.create(name=f"Pine {name}")
        Membership.objects.create(workspace=made, user=people["viewer"], role="viewer")
        launch(made, f"Export {name}")
    pages = [as_("viewer").get("/", {"page": number}).content.decode() for number in (1, 2, 3, 99, "x")]
    shown = [[name for name in "abcde" if f"Export {name}</a>" in page] for page in pages]
    assert shown == [["a", "b"], ["c", "d"], ["e"], ["e"], ["a", "b"]]
