"""Every visible text of every page is translated: in a language of made-up letters, only data is left in plain ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, Role, User, Workspace
from tests.browser.screenshots import Act, pages  # noqa: F401 - a fixture
from tests.support.factories import MembershipFactory, WorkspaceFactory
from tests.support.people import filled_in
from tests.support.pseudo import LANGUAGE, pseudo_language, texts
from tests.whole.test_urls_table import ACCOUNT, NOT_ALLOWED, TABLE, paths

__all__ = ["paths"]

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
PLAIN = re.compile(r"[A-Za-z]{2,}")
# Identifiers, fingerprints of keys, addresses, and what people of the tests and their things are called.
IDENTIFIER = re.compile(
    r"••••\w+|\b[0-9a-f]{6}\b|\S+@\S+|\w+(?:[._/:-]+\w+)+|person\d+|\bUTC\b|[A-Z]{2}(?=$|\s)"
)
CALLED = (
    *("Currents Admin", "Segment Data Export", "Segment", "Braze", "Currents", "Current", "Canvas"),
    *("CSV", "JSON", "Br", "Se"),
    *(event.segment_event for event in CATALOGUE.events if event.segment_event),
)


def names() -> re.Pattern[str]:
    """What products, event types in Segment, and people of the test and their things are called."""
    people = User.objects.values_list("name", flat=True)
    things = (
        *Workspace.objects.values_list("name", flat=True),
        *Connector.objects.values_list("name", flat=True),
    )
    found = {*CALLED, *people, *things} - {""}
    return re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True))))


@pytest.fixture(autouse=True)
def _in_pseudo_letters() -> Iterator[None]:
    with pseudo_language():
        yield


def plain(client: Client, address: str, data: dict[str, object] | None = None) -> list[str]:
    """The texts of a page, or of the answer to a form, that are in plain letters."""
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = LANGUAGE
    answer = client.get(address) if data is None else client.post(address, data)
    if answer.streaming or "html" not in answer.headers.get("Content-Type", ""):
        return []
    called = names()
    said = texts(answer.content.decode())
    return [text for text in said if PLAIN.search(IDENTIFIER.sub("", called.sub("", text)))]


def test_no_page_holds_a_text_outside_the_catalogues(
    as_: As, paths: dict[str, str], people: dict[str, User]
) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    admin, nobody = as_("admin"), as_("nobody")
    asked = [(admin, name) for name, row in TABLE.items() if row.get != NOT_ALLOWED]
    asked += [(client, name) for name in (*ACCOUNT, "invitation") for client in (admin, nobody)]
    found = {name: plain(client, paths[name]) for client, name in asked}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.fixture
def admin() -> User:
    harbour = WorkspaceFactory.create(slug="harbour", name="Harbour & Pine")
    return MembershipFactory.create(workspace=harbour, role=Role.ADMIN, user__name="Maya Okafor").user


def test_nor_does_any_state_of_a_page(admin: User, pages: dict[str, tuple[str, Act]]) -> None:  # noqa: F811
    client = Client()
    client.force_login(admin, backend=settings.AUTHENTICATION_BACKENDS[0])
    found = {name: plain(client, address) for name, (address, _act) in pages.items()}
    assert {name: texts for name, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "address", ["/w/harbour/data-export/new/segment/", "/w/harbour/settings/members/invite/"]
)
def test_nor_does_a_form_that_is_sent_back(address: str, as_: As, workspace: object) -> None:
    wrong = filled_in(
        name="", contact_email="a@b.example, c@d.example", write_key="k", region="", selected_events=[]
    )
    assert plain(as_("admin"), address, wrong) == []
