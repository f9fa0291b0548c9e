"""Second factors in Chromium, under the Content-Security-Policy of the product: a passkey and a code."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page
from pytest_django import Settings

from connectors.models import User

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[..., Page]
# Whoever has one workspace lands in it.
START = re.compile(r"//[^/]+/(w/[^/]+/data-export/)?$")


def sign_in(page: Page, user: User) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill("a long enough phrase")
    page.get_by_role("button", name="Sign in", exact=True).click()


def open_guarded(page: Page, path: str) -> None:
    """Pages that change how one signs in ask for the password first."""
    page.goto(path)
    page.wait_for_url("**/reauthenticate/**")
    page.locator("input[type=password]").fill("a long enough phrase")
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"**{path}")


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")


def test_a_passkey_is_added_and_signs_in(open_as: Open, admin: User) -> None:
    page = open_as(None)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    key = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page, admin)
    page.wait_for_url(START)
    open_guarded(page, "/accounts/2fa/webauthn/add/")
    page.get_by_label("Sign in with it alone").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/recovery-codes/**")
    assert Authenticator.objects.filter(user=admin, type="webauthn").count() == 1
    page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/accounts/2fa/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/accounts/2fa/")
    page.get_by_text("1 passkey", exact=True).wait_for()
    devtools.send(
        "WebAuthn.setUserVerified", {"authenticatorId": key["authenticatorId"], "isUserVerified": False}
    )
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Sign in with it alone").check()
    page.get_by_role("button", name="Add").click()
    page.get_by_text("The passkey was not accepted, or you cancelled.").wait_for()
    devtools.send(
        "WebAuthn.setUserVerified", {"authenticatorId": key["authenticatorId"], "isUserVerified": True}
    )
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(START)
    page.goto("/w/harbour/settings/members/")
    page.get_by_role("heading", name="Members").wait_for()


def code(secret: str) -> str:
    value: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    return value


def test_a_code_is_asked_for_once_it_is_set_up(open_as: Open, admin: User, settings: Settings) -> None:
    # A code is for its half minute only, which may end on the way.
    settings.MFA_TOTP_TOLERANCE = 1
    page = open_as(None)
    sign_in(page, admin)
    page.wait_for_url(START)
    open_guarded(page, "/accounts/2fa/totp/activate/")
    secret = page.locator("#authenticator_secret").input_value()
    page.locator("input[name=code]").fill(code(secret))
    page.get_by_role("button", name="Turn on").click()
    page.wait_for_url("**/recovery-codes/**")
    stored = Authenticator.objects.get(user=admin, type="totp").data["secret"]
    assert secret not in stored, "the secret is sealed in the database"
    Authenticator.objects.filter(user=admin, type="totp").update(last_used_at=None)
    sign_out(page)
    sign_in(page, admin)
    page.wait_for_url("**/2fa/authenticate/**")
    page.locator("input[name=code]").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("That code is wrong.").wait_for()
