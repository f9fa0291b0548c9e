"""What protects the pages themselves: headers, cookies, limits, and nothing inline on any page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError
from django.test import Client

from connectors.models import User
from tests.whole.test_urls_table import ACCOUNT, NOT_ALLOWED, TABLE, paths

__all__ = ["paths"]

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
ROOT = Path(__file__).resolve().parents[2]
# Blocks of JSON are data: browsers run them under no policy.
INLINE = re.compile(
    r"<script(?![^>]*\b(?:src=|type=\"application/json\"))|<style|\sstyle=|\son[a-z]+=", re.IGNORECASE
)


@pytest.mark.parametrize(
    "name", [name for name, row in TABLE.items() if row.get != NOT_ALLOWED] + list(ACCOUNT)
)
def test_no_page_carries_inline_script_or_style(
    name: str, as_: As, paths: dict[str, str], people: dict[str, User]
) -> None:
    User.objects.filter(pk=people["admin"].pk).update(is_owner=True)
    for client in (as_("admin"), as_("nobody")):
        answer = client.get(paths[name])
        if answer.streaming or "html" not in answer.headers.get("Content-Type", ""):
            continue
        page = answer.content.decode()
        assert INLINE.findall(page) == []
        policy = answer["Content-Security-Policy"]
        for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
            assert rule in policy
        assert "unsafe" not in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["X-Content-Type-Options"] == "nosniff"


def production(**more: str) -> dict[str, str]:
    """The settings for production, as the documentation lists them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return (
        kept
        | {
            "DATABASE_URL": "postgresql://currents@127.0.0.1:1/currents",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEY": Fernet.generate_key().decode() * 2,
            "WRITE_KEY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "ALLOWED_HOSTS": "currents.example.com",
            "SITE_URL": "https://currents.example.com",
        }
        | more
    )


def run(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | {"CURRENTS_VAR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


OIDC = {
    "CURRENTS_OIDC_URL": "https://id.example.com/realm",
    "CURRENTS_OIDC_CLIENT_ID": "currents",
    "CURRENTS_OIDC_CLIENT_SECRET": "made up",
}


@pytest.mark.parametrize("more", [{}, OIDC], ids=["plain", "OpenID Connect"])
def test_djangos_own_check_is_silent_in_production(more: dict[str, str], tmp_path: Path) -> None:
    done = run(production(**more), tmp_path, "manage.py", "check", "--deploy", "--fail-level", "INFO")
    # Silenced is the one about browsers' preload lists, which is asked for by CURRENTS_HSTS_PRELOAD.
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (1 silenced).\n")
    done = run(production(CURRENTS_HSTS_PRELOAD="1", **more), tmp_path, "manage.py", "check", "--deploy")
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n")


@pytest.mark.parametrize(
    "url",
    [
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com/Organizations/v2.0/.well-known/openid-configuration",
        "https://login.microsoftonline.us/consumers/v2.0",
        "https://accounts.google.com",
        "https://gitlab.com",
    ],
)
def test_addresses_anybody_can_claim_cannot_be_trusted(url: str, tmp_path: Path) -> None:
    given = OIDC | {"CURRENTS_OIDC_URL": url, "CURRENTS_OIDC_TRUST_EMAIL": "1"}
    done = run(production(**given), tmp_path, "manage.py", "check")
    said = (done.stdout + done.stderr).strip()
    assert done.returncode != 0
    assert len(said.splitlines()) == 1
    assert "CURRENTS_OIDC_TRUST_EMAIL" in said


def test_addresses_of_one_organisation_can_be_trusted(tmp_path: Path) -> None:
    tenant = "https://login.microsoftonline.com/0f8fad5b-d9cb-469f-a165-70867728950e/v2.0"
    given = OIDC | {"CURRENTS_OIDC_URL": tenant, "CURRENTS_OIDC_TRUST_EMAIL": "yes"}
    assert run(production(**given), tmp_path, "manage.py", "check").returncode == 0


@pytest.mark.parametrize("cookie", ["\x00", "a" * 32 + "\x00", "é" * 32, "a" * 5_000, "' OR 1=1 --"])
def test_a_session_cookie_nobody_was_given_is_no_session(cookie: str) -> None:
    client = Client()
    client.cookies["sessionid"] = cookie
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/")


@pytest.mark.parametrize("missing", OIDC)
def test_half_an_openid_provider_is_one_sentence(missing: str, tmp_path: Path) -> None:
    given = {name: value for name, value in OIDC.items() if name != missing}
    done = run(production(**given), tmp_path, "manage.py", "check")
    said = (done.stdout + done.stderr).strip()
    assert done.returncode != 0
    assert len(said.splitlines()) == 1
    assert missing in said


SETTINGS = """
import django; django.setup()
from django.conf import settings as s
print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SECURE_SSL_REDIRECT,
      s.SECURE_HSTS_SECONDS >= 31536000, s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SESSION_COOKIE_SAMESITE)
print("django.contrib.admin" in s.INSTALLED_APPS, s.DEBUG)
"""


def test_behind_https_cookies_are_secure_and_browsers_are_told_to_stay(tmp_path: Path) -> None:
    environment = production(DJANGO_SETTINGS_MODULE="currents_admin.settings", PYTHONPATH=str(ROOT))
    done = run(environment, tmp_path, "-c", SETTINGS)
    assert done.stdout.splitlines() == ["True True True True True True Lax", "False False"], done.stderr


def test_too_many_sign_ins_of_one_client_are_told_in_words(people: dict[str, User]) -> None:
    typed = {"login": people["viewer"].email, "password": "a long enough phrase"}
    answers = [Client().post("/accounts/login/", typed, REMOTE_ADDR="198.51.100.7") for _ in range(61)]
    assert [answer.status_code for answer in answers] == [302] * 60 + [429]
    assert "Wait a minute, then try again." in answers[-1].content.decode()


def test_guessing_passwords_is_slowed_down(people: dict[str, User]) -> None:
    typed = {"login": people["admin"].email, "password": "a guess"}
    for _ in range(6):
        page = Client().post("/accounts/login/", typed).content.decode()
    assert "Too many tries." in page
    right = Client().post("/accounts/login/", typed | {"password": "a long enough phrase"})
    assert right.status_code == 200, "the right password is not let in either until the time is over"


def test_a_form_that_is_too_large_is_refused(as_: As, people: dict[str, User]) -> None:
    client = as_("admin")
    large = client.post("/w/harbour/settings/tokens/new/", {"name": "x" * 1_100_000})
    assert large.status_code == 400
    many = client.post("/w/harbour/settings/tokens/new/", {f"field{n}": "x" for n in range(600)})
    assert many.status_code == 400


def test_forms_from_elsewhere_are_refused(people: dict[str, User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["admin"], backend="allauth.account.auth_backends.AuthenticationBackend")
    refused = client.post("/w/harbour/settings/tokens/new/", {"name": "x", "scopes": ["intake"]})
    assert refused.status_code == 403


def test_what_signed_in_people_see_is_kept_by_no_cache(as_: As, paths: dict[str, str]) -> None:
    client = as_("admin")
    for name in ("workspaces", "data_export", "status", "by_type_download", "members", "mfa_index"):
        assert client.get(paths[name])["Cache-Control"] == "no-store", name
    answer = client.post("/accounts/logout/")
    assert (answer["Clear-Site-Data"], answer["Cache-Control"]) == ('"cache", "storage"', "no-store")


def test_a_viewer_does_not_learn_of_a_person_by_asking_for_them(as_: As, paths: dict[str, str]) -> None:
    by = "?value=customer-1&by="
    for who, answers in {"viewer": (200, 403, 403), "marketer": (200, 200, 200)}.items():
        asked = [as_(who).get(paths["find_event"] + by + kind) for kind in ("event", "external", "user")]
        assert tuple(answer.status_code for answer in asked) == answers


def test_a_database_that_does_not_answer_is_told_in_words(as_: As, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_args: object, **_more: object) -> None:
        raise OperationalError("PostgreSQL does not answer.")

    client = as_("viewer")
    client.raise_request_exception = False
    monkeypatch.setattr("connectors.web.permissions.memberships_of", silent)
    answer = client.get("/w/harbour/data-export/")
    assert answer.status_code == 503, answer.content[:3000]
    assert answer["Retry-After"] == "5"
    assert "The database does not answer" in answer.content.decode()
