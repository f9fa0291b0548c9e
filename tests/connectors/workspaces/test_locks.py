"""What people do to a workspace at the same time comes one after the other, in whatever order; nobody is shown a fault
for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client

from connectors.audit.actor import By
from connectors.models import Membership, Role, User, Workspace
from connectors.workspaces import invitations, members, tokens, workspaces
from connectors.workspaces.archived import Archived, hold_open
from connectors.workspaces.workspaces import WorkspaceRefused
from tests.support.ageing import wait_for_a_blocked_statement
from tests.support.factories import MembershipFactory, UserFactory, WorkspaceFactory
from tests.support.meanwhile import done_before
from tests.support.people import filled_in
from tests.support.threads import in_future

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[str], Client]
NOBODY = By(None)
PAGE = "/w/harbour/settings/members/"


def test_a_token_is_not_rotated_while_its_workspace_is_archived() -> None:
    workspace = WorkspaceFactory.create()
    token, _plain = tokens.create(workspace, "Braze", ["intake"], NOBODY)
    with transaction.atomic():
        hold_open(workspace)
        rotated = in_future(lambda: tokens.rotate(token, 1, NOBODY))
        wait_for_a_blocked_statement()
        workspaces.archive(workspace, NOBODY)
    with pytest.raises(Archived):
        rotated.result(20)


def test_two_people_join_the_same_workspaces_at_once() -> None:
    """They were invited in different orders; whoever comes by the provider joins all of them at once."""
    first = WorkspaceFactory.create()
    Workspace.objects.bulk_create(Workspace(slug=f"other-{number}", name="Other") for number in range(3_000))
    second = WorkspaceFactory.create()
    for workspace in (first, second):
        MembershipFactory.create(workspace=workspace)
    one, other = UserFactory.create(), UserFactory.create()
    for person, order in ((one, (first, second)), (other, (second, first))):
        for workspace in order:
            invitations.invite(workspace, person.email, Role.VIEWER, None, NOBODY)
    # As in a house of many workspaces: PostgreSQL begins with the invitations, in the order they were made in.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE connectors_workspace, connectors_invitation")

    def join(person: User, workspace: Workspace | None = None) -> None:
        for waiting in invitations.waiting_for(person.email):
            if workspace in (None, waiting.workspace):
                invitations.accept(waiting, person, None)

    def join_all() -> None:
        with transaction.atomic():
            join(other)

    with transaction.atomic():
        join(one, first)
        joined = in_future(join_all)
        wait_for_a_blocked_statement()
        join(one, second)
    joined.result(20)
    assert Membership.objects.filter(user__in=[one, other]).count() == 4


def test_of_two_workspaces_with_one_name_in_addresses_the_second_is_refused() -> None:
    with transaction.atomic():
        workspaces.create("shop", "Shop", "a@example.com", NOBODY)
        made = in_future(lambda: workspaces.create("shop", "Shop", "b@example.com", NOBODY))
        wait_for_a_blocked_statement()
    with pytest.raises(WorkspaceRefused, match="already a workspace “shop”"):
        made.result(20)
    assert Workspace.objects.count() == 1


@pytest.mark.parametrize("act", ["", "remove/"])
def test_a_member_somebody_else_has_just_removed_is_not_found(
    act: str, as_: As, workspace: Workspace, people: dict[str, User]
) -> None:
    member = Membership.objects.get(user=people["viewer"])
    admin = as_("admin")
    with done_before("FOR NO KEY UPDATE", lambda: members.remove(member, NOBODY)):
        assert admin.post(f"{PAGE}{member.pk}/{act}", {"role": "viewer"}).status_code == 404


def test_an_invitation_that_is_accepted_just_now_is_not_sent_again(as_: As, workspace: Workspace) -> None:
    guest, admin = UserFactory.create(), as_("admin")
    made, _link = invitations.invite(workspace, guest.email, Role.VIEWER, None, NOBODY)
    with done_before("FOR NO KEY UPDATE", lambda: invitations.accept(made, guest, None)):
        answer = admin.post(f"{PAGE}invitations/{made.pk}/again/", follow=True)
    assert answer.status_code == 200
    assert f"{guest.email} is already a member." in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("settings/tokens/new/", {"name": "late", "scopes": ["intake"]}),
        ("settings/members/invite/", {"email": "late@example.com", "role": "viewer"}),
        ("data-export/new/segment/", filled_in()),
    ],
)
def test_a_workspace_that_is_archived_just_now_is_not_found(
    path: str, typed: dict[str, object], as_: As, workspace: Workspace
) -> None:
    admin = as_("admin")
    with done_before("FOR NO KEY UPDATE", lambda: workspaces.archive(workspace, NOBODY)):
        assert admin.post(f"/w/harbour/{path}", typed).status_code == 404
