"""A session is worth what it was made with, for a limited time; a change of how one signs in ends the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, TOTP, generate_totp_secret, hotp_value
from django.core import mail
from django.test import Client

from connectors.models import User, Workspace
from connectors.sign_in import second_factors
from tests.support.people import confirm

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
PASSWORD = "a long enough phrase"
PAGE = "/w/harbour/data-export/"


def signed_in(user: User) -> Client:
    client = Client()
    assert client.post("/accounts/login/", {"login": user.email, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def code(secret: str) -> str:
    value: str = totp.format_hotp_value(hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))
    return value


def set_up(client: Client) -> str:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.get("/accounts/2fa/totp/activate/")
    secret = str(client.session[SECRET_SESSION_KEY])
    assert client.post("/accounts/2fa/totp/activate/", {"code": code(secret)}).status_code == 302
    return secret


@pytest.mark.django_db(transaction=True)
def test_a_factor_set_up_elsewhere_makes_no_other_session_better(people: dict[str, User]) -> None:
    user = people["marketer"]
    stolen, own = signed_in(user), signed_in(user)
    Workspace.objects.update(require_second_factor=True)
    assert stolen.get(PAGE).status_code == 403
    set_up(own)
    assert own.get(PAGE).status_code == 200, "who set it up has shown that they hold it"
    assert not is_in(stolen)
    told = [letter for letter in mail.outbox if letter.to == [user.email]]
    assert ["A second factor was added" in str(letter.body) for letter in told] == [True]


def test_a_session_without_the_factor_is_told_to_sign_in_with_it(people: dict[str, User]) -> None:
    user = people["marketer"]
    Workspace.objects.update(require_second_factor=True)
    TOTP.activate(user, generate_totp_secret())
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    answer = client.get(PAGE)
    assert (answer.status_code, "signed in without it" in answer.content.decode()) == (403, True)


@pytest.mark.django_db(transaction=True)
def test_removing_a_factor_and_changing_a_password_end_the_others(people: dict[str, User]) -> None:
    user = people["viewer"]
    own = signed_in(user)
    set_up(own)
    other = Client()
    user.refresh_from_db()
    other.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert is_in(other)
    assert own.post("/accounts/2fa/totp/deactivate/").status_code == 302
    assert not is_in(other)
    assert is_in(own)
    other.force_login(
        User.objects.get(pk=user.pk), backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    fresh = {"oldpassword": PASSWORD, "password1": "seven purple tractors sing"}
    assert (
        own.post("/accounts/password/change/", fresh | {"password2": fresh["password1"]}).status_code == 302
    )
    assert is_in(own)
    assert not is_in(other)
    assert "password of your account was changed" in str(mail.outbox[-1].body)


def test_a_factor_removed_by_a_command_ends_every_session(people: dict[str, User]) -> None:
    client = signed_in(people["viewer"])
    Authenticator.objects.create(user=people["viewer"], type=Authenticator.Type.TOTP, data={})
    second_factors.take_away(people["viewer"])
    assert not is_in(client)


@pytest.mark.parametrize(("began", "seen", "stands"), [(13, 11, True), (13, 13, False), (15 * 24, 1, False)])
def test_a_session_ends_unused_or_old(as_: As, began: int, seen: int, stands: bool) -> None:
    client = as_("viewer")
    assert is_in(client)
    session = client.session
    session["began_at"] -= began * 3600
    session["seen_at"] -= seen * 3600
    session.save()
    assert is_in(client) is stands


def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(as_: As) -> None:
    client = as_("viewer")
    client.get(PAGE)
    session = client.session
    session["seen_at"] = before = session["seen_at"] - 3600
    session.save()
    client.get(PAGE, headers={"HX-Request": "true"})
    assert client.session["seen_at"] == before
    client.get(PAGE)
    assert client.session["seen_at"] > before


def test_owners_can_be_required_to_have_a_factor(as_: As, people: dict[str, User], settings: Any) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    settings.OWNERS_NEED_SECOND_FACTOR = True
    client = as_("admin")
    assert client.get("/workspaces/owners/").status_code == 403
    confirm(client, people["admin"])
    assert client.get("/workspaces/owners/").status_code == 200


@pytest.mark.parametrize("weak", ["password1234", "qwertyuiop12", "short", "harbour12345", "aaaaaaaaaaaaaa"])
def test_passwords_others_use_are_refused(people: dict[str, User], weak: str) -> None:
    client = signed_in(people["viewer"])
    typed = {"oldpassword": PASSWORD, "password1": weak, "password2": weak}
    assert client.post("/accounts/password/change/", typed).status_code == 200
    people["viewer"].refresh_from_db()
    assert people["viewer"].check_password(PASSWORD)
