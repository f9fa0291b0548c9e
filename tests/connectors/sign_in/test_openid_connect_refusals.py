"""What an OpenID Connect provider, or somebody who pretends to be one, cannot do."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.connectors.sign_in.test_openid_connect import (
    PASSWORD,
    admin,
    claims,
    database,
    house,
    invite,
    provider,
    refusals,
    site,
)
from tests.support.openid_provider import Provider
from tests.support.openid_site import Browser, Site

__all__ = ["admin", "database", "house", "provider", "site"]


@pytest.mark.parametrize(
    "bent",
    [
        {"iss": "http://127.0.0.1:1"},
        {"aud": "another-client"},
        {"exp": 1_000_000_000},
        {"sub": "somebody else"},
    ],
    ids=lambda bent: str(next(iter(bent))),
)
def test_a_token_of_another_issuer_client_time_or_person_signs_nobody_in(
    site: Site, admin: Browser, provider: Provider, bent: dict[str, Any]
) -> None:
    provider.person, provider.bent = claims("maya@example.com"), bent
    before = len(refusals(site))
    browser = Browser(site)
    answer = browser.press()
    assert answer.status_code in (401, 403)
    assert "the sign-in page" in answer.text
    assert not browser.signed_in
    assert len(refusals(site)) == before + 1


@pytest.mark.parametrize("how", ["none", "shared secret", "another key", "no key named"])
def test_a_token_that_is_not_signed_by_the_provider_signs_nobody_in(
    site: Site, admin: Browser, provider: Provider, how: str
) -> None:
    provider.person, provider.forged = claims("maya@example.com"), how
    browser = Browser(site)
    assert browser.press().status_code in (401, 403)
    assert not browser.signed_in


@pytest.mark.parametrize("nonce", ["", "made for somebody else"])
def test_a_token_made_for_another_sign_in_signs_nobody_in(
    site: Site, admin: Browser, provider: Provider, nonce: str
) -> None:
    provider.person, provider.bent = claims("maya@example.com"), {"nonce": nonce}
    browser = Browser(site)
    assert browser.press().status_code in (401, 403)
    assert not browser.signed_in


def test_an_answer_nobody_asked_for_signs_nobody_in(site: Site, admin: Browser, provider: Provider) -> None:
    provider.person = claims("maya@example.com")
    back = Browser(site).sent_back()
    victim = Browser(site)
    victim.get("/accounts/login/")
    assert victim.session.get(back, timeout=20).status_code == 401
    assert not victim.signed_in
    forged = (
        back.partition("?")[0] + "?" + urlencode(dict(parse_qsl(urlsplit(back).query)) | {"state": "forged"})
    )
    assert victim.session.get(forged, timeout=20).status_code == 401
    assert not victim.signed_in


def test_a_code_of_somebody_else_is_worth_nothing(site: Site, admin: Browser, provider: Provider) -> None:
    """Slipped into a sign-in of one's own: the provider asks for the proof that belongs to the code (PKCE)."""
    provider.person = claims("maya@example.com")
    stolen = dict(parse_qsl(urlsplit(Browser(site).sent_back()).query))["code"]
    thief = Browser(site)
    back = thief.sent_back()
    own = dict(parse_qsl(urlsplit(back).query))
    answer = thief.session.get(f"{back.partition('?')[0]}?{urlencode(own | {'code': stolen})}", timeout=20)
    assert answer.status_code == 401
    assert not thief.signed_in


def test_a_second_factor_set_up_here_is_asked_for_as_well(
    site: Site, admin: Browser, provider: Provider
) -> None:
    invite(admin, "careful@example.com")
    provider.person = claims("careful@example.com")
    browser = Browser(site)
    browser.press()
    address = f"{site.url}/accounts/2fa/totp/activate/"
    page = browser.get("/accounts/2fa/totp/activate/").text
    secret = re.search(r'id="authenticator_secret"\s+value="(\w+)"', page)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert secret is not None
    assert token is not None
    form = {"csrfmiddlewaretoken": token[1]}
    told, period, now = "", 0, int(time.time()) // 30
    # A code is for its half minute only, which may end on the way.
    while "Is it you?" not in told and period != now:
        period = now
        code = format_hotp_value(hotp_value(secret[1], period))
        told = browser.session.post(address, form | {"code": code}, timeout=20).text
        now = int(time.time()) // 30
    assert "Is it you?" in told
    other = Browser(site)
    assert "Code from your authenticator app" in other.press().text
    assert not other.signed_in


@pytest.mark.parametrize("onward", ["https://elsewhere.example/", "//elsewhere.example/", "/workspaces/"])
def test_a_sign_in_leads_to_pages_of_our_own_only(
    site: Site, admin: Browser, provider: Provider, onward: str
) -> None:
    provider.person = claims("maya@example.com")
    answer = Browser(site).post(f"/accounts/oidc/oidc/login/?process=login&next={quote(onward)}")
    assert answer.url == site.url + (onward if onward.startswith("/w") else "/")


def test_a_link_does_not_change_what_the_provider_is_asked(site: Site, provider: Provider) -> None:
    more = urlencode({"scope": "admin", "auth_params": "prompt=none&client_id=another"})
    answer = Browser(site).post(f"/accounts/oidc/oidc/login/?process=login&{more}", follow=False)
    asked = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}
    assert asked["client_id"] == provider.client_id
    assert "prompt" not in asked


def test_refusals_do_not_fill_the_audit_log(site: Site) -> None:
    before, flood = len(refusals(site)), Browser(site)
    answers = [flood.get("/accounts/oidc/oidc/login/callback/?error=made-up") for _ in range(65)]
    assert answers[-1].status_code == 429
    assert "Too many tries" in answers[-1].text
    assert len(refusals(site)) - before == 60


def test_starts_are_limited_apart_from_the_way_back(site: Site, provider: Provider) -> None:
    flood, start = Browser(site), "/accounts/oidc/oidc/login/?process=login"
    answers = [flood.post(start, follow=False) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [302] * 60 + [429]
    assert "Too many tries" in answers[-1].text
    assert flood.get("/accounts/oidc/oidc/login/callback/?error=made-up").status_code != 429


def test_who_changes_their_mind_is_told_so(site: Site, provider: Provider) -> None:
    provider.cancels = True
    assert "You are not signed in." in Browser(site).press().text


def test_a_provider_that_is_down_is_told_and_the_password_still_works(
    site: Site, admin: Browser, provider: Provider
) -> None:
    provider.broken = True
    answer = Browser(site).press()
    assert answer.status_code == 503
    assert "Sign in with your password" in answer.text
    provider.broken = False
    browser = Browser(site)
    back = browser.sent_back()
    provider.broken = True
    assert browser.session.get(back, timeout=20).status_code == 503
    browser.post("/accounts/login/", login="maya@example.com", password=PASSWORD)
    assert browser.signed_in


@pytest.mark.parametrize("process", ["connect", "redirect"])
def test_nobody_adds_an_identity_to_an_account(
    site: Site, admin: Browser, provider: Provider, process: str
) -> None:
    provider.person = claims("second@example.com")
    answer = admin.post(f"/accounts/oidc/oidc/login/?process={process}")
    assert answer.status_code == 403
    assert "only works on the sign-in page" in answer.text
    assert site.rows("SELECT 1 FROM socialaccount_socialaccount WHERE uid LIKE '%%second%%'") == []
