"""Signing in at an OpenID Connect provider, from end to end: real sockets, and the product configured by its
environment, on a database of its own because its tables exist only where a provider is set."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql

from tests.support.openid_provider import Provider, running_provider
from tests.support.openid_site import NAME, Browser, Site, started
from tests.support.serving import database_url, free_port

PASSWORD = "a phrase nobody guesses"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """An empty database beside the tests'."""
    name = f"currents_openid_{os.getpid()}"
    with psycopg.connect(database_url("postgres"), autocommit=True) as line:
        line.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield database_url(name)
        finally:
            line.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def house() -> Iterator[Provider]:
    with running_provider() as provider:
        yield provider


@pytest.fixture
def provider(house: Provider) -> Iterator[Provider]:
    """The provider, unbent again after each test."""
    yield house
    house.person, house.bent, house.userinfo = {}, {}, {}
    house.broken = house.cancels = False
    house.forged = ""


@pytest.fixture(scope="module")
def site(database: str, house: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("openid"), free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DATABASE_URL": database,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "WRITE_KEY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": url,
        "PORT": str(port),
        "EMAIL_URL": f"file://{folder / 'mail'}",
        "LOG_LEVEL": "DEBUG",
        "CURRENTS_TRUSTED_PROXIES": "1",
        "CURRENTS_OIDC_URL": f"{house.url}/",
        "CURRENTS_OIDC_CLIENT_ID": house.client_id,
        "CURRENTS_OIDC_CLIENT_SECRET": house.client_secret,
        "CURRENTS_OIDC_NAME": NAME,
    }
    made = Site(url, folder / "log", folder / "mail", database, environment)
    made.command("prepare")
    process = started(made, port)
    try:
        yield made
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def admin(site: Site) -> Browser:
    """The first admin, who joined with a password."""
    told = site.command(
        "create_workspace", "--slug", "harbour", "--name", "Harbour", "--admin", "maya@example.com"
    )
    link = re.search(r"/invitations/\S+", told)
    assert link is not None
    browser = Browser(site)
    browser.post(link[0], name="Maya Okafor", password1=PASSWORD, password2=PASSWORD)
    assert browser.signed_in
    return browser


def claims(email: str, **more: Any) -> dict[str, Any]:
    return {"sub": f"id-of-{email}", "email": email, "email_verified": True, "name": "Jonas Lindqvist"} | more


def invite(admin: Browser, email: str, role: str = "viewer") -> None:
    answer = admin.post("/w/harbour/settings/members/invite/", email=email, role=role, last_day="")
    assert answer.status_code == 200


def refusals(site: Site) -> list[str]:
    found = site.rows("SELECT target FROM connectors_auditentry WHERE action = 'sign_in.refused' ORDER BY id")
    return [target for (target,) in found]


def test_an_invited_person_comes_in_and_is_a_member_at_once(
    site: Site, admin: Browser, provider: Provider
) -> None:
    invite(admin, "jonas@example.com", "marketer")
    provider.person = claims("Jonas@Example.com")
    for browser in (Browser(site), Browser(site)):
        assert browser.press().status_code == 200
        assert browser.signed_in
        assert browser.get("/w/harbour/data-export/new/segment/").status_code == 200
        assert browser.get("/w/harbour/settings/members/").status_code == 403
    people = site.rows(
        "SELECT name, role FROM connectors_user u JOIN connectors_membership m ON m.user_id = u.id "
        "WHERE email = 'jonas@example.com'"
    )
    assert people == [("Jonas Lindqvist", "marketer")]
    told = site.rows(
        "SELECT action FROM connectors_auditentry WHERE actor_email = 'jonas@example.com' ORDER BY id"
    )
    assert told == [("member.joined",), ("sign_in.succeeded",), ("sign_in.succeeded",)]


def test_who_has_a_password_keeps_it(site: Site, admin: Browser, provider: Provider) -> None:
    provider.person = claims("maya@example.com")
    browser = Browser(site)
    browser.press()
    assert browser.get("/w/harbour/settings/members/").status_code == 200
    assert admin.signed_in, "other sessions go on"
    other = Browser(site)
    other.post("/accounts/login/", login="maya@example.com", password=PASSWORD)
    assert other.signed_in


def test_once_bound_the_identity_counts_and_not_the_address(
    site: Site, admin: Browser, provider: Provider
) -> None:
    invite(admin, "anna@example.com")
    provider.person = claims("anna@example.com")
    assert Browser(site).press().status_code == 200
    provider.person = claims("anna@example.com") | {"email": "maya@example.com"}
    browser = Browser(site)
    browser.press()
    assert browser.get("/w/harbour/settings/members/").status_code == 403, "still Anna, a viewer"


def test_another_identity_with_the_same_address_is_refused_in_plain_words(
    site: Site, admin: Browser, provider: Provider
) -> None:
    """A provider may give the address of somebody who left to somebody new."""
    invite(admin, "sales@example.com")
    provider.person = claims("sales@example.com")
    assert Browser(site).press().status_code == 200
    provider.person = claims("sales@example.com", sub="somebody new")
    browser, before = Browser(site), len(refusals(site))
    answer = browser.press()
    assert answer.status_code == 403
    assert "sales@example.com signs in here with another identity of the provider." in answer.text
    assert not browser.signed_in
    assert site.rows("SELECT 1 FROM socialaccount_socialaccount WHERE uid = 'somebody new'") == []
    assert refusals(site)[before:] == ["sales@example.com"]
    provider.person = claims("sales@example.com")
    assert Browser(site).press().status_code == 200


def test_who_has_an_account_accepts_an_invitation_by_its_link_only(
    site: Site, admin: Browser, provider: Provider
) -> None:
    site.command("create_workspace", "--slug", "quay", "--name", "Quay", "--admin", "quinn@example.com")
    invite(admin, "quinn@example.com")
    provider.person = claims("quinn@example.com")
    browser = Browser(site)
    browser.press()
    assert browser.get("/w/quay/data-export/").status_code == 200
    assert browser.get("/w/harbour/data-export/").status_code == 404
    browser.post(site.mailed_link("quinn@example.com"))
    assert browser.get("/w/harbour/data-export/").status_code == 200
    told = site.command(
        "create_workspace", "--slug", "pier", "--name", "Pier", "--admin", "quinn@example.com"
    )
    assert "quinn@example.com signs in here:" in told


def test_somebody_nobody_invited_is_refused_in_plain_words(
    site: Site, admin: Browser, provider: Provider
) -> None:
    provider.person = claims("stranger@example.com")
    browser = Browser(site)
    answer = browser.press()
    assert answer.status_code == 403
    assert "stranger@example.com has no account here. Ask an admin of a workspace to invite" in answer.text
    assert not browser.signed_in
    assert site.rows("SELECT 1 FROM connectors_user WHERE email LIKE 'stranger%%'") == []
    assert refusals(site)[-1] == "stranger@example.com"


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_an_invitation_that_ended_lets_nobody_in(
    site: Site, admin: Browser, provider: Provider, ended: str
) -> None:
    email = f"{ended}@example.com"
    invite(admin, email)
    site.rows(f"UPDATE connectors_invitation SET {ended} = now() WHERE email = %s RETURNING 1", email)
    provider.person = claims(email)
    assert Browser(site).press().status_code == 403
    assert site.rows("SELECT 1 FROM connectors_user WHERE email = %s", email) == []


@pytest.mark.parametrize("verified", [False, "false", "0", None, 1.5])
def test_an_address_the_provider_does_not_vouch_for_opens_no_account(
    site: Site, admin: Browser, provider: Provider, verified: object
) -> None:
    provider.person = claims("maya@example.com", sub="somebody else", email_verified=verified)
    browser = Browser(site)
    answer = browser.press()
    assert answer.status_code == 403
    assert "does not say that your address is verified" in answer.text
    assert "CURRENTS_OIDC_TRUST_EMAIL" in answer.text
    assert not browser.signed_in


def test_a_trusted_providers_address_counts_without_its_word(
    site: Site, admin: Browser, provider: Provider
) -> None:
    """Entra sends no `email_verified`, Authentik sends false."""
    invite(admin, "entra@example.com")
    invite(admin, "authentik@example.com")
    port = free_port()
    trusting = replace(
        site,
        url=f"http://127.0.0.1:{port}",
        log=site.log.with_name("trusting.log"),
        environment=site.environment
        | {
            "CURRENTS_OIDC_TRUST_EMAIL": "1",
            "SITE_URL": f"http://127.0.0.1:{port}",
            "PORT": str(port),
        },
    )
    process = started(trusting, port)
    try:
        for name, more in (("entra", {}), ("authentik", {"email_verified": False})):
            provider.person = {"sub": name, "email": f"{name}@example.com"} | more
            browser = Browser(trusting)
            browser.press()
            assert browser.signed_in, name
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.parametrize("subject", ["nul\x00", "half \ud83d", "x" * 192, "", None, ["a"]])
def test_a_subject_nobody_can_be_told_by_is_refused_in_words(
    site: Site, admin: Browser, provider: Provider, subject: object
) -> None:
    provider.person = claims("maya@example.com", sub=subject)
    # The library that makes id tokens takes texts alone.
    provider.bent = {} if isinstance(subject, str) and subject.isascii() else {"sub": "told by the token"}
    answer = Browser(site).press()
    assert answer.status_code == 403
    assert "does not say clearly who you are" in answer.text


def test_a_name_with_odd_characters_and_a_long_subject_sign_in(
    site: Site, admin: Browser, provider: Provider
) -> None:
    invite(admin, "odd@example.com")
    odd = {"name": "Zoë \x00\ud83d", "nickname": ["\x00", {"\x00": "\udfff"}]}
    provider.person = claims("odd@example.com", sub="s" * 191, **odd)
    browser = Browser(site)
    browser.press()
    assert browser.signed_in
    assert site.rows("SELECT name FROM connectors_user WHERE email = 'odd@example.com'") == [
        ("Zoë \ufffd\ufffd",)
    ]


@pytest.mark.parametrize("path", ["/accounts/oidc/", "/accounts/oidc/join/", "/accounts/3rdparty/"])
def test_there_is_no_page_to_join_by_oneself(site: Site, path: str) -> None:
    answer = Browser(site).get(path)
    assert (answer.status_code, answer.url.partition("?")[0]) in [
        (200, f"{site.url}/accounts/login/"),
        (404, f"{site.url}{path}"),
    ]


def test_no_secret_of_the_sign_in_is_kept(site: Site, admin: Browser, provider: Provider) -> None:
    provider.person = claims("maya@example.com")
    Browser(site).press()
    provider.bent = {"iss": "http://127.0.0.1:1"}
    Browser(site).press()
    log = site.log.read_text()
    dump = "\n".join(
        str(row)
        for table in ("socialaccount_socialaccount", "socialaccount_socialtoken", "connectors_auditentry")
        for row in site.rows(f"SELECT * FROM {table}")
    )
    assert provider.client_secret not in log + dump
    assert len(provider.handed_out) > 6
    assert [kept for kept in provider.handed_out if kept in log + dump] == []
