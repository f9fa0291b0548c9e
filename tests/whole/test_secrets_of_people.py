"""What opens an account or tells of a person goes through the whole product: links in letters, codes, echoes of a
destination. Each is found where it is handed over, and nowhere else."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import re
import secrets
import stat
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as product
from django.core import mail
from django.test import Client

from connectors.models import AuditEntry, Role, User, Workspace
from currents_admin import local
from exporter.models import Attempt
from tests.connectors.sign_in.test_session_rights import PASSWORD, code, set_up, signed_in
from tests.exporter.views.test_attempts import somebody as somebody_with
from tests.support.delivering import a_line
from tests.support.factories import event
from tests.whole.test_secrets import Watched, broker, dump, forms_of

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[str], Client]


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every line the product logs with LOG_LEVEL=DEBUG, as its own formatter writes it."""
    said: list[str] = []
    form = logging.config.DictConfigurator({"version": 1}).configure_formatter(
        dict(product.LOGGING["formatters"]["line"])
    )

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(form.format(record))

    kept, root = Kept(), logging.getLogger()
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    yield said
    root.removeHandler(kept)
    root.setLevel(before)


def link_in(letter: Any, before: str) -> str:
    """The path of a link that a letter holds."""
    found = re.search(rf"https?://[^/\s]+({before}\S+)", str(letter.body))
    assert found is not None
    return found[1]


def found_in(places: dict[str, str], planted: list[str]) -> list[tuple[str, str]]:
    return [
        (place, secret)
        for secret in planted
        for form in forms_of(secret)
        for place, text in places.items()
        if form in text
    ]


def told_elsewhere(handed_over: str) -> str:
    """All mails but the one that is meant to hold it."""
    return "\n".join(str(letter.message()) for letter in mail.outbox if handed_over not in str(letter.body))


def test_an_invitation_is_in_its_letter_alone(
    as_: As, workspace: Workspace, lines: list[str], settings: Any
) -> None:
    admin, somebody = Watched(as_("admin")), Watched(Client())
    admin("POST", "/w/harbour/settings/members/invite/", {"email": "new@example.com", "role": "viewer"})
    path = link_in(mail.outbox[-1], "/invitations/")
    secret = path.strip("/").rpartition("/")[2]
    somebody("GET", path)
    refused = somebody("POST", path, {"name": "", "password1": "short", "password2": "other"})
    assert refused.status_code == 422
    somebody.client.generic("PUT", path)
    somebody.client.get(path + "x")
    joined = somebody("POST", path, {"name": "New", "password1": PASSWORD, "password2": PASSWORD})
    assert joined.status_code == 302
    assert somebody("GET", path).status_code == 410
    admin("GET", "/w/harbour/settings/members/")
    admin("GET", "/w/harbour/settings/audit/csv/")
    assert "/invitations/…" in "".join(lines), "its address was logged"
    assert len(secret) > 30
    places = {
        "pages of others": "\n".join(admin.heard),
        "log": "\n".join(lines),
        "other mails": told_elsewhere(secret),
        "broker": broker(settings),
        "database": dump(),
    }
    assert found_in(places | {"pages": "\n".join(admin.heard + somebody.heard)}, [PASSWORD]) == []
    assert found_in(places, [secret]) == []


def test_the_link_for_a_new_password_and_the_one_to_try_again_are_in_their_letters_alone(
    people: dict[str, User], lines: list[str], settings: Any
) -> None:
    somebody, user = Watched(Client()), people["viewer"]
    somebody("POST", "/accounts/password/reset/", {"email": user.email})
    path = link_in(mail.outbox[-1], "/accounts/password/reset/key/")
    key = path.strip("/").rpartition("/")[2]
    somebody("GET", path)
    form = path.replace(key, f"{key.partition('-')[0]}-set-password")
    refused = somebody("POST", form, {"password1": "short", "password2": "short"})
    assert refused.status_code == 200
    somebody.client.generic("PUT", path)
    changed = "four other long words"
    assert somebody("POST", form, {"password1": changed, "password2": changed}).status_code == 302
    assert signed_in_with(user, changed)
    for _ in range(7):
        somebody("POST", "/accounts/login/", {"login": user.email, "password": "a wrong one"})
    unlock = link_in(mail.outbox[-1], "/accounts/unlock/")
    link = unlock.strip("/").rpartition("/")[2]
    Client().generic("PUT", unlock)
    everything = {"log": "\n".join(lines), "broker": broker(settings), "database": dump()}
    heard = {"pages": "\n".join(somebody.heard), "other mails": told_elsewhere(key)}
    assert "/accounts/unlock/…" in everything["log"], "its address was logged"
    assert found_in(everything | heard, [key, changed]) == []
    assert found_in(everything | {"pages": heard["pages"], "other mails": told_elsewhere(link)}, [link]) == []


def signed_in_with(user: User, password: str) -> bool:
    answer = Client().post("/accounts/login/", {"login": user.email, "password": password})
    return answer.status_code == 302


def test_codes_and_their_secrets_are_on_the_page_that_shows_them_alone(
    as_: As, people: dict[str, User], lines: list[str], settings: Any
) -> None:
    user = people["marketer"]
    owner, admin = signed_in(user), Watched(as_("admin"))
    secret = set_up(owner)
    owner.post("/accounts/reauthenticate/", {"password": PASSWORD})
    shown = owner.get("/accounts/2fa/recovery-codes/")
    assert shown["Cache-Control"] == "no-store"
    codes = (
        Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES).wrap().get_unused_codes()
    )
    assert len(codes) >= 8
    assert all(one in shown.content.decode() for one in codes)
    stranger = Watched(Client())
    stranger("POST", "/accounts/login/", {"login": user.email, "password": PASSWORD})
    stranger("POST", "/accounts/2fa/authenticate/", {"code": code(secret)[::-1]})
    stranger("POST", "/accounts/2fa/authenticate/", {"code": codes[0]})
    admin("GET", "/w/harbour/settings/members/")
    admin("GET", "/w/harbour/settings/audit/")
    admin("GET", "/w/harbour/settings/audit/csv/")
    assert AuditEntry.objects.filter(target=user.email).exists()
    places = {
        "pages of others": "\n".join(admin.heard + stranger.heard),
        "log": "\n".join(lines),
        "mails": told_elsewhere("no letter holds it"),
        "broker": broker(settings),
        "database": dump(),
    }
    assert found_in(places, [secret, *codes]) == []


def test_what_a_destination_repeats_of_a_request_is_shown_to_nobody(lines: list[str], settings: Any) -> None:
    """It may answer with the key, in clear or as it was sent, and with the person the event is about."""
    person, address = "customer-of-nobody-else", "ada.planted@example.com"
    key = secrets.token_hex(16)
    with a_line(write_key=key) as line:
        sent = b64encode(f"{key}:".encode()).decode()
        line.feed_events([event(1, email_address=address, user={"external_user_id": person})])
        said = {
            "error": f"key {key}, Basic {sent}, {address}",
            "request": {"userId": person, "email": address},
        }
        line.sandbox.fail(status=400, body=json.dumps(said))
        line.deliver()
        lookers = [Watched(somebody_with(line.workspace, role)) for role in (Role.VIEWER, Role.ADMIN)]
        base = f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/"
        for looker in lookers:
            for page in ("", "attempts/", "rejected/", "why/"):
                looker("GET", base + page)
            for attempt in Attempt.objects.filter(delivery__connector=line.connector):
                looker("GET", f"{base}attempts/{attempt.pk}/")
        pages = {
            role: "\n".join(looker.heard) for role, looker in zip(("viewer", "admin"), lookers, strict=True)
        }
        everything = {"log": "\n".join(lines), "broker": broker(settings), "database": dump()}
    assert "400" in pages["viewer"]
    assert found_in(everything | pages, [key, sent]) == []
    assert found_in({"viewer": pages["viewer"], "log": everything["log"]}, [address, person]) == []


def test_a_letter_in_a_folder_is_its_owners_alone(tmp_path: Path, settings: Any) -> None:
    """As every part writes: the mails of `make run` hold links."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    before = os.umask(0o022)
    try:
        local.keep_to_ourselves()
        mail.send_mail("a link", "https://…", "a@example.com", ["b@example.com"])
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(place.stat().st_mode) for place in (tmp_path / "mail").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700
