"""What workspaces and tokens promise: a token is shown once, stored as a hash, audited, and ends when
revoked."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from connectors.audit.actor import By
from connectors.models import AuditEntry, IntakeToken, Membership, User, Workspace
from connectors.workspaces import tokens, workspaces
from exporter.api import bearer
from exporter.api.bearer import BadToken, WrongScope
from exporter.models import EventLog, LogMark
from tests.support.factories import UserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)


def call(command: str, *args: str, **options: Any) -> list[str]:
    out = io.StringIO()
    call_command(command, *args, stdout=out, **options)
    return out.getvalue().splitlines()


def test_the_token_alone_is_on_the_last_line() -> None:
    workspace = WorkspaceFactory.create()
    plain = call("create_intake_token", "Braze", workspace=workspace.slug)[-1]
    token = IntakeToken.objects.get()
    assert plain.startswith(f"cur_{token.prefix}_")
    assert len(token.prefix) == 10
    assert bytes(token.hash) == sha256(plain.encode()).digest()
    assert sorted(token.scopes) == ["intake", "read"]
    assert bearer.check(f"Bearer {plain}", "intake").workspace_id == workspace.pk
    entry = AuditEntry.objects.get(action="intake_token.created")
    assert plain.rpartition("_")[2] not in json.dumps([entry.before, entry.after, entry.target])


def test_a_scope_narrows_the_token() -> None:
    plain = call("create_intake_token", "Grafana", workspace=WorkspaceFactory.create().slug, scope=["read"])[
        -1
    ]
    assert bearer.check(f"bearer {plain}", "read").scopes == {"read"}
    with pytest.raises(WrongScope):
        bearer.check(f"Bearer {plain}", "intake")


def test_an_unknown_workspace_is_one_sentence() -> None:
    with pytest.raises(CommandError, match="no workspace"):
        call("create_intake_token", "Braze", workspace="nowhere")


def test_revoking_ends_the_token_and_is_recorded_once() -> None:
    token, plain = tokens.create(WorkspaceFactory.create(), "Braze", ["intake"], By(None))
    bearer.check(f"Bearer {plain}", "intake")
    tokens.revoke(token, By(None))
    tokens.revoke(token, By(None))
    bearer.forget()
    with pytest.raises(BadToken):
        bearer.check(f"Bearer {plain}", "intake")
    assert AuditEntry.objects.filter(action="intake_token.revoked").count() == 1


def test_a_remembered_token_costs_no_query(django_assert_num_queries: Any) -> None:
    _token, plain = tokens.create(WorkspaceFactory.create(), "Braze", ["intake"], By(None))
    bearer.check(f"Bearer {plain}", "intake")
    with django_assert_num_queries(0):
        for _ in range(3):
            bearer.check(f"Bearer {plain}", "intake")


def test_the_use_of_a_token_is_noted_once_a_minute() -> None:
    _token, plain = tokens.create(WorkspaceFactory.create(), "Braze", ["intake"], By(None))

    def noted_after_a_use() -> datetime:
        bearer.forget()
        bearer.check(f"Bearer {plain}", "intake")
        noted = IntakeToken.objects.get().last_used_at
        assert noted is not None
        return noted

    first = noted_after_a_use()
    assert noted_after_a_use() == first
    IntakeToken.objects.update(last_used_at=first - timedelta(seconds=61))
    assert noted_after_a_use() > first


def test_a_use_that_cannot_be_noted_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    token, plain = tokens.create(WorkspaceFactory.create(), "Braze", ["intake"], By(None))
    with connection.cursor() as sql:
        sql.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
            "CREATE TRIGGER refuse BEFORE UPDATE ON connectors_intaketoken EXECUTE FUNCTION refuse()"
        )
    try:
        assert bearer.check(f"Bearer {plain}", "intake").id == token.pk
    finally:
        with connection.cursor() as sql:
            sql.execute("DROP FUNCTION refuse() CASCADE")


def test_a_new_workspace_has_an_admin_who_can_set_a_password_and_sign_in(settings: Any) -> None:
    settings.SITE_URL = "http://testserver"
    address = call("create_workspace", slug="shop", name="Shop", admin="New.Person@example.com")[-1]
    workspace = Workspace.objects.get(slug="shop")
    user = Membership.objects.get(workspace=workspace, role="admin").user
    assert user.email == "new.person@example.com"
    assert EventLog.objects.filter(workspace=workspace).exists()
    assert LogMark.objects.filter(workspace=workspace).exists()
    client = Client()
    assert client.get(address).status_code == 200
    chosen = "correct horse battery"
    client.post(address, {"name": "New Person", "password1": chosen, "password2": chosen})
    user.refresh_from_db()
    assert user.check_password(chosen)
    assert user.is_owner
    assert client.get("/w/shop/settings/members/").status_code == 200


def test_a_known_person_keeps_their_password() -> None:
    user = UserFactory.create(email="known@example.com")
    lines = call("create_workspace", slug="shop", name="Shop", admin="Known@Example.com")
    assert lines[-1].endswith("/accounts/login/")
    assert list(User.objects.all()) == [user]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"slug": "Big Shop"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"name": " "}, "name"),
        ({"admin": "nobody"}, "email"),
        ({"slug": "taken"}, "already"),
    ],
)
def test_what_cannot_be_a_workspace_is_one_sentence(fields: dict[str, str], word: str) -> None:
    WorkspaceFactory.create(slug="taken")
    with pytest.raises(CommandError, match=word):
        call("create_workspace", **({"slug": "shop", "name": "Shop", "admin": "a@example.com"} | fields))
    assert Workspace.objects.count() == 1
    assert not User.objects.exists()


def test_a_slug_is_taken_once() -> None:
    workspaces.create("shop", "Shop", "a@example.com", By(None))
    with pytest.raises(workspaces.WorkspaceRefused):
        workspaces.create("shop", "Shop", "a@example.com", By(None))
