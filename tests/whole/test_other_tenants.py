"""What belongs to another workspace is not there, however it is asked for; a token opens what its scope names."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import Connector, Invitation, Membership, Scope, User, Workspace
from connectors.workspaces import tokens
from exporter.api import bearer
from exporter.models import Replay, Source, Upload
from tests.support import factories
from tests.support.people import launch
from tests.whole.test_urls_table import METHODS, NOT_ALLOWED, ROUTES

pytestmark = pytest.mark.django_db
# One number for everything of theirs, so that an address with numbers of any kind names something that exists.
THEIRS = 987_654
ACTS = ("start", "cancel", "pause", "resume", "remove", "retry", "revoke", "again")
IN_A_WORKSPACE = {
    name: route for name, route in ROUTES.items() if "<slug:slug>" in route and "<int:" in route
}


@pytest.fixture
def theirs(people: dict[str, User]) -> list[Any]:
    """One of each kind of thing that an address names by its number."""
    workspace = Membership.objects.get(user=people["stranger"]).workspace
    connector = factories.ConnectorFactory.create(pk=THEIRS, workspace=workspace)
    delivery = factories.DeliveryFactory.create(pk=THEIRS, connector=connector, workspace=workspace)
    now = timezone.now()
    return [
        connector,
        delivery,
        factories.AttemptFactory.create(pk=THEIRS, delivery=delivery),
        factories.MembershipFactory.create(pk=THEIRS, workspace=workspace),
        factories.IntakeTokenFactory.create(pk=THEIRS, workspace=workspace),
        Invitation.objects.create(
            pk=THEIRS,
            workspace=workspace,
            email="invited@example.com",
            role="viewer",
            hash=b"h" * 32,
            expires_at=now + timedelta(days=1),
        ),
        Upload.objects.create(pk=THEIRS, workspace=workspace, name="theirs.avro", size=1),
        Source.objects.create(pk=THEIRS, workspace=workspace, url="s3://theirs", begin="now"),
        Replay.objects.create(
            pk=THEIRS,
            connector=connector,
            delivery=delivery,
            since=now,
            until=now,
            outcomes=["expired"],
            events=1,
            created_at=now,
        ),
    ]


def filled(route: str, own: int, act: str) -> str:
    """The address with numbers of theirs; the first, if there is another behind it, is a connector of one's own."""
    numbers = re.findall(r"<int:\w+>", route)
    first = own if len(numbers) > 1 else THEIRS
    route = route.replace("<slug:slug>", "harbour").replace("<slug:act>", act)
    for place, number in enumerate(numbers):
        route = route.replace(number, str(THEIRS if place else first), 1)
    return "/" + re.sub(r"<\w+:(\w+)>", "x", route)


@pytest.mark.parametrize("name", IN_A_WORKSPACE)
def test_what_is_theirs_is_not_found_through_ones_own_workspace(
    name: str, as_: Callable[[str], Client], connector: Connector, theirs: list[Any]
) -> None:
    route, admin = IN_A_WORKSPACE[name], as_("admin")
    for act in ACTS if "<slug:act>" in route else ("",):
        path = filled(route, connector.pk, act)
        answers = {method: admin.generic(method, path).status_code for method in METHODS}
        assert set(answers.values()) <= {404, NOT_ALLOWED}, path
        assert 404 in answers.values(), path
    for one in theirs:
        before = {field.attname: getattr(one, field.attname) for field in one._meta.concrete_fields}
        one.refresh_from_db()
        assert before == {field.attname: getattr(one, field.attname) for field in one._meta.concrete_fields}


NEEDED = {
    ("GET", "/api/v1/connectors"): Scope.READ,
    ("GET", "/api/v1/connectors/{}/status"): Scope.READ,
    ("GET", "/api/v1/sources"): Scope.READ,
    ("GET", "/api/v1/connectors/{}/replays"): Scope.READ,
    ("POST", "/api/v1/connectors/{}/replays"): Scope.WRITE,
    ("GET", "/api/v1/connectors/{}/replays/1"): Scope.READ,
    ("POST", "/api/v1/connectors/{}/replays/1/pause"): Scope.WRITE,
    ("POST", "/api/v1/connectors/{}/replays/1/cancel"): Scope.WRITE,
    ("POST", "/api/v1/events"): Scope.INTAKE,
    ("POST", "/api/v1/events/"): Scope.INTAKE,
}


@pytest.mark.parametrize(("method", "address"), NEEDED)
def test_a_token_opens_what_its_scope_names_and_nothing_else(
    method: str, address: str, workspace: Workspace
) -> None:
    bearer.forget()
    path = address.format(launch(workspace).pk)
    for scope in Scope:
        _token, plain = tokens.create(workspace, scope.value, [scope.value], By(None))
        answer = Client().generic(method, path, headers={"Authorization": f"Bearer {plain}"})
        assert (answer.status_code != 403) is (scope == NEEDED[method, address]), scope
        assert answer.status_code not in (401, 500)


def test_every_address_for_tokens_is_told_of_here() -> None:
    """But for those that anybody may read."""
    told = {re.sub(r"\{\}|\b1\b|pause|cancel", "*", address) for _method, address in NEEDED}
    there = {
        "/" + re.sub(r"<[^>]+>", "*", route)
        for route in ROUTES.values()
        if route.startswith("api/") and "openapi" not in route
    }
    assert told == there
