"""Members: invited by mail, let in by their role until their last day, never without an admin."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import AuditEntry, Connector, Invitation, Membership, Role, User, Workspace
from connectors.workspaces import invitations, members
from tests.support.factories import MembershipFactory, UserFactory, WorkspaceFactory
from tests.support.people import confirm

pytestmark = pytest.mark.django_db
PAGE = "/w/harbour/settings/members/"
As = Callable[[str], Client]
CHOSEN = "a phrase nobody guesses"


def invited(admin: Client, **typed: str) -> str:
    """The path of the link in the mail."""
    answer = admin.post(f"{PAGE}invite/", {"email": "New.Person@example.com", "role": "marketer"} | typed)
    assert answer.status_code == 303
    found = re.search(r"https?://[^/\s]+(/invitations/\S+)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def test_an_invited_person_joins_with_name_and_password(as_: As, workspace: Workspace) -> None:
    link = invited(as_("admin"))
    assert mail.outbox[-1].to == ["new.person@example.com"]
    client = Client()
    typed = {"name": "New Person", "password1": CHOSEN, "password2": CHOSEN}
    assert client.post(link, typed)["Location"] == "/w/harbour/data-export/"
    assert client.get("/w/harbour/data-export/").status_code == 200
    assert Membership.objects.get(user__email="new.person@example.com").role == Role.MARKETER
    assert Client().get(link).status_code == 410
    assert Client().post(link, typed).status_code == 410


def test_the_link_is_stored_as_a_hash_only(as_: As) -> None:
    secret = invited(as_("admin")).split("/")[2]
    invitation = Invitation.objects.get()
    assert secret.encode() not in bytes(invitation.hash)
    assert secret not in str([(entry.target, entry.after) for entry in AuditEntry.objects.all()])


@pytest.mark.parametrize(
    "typed", [{"password2": "another phrase"}, {"password1": "12345", "password2": "12345"}, {"name": " "}]
)
def test_a_weak_or_misspelt_password_lets_nobody_in(as_: As, typed: dict[str, str]) -> None:
    link = invited(as_("admin"))
    full = {"name": "New Person", "password1": CHOSEN, "password2": CHOSEN} | typed
    assert Client().post(link, full).status_code == 422
    assert not User.objects.filter(email="new.person@example.com").exists()


def test_somebody_with_an_account_signs_in_and_keeps_their_password(as_: As) -> None:
    known = UserFactory.create(email="new.person@example.com")
    link, client = invited(as_("admin")), Client()
    assert "You already have an account here" in client.get(link).content.decode()
    client.post(link, {"name": "x", "password1": CHOSEN, "password2": CHOSEN})
    assert not Membership.objects.filter(user=known).exists()
    client.force_login(known, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(link)["Location"] == "/w/harbour/data-export/"
    known.refresh_from_db()
    assert known.check_password("a long enough phrase")


def test_a_link_gives_no_password_to_an_account_that_signs_in_elsewhere(as_: As) -> None:
    """At an OpenID Connect provider, for one: such an account has none, and a stolen link must not make one."""
    known = UserFactory.create(email="new.person@example.com", last_login=timezone.now())
    known.set_unusable_password()
    known.save()
    link, client = invited(as_("admin")), Client()
    client.post(link, {"name": "x", "password1": CHOSEN, "password2": CHOSEN})
    assert "You already have an account here" in client.get(link).content.decode()
    known.refresh_from_db()
    assert not known.has_usable_password()


def test_an_invitation_is_for_one_address_only(as_: As) -> None:
    UserFactory.create(email="new.person@example.com")
    link, stranger = invited(as_("admin")), as_("stranger")
    assert "You are signed in as" in stranger.get(link).content.decode()
    assert stranger.post(link).status_code == 422
    assert not Membership.objects.filter(user__email="new.person@example.com").exists()


@pytest.mark.parametrize("act", ["revoke", "again"])
def test_a_withdrawn_or_renewed_invitation_ends_the_old_link(as_: As, act: str) -> None:
    link = invited(as_("admin"))
    as_("admin").post(f"{PAGE}invitations/{Invitation.objects.get().pk}/{act}/")
    assert Client().get(link).status_code == 410
    assert len(mail.outbox) == (2 if act == "again" else 1)


def test_an_invitation_runs_out_after_seven_days(as_: As) -> None:
    link = invited(as_("admin"))
    Invitation.objects.update(expires_at=timezone.now())
    assert Client().get(link).status_code == 410


def test_a_member_is_not_invited_twice(as_: As, people: dict[str, User]) -> None:
    answer = as_("admin").post(f"{PAGE}invite/", {"email": people["viewer"].email.upper(), "role": "admin"})
    assert answer.status_code == 422
    assert Membership.objects.get(user=people["viewer"]).role == Role.VIEWER
    assert mail.outbox == []


def test_an_invitation_that_cannot_be_mailed_stays_and_is_told(as_: As, settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # type: ignore[attr-defined]
    admin = as_("admin")
    admin.post(f"{PAGE}invite/", {"email": "new@example.com", "role": "viewer"})
    assert "did not take the invitation of new@example.com" in admin.get(PAGE).content.decode()
    assert Invitation.objects.filter(email="new@example.com", revoked_at=None).exists()


def membership(workspace: Workspace, user: User) -> Membership:
    return Membership.objects.get(workspace=workspace, user=user)


def test_a_changed_role_holds_from_the_next_click_on(
    as_: As, workspace: Workspace, people: dict[str, User], connector: Connector
) -> None:
    pk, marketer = membership(workspace, people["marketer"]).pk, as_("marketer")
    page = f"/w/harbour/data-export/{connector.pk}/edit/"
    assert marketer.get(page).status_code == 200
    assert as_("admin").post(f"{PAGE}{pk}/", {"role": "viewer"}).status_code == 303
    assert marketer.get(page).status_code == 403
    assert as_("admin").post(f"{PAGE}{pk}/remove/").status_code == 303
    assert marketer.get(page).status_code == 404
    assert "Harbour" not in marketer.get("/").content.decode()
    told = AuditEntry.objects.filter(target=people["marketer"].email, action__startswith="member.")
    assert [entry.action for entry in told.order_by("pk")] == ["member.changed", "member.removed"]


def test_after_the_last_day_the_door_is_closed(
    as_: As, workspace: Workspace, people: dict[str, User]
) -> None:
    row, today = membership(workspace, people["viewer"]), timezone.localdate()
    as_("admin").post(f"{PAGE}{row.pk}/", {"role": "viewer", "last_day": today.isoformat()})
    assert as_("viewer").get("/w/harbour/data-export/").status_code == 200
    Membership.objects.filter(pk=row.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert as_("viewer").get("/w/harbour/data-export/").status_code == 404
    assert "Harbour" not in as_("viewer").get("/").content.decode()
    assert "Ended" in as_("admin").get(PAGE).content.decode()


def test_a_last_day_in_the_past_is_refused(as_: As, workspace: Workspace, people: dict[str, User]) -> None:
    row = membership(workspace, people["viewer"])
    assert (
        as_("admin").post(f"{PAGE}{row.pk}/", {"role": "viewer", "last_day": "2020-01-01"}).status_code == 422
    )


@pytest.mark.parametrize("act", ["remove/", ""])
def test_the_last_admin_stays(as_: As, workspace: Workspace, people: dict[str, User], act: str) -> None:
    row = membership(workspace, people["admin"])
    for typed in ({"role": "viewer"}, {"role": "admin", "last_day": timezone.localdate().isoformat()}):
        answer = as_("admin").post(f"{PAGE}{row.pk}/{act}", typed)
        assert answer.status_code == 409
        assert "needs an admin" in answer.content.decode()
    row.refresh_from_db()
    assert (row.role, row.ends_at) == (Role.ADMIN, None)
    MembershipFactory.create(workspace=workspace, role=Role.ADMIN)
    assert as_("admin").post(f"{PAGE}{row.pk}/{act}", {"role": "viewer"}).status_code == 303


def test_a_member_of_another_workspace_is_not_found(as_: As) -> None:
    elsewhere = MembershipFactory.create()
    for act in ("", "remove/"):
        assert as_("admin").post(f"{PAGE}{elsewhere.pk}/{act}", {"role": "viewer"}).status_code == 404


def factor(user: User) -> None:
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={})


def test_a_required_second_factor_keeps_out_who_has_none(as_: As, people: dict[str, User]) -> None:
    admin = as_("admin")
    admin.post(f"{PAGE}second-factor/", {"required": "1"})
    assert admin.get(PAGE).status_code == 200, "nobody locks themself out"
    factor(people["admin"])
    admin.post(f"{PAGE}second-factor/", {"required": "1"})
    assert not Workspace.objects.get(slug="harbour").require_second_factor, (
        "nor with a session made without it"
    )
    confirm(admin, people["admin"])
    admin.post(f"{PAGE}second-factor/", {"required": "1"})
    assert admin.get(PAGE).status_code == 200
    viewer = as_("viewer")
    refused = viewer.get("/w/harbour/data-export/")
    assert refused.status_code == 403
    assert "A second factor is needed" in refused.content.decode()
    factor(people["viewer"])
    told = viewer.get("/w/harbour/data-export/")
    assert (told.status_code, "signed in without it" in told.content.decode()) == (403, True)
    confirm(viewer, people["viewer"])
    assert viewer.get("/w/harbour/data-export/").status_code == 200


def test_without_the_factor_the_start_page_tells_nothing_of_that_workspace(
    as_: As, workspace: Workspace, connector: Connector
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(require_second_factor=True)
    assert connector.name not in as_("viewer").get("/").content.decode()


def test_an_old_letter_does_not_change_back_what_was_changed_since(
    workspace: Workspace, people: dict[str, User]
) -> None:
    admin, by = people["admin"], By(None)
    membership = Membership.objects.get(workspace=workspace, user=admin)
    Membership.objects.create(workspace=workspace, user=people["stranger"], role=Role.ADMIN)
    for change in (
        lambda: members.change(membership, role="viewer", ends_at=None, by=by),
        lambda: members.remove(membership, by),
    ):
        Invitation.objects.create(
            workspace=workspace,
            email=admin.email,
            role="marketer",
            hash=secrets.token_bytes(32),
            expires_at=timezone.now() + timedelta(days=1),
        )
        change()
        assert not invitations.open_ones(workspace).exists()


def test_an_invitation_does_not_leave_a_workspace_without_an_admin(
    workspace: Workspace, people: dict[str, User]
) -> None:
    letter = Invitation.objects.create(
        workspace=workspace,
        email=people["admin"].email,
        role="viewer",
        hash=secrets.token_bytes(32),
        expires_at=timezone.now() + timedelta(days=1),
    )
    with pytest.raises(invitations.InvitationRefused, match="needs an admin"):
        invitations.accept(letter, people["admin"], None)
    assert Membership.objects.get(workspace=workspace, user=people["admin"]).role == Role.ADMIN


def test_nobody_joins_an_archived_workspace() -> None:
    workspace = WorkspaceFactory.create()
    _invitation, link = invitations.invite(workspace, "new@example.com", "viewer", None, By(None))
    Workspace.objects.update(archived_at=timezone.now())
    assert Client().get("/" + link.split("/", 3)[3]).status_code == 410
