"""The demo workspace: three people, a password one can find again, only in an empty embedded database."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from connectors.models import Connector, Membership, User, Workspace
from currents_admin import demo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURRENTS_VAR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)


def create_demo() -> str:
    output = StringIO()
    call_command("create_demo", stdout=output)
    return output.getvalue()


def passwords() -> set[str]:
    return {user.password for user in User.objects.all()}


def test_it_has_one_person_a_role_and_no_connector() -> None:
    said = create_demo()
    roles = {member.user.email: member.role for member in Membership.objects.select_related("user")}
    assert roles == {
        "admin@demo.example": "admin",
        "marketer@demo.example": "marketer",
        "viewer@demo.example": "viewer",
    }
    assert Workspace.objects.get().slug == "demo"
    assert not Connector.objects.exists()
    password = said.split()[-1]
    assert all(user.check_password(password) for user in User.objects.all())


def test_every_start_prints_the_same_password_and_changes_nothing() -> None:
    first, before = create_demo(), passwords()
    assert create_demo() == first
    assert passwords() == before


def test_the_password_of_the_environment_is_used_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    create_demo()
    monkeypatch.setenv("CURRENTS_DEMO_PASSWORD", "given from outside")
    assert "given from outside" not in create_demo()
    assert all(user.check_password("given from outside") for user in User.objects.all())
    monkeypatch.delenv("CURRENTS_DEMO_PASSWORD")
    password = create_demo().split()[-1]
    assert all(user.check_password(password) for user in User.objects.all())


def test_a_password_changed_on_the_pages_stays() -> None:
    create_demo()
    user = User.objects.get(email="admin@demo.example")
    user.set_password("my own")
    user.save()
    create_demo()
    user.refresh_from_db()
    assert user.check_password("my own")


def test_a_database_that_holds_something_gets_no_demo() -> None:
    Workspace.objects.create(slug="mine", name="Mine")
    assert create_demo() == ""
    assert not demo.create()
    assert not User.objects.exists()


def test_a_given_database_gets_no_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://currents@127.0.0.1/currents")
    with pytest.raises(CommandError):
        create_demo()
    assert not Workspace.objects.exists()
