"""Intake tokens in the browser: shown once, ended when told, never stored in clear."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import AuditEntry, IntakeToken, Workspace
from connectors.vault import shown_once
from connectors.workspaces import tokens
from exporter.api import bearer
from tests.support.factories import IntakeTokenFactory

pytestmark = pytest.mark.django_db
PAGE = "/w/harbour/settings/tokens/"
As = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    bearer.forget()


def shown(page: str) -> str:
    found = re.search(r'value="(cur_[^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_new_token_is_shown_once_and_works(as_: As, workspace: Workspace) -> None:
    admin = as_("admin")
    made = admin.post(f"{PAGE}new/", {"name": "Braze", "scopes": ["intake"]})
    assert (made.status_code, made["Location"]) == (303, PAGE)
    first = admin.get(PAGE)
    plain = shown(first.content.decode())
    assert first["Cache-Control"] == "no-store"
    assert bearer.check(f"Bearer {plain}", "intake").workspace_id == workspace.pk
    assert plain not in admin.get(PAGE).content.decode()


def test_on_its_way_to_the_page_the_token_is_sealed_and_the_server_keeps_nothing(as_: As) -> None:
    admin = as_("admin")
    made = admin.post(f"{PAGE}new/", {"name": "Braze", "scopes": ["intake"]})
    cookie = made.cookies[shown_once.COOKIE]
    assert (cookie["path"], cookie["httponly"], cookie["max-age"]) == (PAGE, True, 60)
    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    plain = shown(admin.get(PAGE).content.decode())
    assert plain not in cookie.value
    assert not any(plain in session for session in sessions)


def test_an_old_or_forged_cookie_shows_nothing(as_: As) -> None:
    admin = as_("admin")
    admin.cookies[shown_once.COOKIE] = "gAAAAABforged"
    page = admin.get(PAGE)
    assert page.status_code == 200
    assert "cur_" not in page.content.decode()


@pytest.mark.parametrize(
    "typed", [{"name": "", "scopes": ["intake"]}, {"name": "x"}, {"name": "x", "scopes": ["root"]}]
)
def test_a_token_needs_a_name_and_known_scopes(
    as_: As, typed: dict[str, object], workspace: Workspace
) -> None:
    assert as_("admin").post(f"{PAGE}new/", typed).status_code == 422
    assert not workspace.intake_tokens.exists()


def test_revoking_ends_it_and_keeps_the_row(as_: As, workspace: Workspace) -> None:
    token, plain = tokens.create(workspace, "Braze", ["intake"], By(None))
    assert as_("admin").post(f"{PAGE}{token.pk}/revoke/").status_code == 303
    bearer.forget()
    with pytest.raises(bearer.BadToken):
        bearer.check(f"Bearer {plain}", "intake")
    assert "Tokens that no longer work" in as_("admin").get(PAGE).content.decode()


def test_after_a_rotation_both_work_until_the_old_one_ends(as_: As, workspace: Workspace) -> None:
    admin = as_("admin")
    old, plain_old = tokens.create(workspace, "Braze", ["intake"], By(None))
    assert admin.post(f"{PAGE}{old.pk}/rotate/", {"hours": "24"}).status_code == 303
    plain_new = shown(admin.get(PAGE).content.decode())
    assert bearer.check(f"Bearer {plain_old}", "intake").id == old.pk
    assert bearer.check(f"Bearer {plain_new}", "intake").id != old.pk
    IntakeToken.objects.filter(pk=old.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    bearer.forget()
    with pytest.raises(bearer.BadToken):
        bearer.check(f"Bearer {plain_old}", "intake")
    assert bearer.check(f"Bearer {plain_new}", "intake")


def test_a_token_that_ended_cannot_be_rotated(as_: As, workspace: Workspace) -> None:
    token = IntakeTokenFactory.create(workspace=workspace, revoked_at=timezone.now())
    assert as_("admin").post(f"{PAGE}{token.pk}/rotate/", {"hours": "24"})["Location"] == PAGE
    assert workspace.intake_tokens.count() == 1


def test_rotating_twice_never_lengthens_the_life_of_the_old_one(as_: As, workspace: Workspace) -> None:
    token, _plain = tokens.create(workspace, "Braze", ["intake"], By(None))
    tokens.rotate(token, 1, By(None))
    tokens.rotate(token, 168, By(None))
    token.refresh_from_db()
    assert token.ends_at is not None
    assert token.ends_at < timezone.now() + timedelta(hours=2)


def test_a_token_of_another_workspace_is_not_found(as_: As) -> None:
    elsewhere = IntakeTokenFactory.create()
    for act in ("revoke", "rotate"):
        assert as_("admin").post(f"{PAGE}{elsewhere.pk}/{act}/", {"hours": "1"}).status_code == 404
    elsewhere.refresh_from_db()
    assert elsewhere.revoked_at is None


def test_every_step_is_in_the_audit_log_without_the_token(as_: As) -> None:
    admin = as_("admin")
    admin.post(f"{PAGE}new/", {"name": "Braze", "scopes": ["intake", "read"]})
    plain = shown(admin.get(PAGE).content.decode())
    token = IntakeToken.objects.get()
    admin.post(f"{PAGE}{token.pk}/rotate/", {"hours": "1"})
    admin.post(f"{PAGE}{token.pk}/revoke/")
    entries = AuditEntry.objects.filter(action__startswith="intake_token").order_by("pk")
    assert [entry.action.partition(".")[2] for entry in entries] == [
        "created",
        "created",
        "rotated",
        "revoked",
    ]
    assert {entry.address for entry in entries} == {"127.0.0.1"}
    assert plain.rpartition("_")[2] not in str([(entry.before, entry.after) for entry in entries])
