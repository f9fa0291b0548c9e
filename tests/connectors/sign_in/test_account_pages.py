"""The pages of one's own account speak the product's words, and somebody locked out of theirs gets help."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from connectors.models import AuditEntry, User
from tests.whole.test_urls_table import ACCOUNT, ROUTES

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
PASSWORD = "a long enough phrase"
TEMPLATES = settings.BASE_DIR / "templates"
# Scripts and hidden fields only; what it includes is ours.
WITHOUT_WORDS = {"mfa/webauthn/snippets/login_script.html"}

# Asks the passkey itself; the browser's tests go there.
WITH_A_REAL_PASSKEY = {"mfa_reauthenticate_webauthn"}


@pytest.fixture
def person(people: dict[str, User]) -> User:
    """Somebody with an app and recovery codes."""
    viewer = people["viewer"]
    TOTP.activate(viewer, generate_totp_secret())
    RecoveryCodes.activate(viewer)
    return viewer


def paths(pk: int) -> list[str]:
    """Every account page, its number filled in."""
    routes = [
        ROUTES[name] for name in ACCOUNT if "(?P" not in ROUTES[name] and name not in WITH_A_REAL_PASSKEY
    ]
    return [f"/{route.replace('<int:pk>', str(pk))}" for route in routes]


def words_by(client: Client, path: str) -> set[Path]:
    answer = client.get(path)
    return {
        Path(str(template.origin.name))
        for template in answer.templates
        if template.name and str(template.origin.name).endswith((".html", ".txt"))
    }


@pytest.mark.parametrize("equipped", [False, True], ids=["without a factor", "with every factor"])
def test_every_account_page_is_made_of_our_own_templates(
    as_: As, people: dict[str, User], request: pytest.FixtureRequest, equipped: bool
) -> None:
    nobody, member = Client(), as_("viewer")
    if equipped:
        request.getfixturevalue("person")
    member.post("/accounts/reauthenticate/", {"password": PASSWORD})
    seen: set[Path] = set()
    for path in paths(1):
        seen |= words_by(nobody, path) | words_by(member, path)
    if equipped:
        # Enough of one to be listed, renamed and removed.
        data = {"name": "Passkey", "credential": {"clientExtensionResults": {}}}
        passkey = Authenticator.objects.create(user=people["viewer"], type="webauthn", data=data)
        for path in (
            "",
            "webauthn/",
            f"webauthn/keys/{passkey.pk}/edit/",
            f"webauthn/keys/{passkey.pk}/remove/",
        ):
            seen |= words_by(member, f"/accounts/2fa/{path}")
    strange = {path for path in seen if TEMPLATES not in path.parents and "django/forms" not in str(path)}
    assert {str(path) for path in strange if not str(path).endswith(tuple(WITHOUT_WORDS))} == set()
    assert len(seen) > (30 if equipped else 20), sorted(str(path) for path in seen)


def test_the_second_step_of_a_sign_in_is_ours_too(person: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    page = client.get("/accounts/2fa/authenticate/").content.decode()
    assert "The password is correct." in page
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"}).content.decode()
    assert "That code is wrong." in wrong


def test_a_recovery_code_signs_in_once(person: User) -> None:
    codes = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()
    for place in ("first", "again"):
        client = Client()
        client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
        client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert ("_auth_user_id" in client.session) == (place == "first")


def test_who_lost_every_factor_gets_in_again_by_a_command(person: User, workspace: object) -> None:
    out = io.StringIO()
    call_command("remove_second_factor", person.email.upper(), stdout=out)
    assert f"{person.email} can now sign in with the password alone." in out.getvalue()
    client = Client()
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(person.pk)
    told = AuditEntry.objects.get(action="sign_in.factor")
    assert (told.target, told.actor, told.after) == (person.email, None, {"how": "removed by a command"})
    assert told.seen_in, "the admins of their workspaces see it"


def test_the_command_says_where_there_is_nothing_to_remove(people: dict[str, User]) -> None:
    with pytest.raises(CommandError, match=r"Nobody signs in as nobody@example\.com"):
        call_command("remove_second_factor", "nobody@example.com")
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("remove_second_factor", people["viewer"].email)


def test_only_its_owner_sees_recovery_codes(person: User, as_: As) -> None:
    stranger = as_("stranger")
    stranger.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert stranger.get("/accounts/2fa/recovery-codes/").status_code == 404
    later = as_("viewer")
    codes = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()
    page = later.get("/accounts/2fa/recovery-codes/", follow=True).content.decode()
    assert not any(code in page for code in codes), "a session left open shows none"
