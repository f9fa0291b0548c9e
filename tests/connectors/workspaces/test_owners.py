"""Owners: they make each other owners in the browser, nobody else does, and the last one stays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client

from connectors.audit.actor import By
from connectors.models import AuditEntry, User, Workspace
from connectors.workspaces import invitations, owners
from tests.support.factories import UserFactory

pytestmark = pytest.mark.django_db
PAGE = "/workspaces/owners/"
As = Callable[[str], Client]


@pytest.fixture
def owner(as_: As, people: dict[str, User]) -> Client:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    return as_("admin")


def marked(user: User) -> bool:
    return User.objects.get(pk=user.pk).is_owner


def text(client: Client, page: str = PAGE) -> str:
    return client.get(page).content.decode()


def test_an_owner_makes_another_who_may_the_same(owner: Client, as_: As, people: dict[str, User]) -> None:
    viewer = people["viewer"]
    answer = owner.post(PAGE, {"email": f" {viewer.email.upper()} "})
    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    page = text(as_("viewer"))
    assert viewer.email.partition("@")[0] in page
    assert as_("viewer").post(f"{PAGE}{people['admin'].pk}/remove/")["Location"] == PAGE
    assert owner.get(PAGE).status_code == 403


def test_who_is_no_owner_is_told_who_may_and_changes_nothing(
    owner: Client, as_: As, people: dict[str, User]
) -> None:
    for who in ("viewer", "marketer", "stranger"):
        refused = as_(who).post(PAGE, {"email": people[who].email})
        assert refused.status_code == 403
        assert "Only owners of this installation may do this" in refused.content.decode()
        assert as_(who).post(f"{PAGE}{people['admin'].pk}/remove/").status_code == 403
        assert not marked(people[who])
    assert marked(people["admin"])


def test_an_unknown_address_is_told_what_to_do_first(owner: Client) -> None:
    answer = owner.post(PAGE, {"email": "new@example.com"})
    assert answer.status_code == 422
    assert "new@example.com has no account yet. Invite them to a workspace first." in answer.content.decode()
    assert 'value="new@example.com"' in answer.content.decode(), "what was typed stays"


def test_who_has_not_come_in_yet_is_no_owner_yet(owner: Client, workspace: Workspace) -> None:
    User.objects.create_user("made@example.com")
    invitations.invite(workspace, "asked@example.com", "viewer", None, By(None))
    for email in ("made@example.com", "asked@example.com"):
        answer = owner.post(PAGE, {"email": email})
        assert answer.status_code == 422
        assert f"{email} has been invited but has not signed in yet." in answer.content.decode()
    assert owners.standing().count() == 1


def test_a_closed_account_becomes_no_owner(owner: Client, people: dict[str, User]) -> None:
    User.objects.filter(pk=people["viewer"].pk).update(is_active=False)
    answer = owner.post(PAGE, {"email": people["viewer"].email})
    assert "is closed" in answer.content.decode()
    assert not marked(people["viewer"])


def test_the_last_owner_stays(owner: Client, people: dict[str, User]) -> None:
    assert 'aria-disabled="true"' in text(owner)
    UserFactory.create(is_owner=True, is_active=False)
    answer = owner.post(f"{PAGE}{people['admin'].pk}/remove/")
    assert answer.status_code == 409
    assert "Make somebody else one first" in answer.content.decode()
    assert marked(people["admin"])


def test_an_owner_who_goes_is_sent_where_they_still_may_be(owner: Client, people: dict[str, User]) -> None:
    UserFactory.create(is_owner=True)
    assert "Stop being an owner?" in text(owner, f"{PAGE}{people['admin'].pk}/remove/")
    assert owner.post(f"{PAGE}{people['admin'].pk}/remove/")["Location"] == "/"
    assert not marked(people["admin"])


def test_only_owners_can_be_removed_as_owners(owner: Client, people: dict[str, User]) -> None:
    assert owner.post(f"{PAGE}{people['viewer'].pk}/remove/").status_code == 404


def test_who_made_whom_an_owner_when_is_kept_and_shown_to_owners_only(
    owner: Client, as_: As, people: dict[str, User]
) -> None:
    owner.post(PAGE, {"email": people["viewer"].email}, REMOTE_ADDR="192.0.2.9")
    owner.post(PAGE, {"email": people["viewer"].email})
    owner.post(f"{PAGE}{people['viewer'].pk}/remove/")
    kept = AuditEntry.objects.filter(action__startswith="owner.").order_by("pk")
    assert [(entry.action, entry.actor, entry.target) for entry in kept] == [
        ("owner.added", people["admin"], people["viewer"].email),
        ("owner.removed", people["admin"], people["viewer"].email),
    ]
    assert kept[0].address == "192.0.2.9"
    for page in (PAGE, "/workspaces/audit/"):
        assert "<b>Made an owner</b>" in text(owner, page)
        assert "<b>No longer an owner</b>" in text(owner, page)
    assert "Made an owner</b>" not in text(owner, "/w/harbour/settings/audit/")


def test_the_workspaces_page_leads_owners_there(owner: Client, as_: As) -> None:
    assert f'href="{PAGE}"' in text(owner, "/workspaces/")
    assert PAGE not in text(as_("viewer"), "/")


def waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_remove_each_other_at_once_one_stays() -> None:
    one, two = UserFactory.create(is_owner=True), UserFactory.create(is_owner=True)
    refused: list[str] = []

    def remove(user: User, by: User) -> None:
        try:
            owners.remove(user, By(by))
        except owners.OwnerRefused as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=remove, args=pair) for pair in ((one, two), (two, one), (one, one))]
    with transaction.atomic():
        list(User.objects.select_for_update().order_by("pk"))
        for thread in threads:
            thread.start()
        until = time.monotonic() + 20
        while waiting_for_a_lock() < len(threads):
            assert time.monotonic() < until, "all wait at the same door"
    for thread in threads:
        thread.join(20)
    assert owners.standing().count() == 1
    assert refused
