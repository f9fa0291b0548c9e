"""People with every role in a workspace, and a connector to look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from connectors.audit import actor
from connectors.models import Connector, Role, User, Workspace
from connectors.setup import lifecycle
from tests.support.factories import MembershipFactory, UserFactory, WorkspaceFactory

EMAIL_EVENTS = ["users.messages.email.Click", "users.messages.email.Open"]
# Made of one letter, so that nobody takes it for a key of somebody.
KEY = "k" * 28 + "tail"


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory.create(slug="harbour", name="Harbour & Pine")


@pytest.fixture
def people(workspace: Workspace) -> dict[str, User]:
    """One person per role in the workspace, and a stranger who is an admin of another one."""
    members = {
        role.value: MembershipFactory.create(
            workspace=workspace, role=role, user__name=f"The {role.label}"
        ).user
        for role in Role
    }
    return members | {"stranger": MembershipFactory.create(role=Role.ADMIN).user}


@pytest.fixture
def as_(people: dict[str, User]) -> Callable[[str], Client]:
    """A client signed in as somebody by role; `nobody` is not signed in."""

    def sign_in(who: str) -> Client:
        client = Client(raise_request_exception=True)
        if who != "nobody":
            client.force_login(people[who], backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


def confirm(client: Client, user: User) -> None:
    """As if this session had been made with a second factor."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "type": "totp", "at": 0.0}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def launch(workspace: Workspace, name: str = "Lifecycle events", by: User | None = None) -> Connector:
    settings = lifecycle.Settings(name, "data@example.com", list(EMAIL_EVENTS), include_anonymous=False)
    return lifecycle.launch(workspace, settings, region="eu", write_key=KEY, by=actor.By(by))


@pytest.fixture
def connector(workspace: Workspace, people: dict[str, User]) -> Connector:
    return launch(workspace, by=people["admin"])


def filled_in(**changes: object) -> dict[str, object]:
    """A create form as a person would send it."""
    return {
        "name": "Lifecycle events",
        "contact_email": "data@example.com",
        "write_key": KEY,
        "region": "eu",
        "selected_events": list(EMAIL_EVENTS),
    } | changes


__all__ = ["EMAIL_EVENTS", "KEY", "UserFactory", "filled_in", "launch"]
