"""Workspaces: owners create, rename, archive and restore them in the browser; nobody else does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import Connector, Membership, User, Workspace
from connectors.setup import lifecycle
from connectors.views import workspaces as pages
from connectors.workspaces import tokens
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]


@pytest.fixture
def owner(as_: As, people: dict[str, User]) -> Client:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    return as_("admin")


def test_an_owner_creates_a_workspace_and_is_its_admin(owner: Client, people: dict[str, User]) -> None:
    made = owner.post("/workspaces/new/", {"name": "Zweigstelle Süd", "slug": ""})
    assert made["Location"] == "/w/zweigstelle-sud/data-export/"
    assert owner.get("/w/zweigstelle-sud/settings/members/").status_code == 200
    assert Membership.objects.get(workspace__slug="zweigstelle-sud").user == people["admin"]


@pytest.mark.parametrize(
    "typed", [{"name": "x", "slug": "harbour"}, {"name": "x", "slug": "A b"}, {"name": "店"}]
)
def test_an_unfit_short_name_is_told(owner: Client, typed: dict[str, str]) -> None:
    assert owner.post("/workspaces/new/", typed).status_code == 422
    assert Workspace.objects.filter(name__in=["x", "店"]).count() == 0


def test_renaming_keeps_the_address(owner: Client, workspace: Workspace) -> None:
    assert owner.post("/workspaces/harbour/rename/", {"name": "Pier"}).status_code == 303
    workspace.refresh_from_db()
    assert (workspace.name, workspace.slug) == ("Pier", "harbour")


def test_a_workspace_that_exports_is_not_archived(owner: Client, connector: Connector) -> None:
    answer = owner.post("/workspaces/harbour/archive/")
    assert answer.status_code == 409
    assert "Delete it first" in answer.content.decode()
    assert owner.get("/w/harbour/data-export/").status_code == 200


def test_archiving_closes_the_pages_and_ends_the_tokens(
    owner: Client, as_: As, connector: Connector, workspace: Workspace
) -> None:
    token, _plain = tokens.create(workspace, "Braze", ["intake"], By(None))
    lifecycle.delete(connector, by=By(None))
    assert owner.post("/workspaces/harbour/archive/").status_code == 303
    assert as_("viewer").get("/w/harbour/data-export/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert owner.post("/workspaces/harbour/archive/").status_code == 303
    assert as_("viewer").get("/w/harbour/data-export/").status_code == 200


def test_the_page_that_refuses_a_second_connector_shows_owners_the_way(
    owner: Client, as_: As, connector: Connector
) -> None:
    page = "/w/harbour/data-export/new/segment/"
    assert 'href="/workspaces/new/"' in owner.get(page).content.decode()
    assert 'href="/workspaces/new/"' not in as_("marketer").get(page).content.decode()


def test_the_owners_list_is_paged_and_found_by_any_spelling(
    owner: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS", 2)
    for name in ("Brücke", "Quay", "Zoll"):
        WorkspaceFactory.create(name=name)

    def shown(**asked: str | int) -> list[str]:
        page = owner.get("/workspaces/", asked).content.decode().partition("<main")[2]
        return [name for name in ("Brücke", "Harbour", "Quay", "Zoll") if f">{name}" in page]

    assert shown(page=1) == ["Brücke", "Harbour"]
    assert shown(page=2) + shown(page=3) == ["Quay", "Zoll"]
    assert shown(q="BRUCKE") == ["Brücke"]
    assert shown(q="nowhere") == []


def test_the_archived_are_searched_too_and_no_more_of_them_are_shown_than_fit(
    owner: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS", 2)
    names = ("Brücke", "Quay", "Zoll")
    for name in names:
        WorkspaceFactory.create(name=name, archived_at=timezone.now())

    def page(wanted: str = "") -> str:
        return owner.get("/workspaces/", {"q": wanted}).content.decode().partition("<main")[2]

    def shown(text: str) -> list[str]:
        return [name for name in names if f">{name}" in text]

    assert shown(page()) == ["Brücke", "Quay"]
    assert "1 to 2 of 3" in page()
    assert 'role="search"' in page(), "the third is found by its name"
    assert shown(page("zoll")) == ["Zoll"]
    assert "Nothing matches" not in page("zoll")
    assert shown(page("harbour")) == []
    assert "Nothing matches" in page("nowhere")
