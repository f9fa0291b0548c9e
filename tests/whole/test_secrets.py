"""A known write key and token go through the whole product, and are found nowhere they do not belong."""

from __future__ import annotations

import json
import logging
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from connectors.audit import actor
from connectors.models import Connector, User, Workspace, WriteKey
from connectors.setup import key_reminders, key_rotation
from exporter.api import bearer as tokens_in_use
from exporter.delivery.deliver import deliver
from exporter.incidents import detect
from exporter.incidents import mail as notifications
from exporter.intake import appender, notifier
from exporter.models import Delivery
from exporter.sandbox.handle import Sandbox, running_sandbox
from tests.support.factories import event
from tests.support.log_lines import lines_of, written
from tests.support.people import filled_in

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[str], Client]


class Watched:
    """A client that keeps everything it was answered."""

    def __init__(self, client: Client) -> None:
        self.client, self.heard = client, list[str]()

    def __call__(self, method: str, path: str, data: Any = None, **more: Any) -> HttpResponseBase:
        send = self.client.get if method == "GET" else self.client.post
        answer: Any = send(path, data, **more)
        body = b"".join(answer) if answer.streaming else answer.content
        self.heard.append(f"{answer.headers}{body.decode(errors='replace')}")
        return answer  # type: ignore[no-any-return]


@pytest.fixture
def sandbox(settings: Any) -> Iterator[Sandbox]:
    with running_sandbox() as running:
        settings.SEGMENT_URLS = {"us": running.url, "eu": running.url}
        yield running
    appender.stop()
    notifier.stop()
    tokens_in_use.forget()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every logger that is not quieted by the settings, at DEBUG."""
    caplog.set_level(logging.DEBUG)
    return caplog


def forms_of(secret: str) -> list[str]:
    """How a secret could be written."""
    plain = secret.encode()
    return [secret, plain.hex(), b64encode(plain).decode().rstrip("="), b64encode(plain + b":").decode()]


def dump() -> str:
    """Every row of every table, without the one column that holds sealed keys; sessions in clear."""
    WriteKey.objects.update(ciphertext=b"")
    found = [str(session.get_decoded()) for session in Session.objects.all()]
    with connection.cursor() as sql:
        for table in connection.introspection.table_names(sql):
            sql.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            found += [row[0] for row in sql.fetchall()]
    return "\n".join(found)


def broker(settings: Any) -> str:
    """Everything that lies in Redis."""
    server: Any = redis.Redis.from_url(settings.REDIS_URL)
    read = {b"string": server.get, b"set": server.smembers, b"hash": server.hgetall}
    found = []
    for name in server.scan_iter(f"{settings.CELERY_BROKER_TRANSPORT_OPTIONS['global_keyprefix']}*"):
        kind = server.type(name)
        if kind == b"list":
            rows = server.lrange(name, 0, -1)
            found += [str(b64decode(json.loads(row)["body"])) for row in rows]
        else:
            rows = read[kind](name) if kind in read else b""
        found.append(f"{name!r}{rows!r}")
    return "\n".join(found)


def test_a_planted_secret_is_found_nowhere(
    as_: As, workspace: Workspace, sandbox: Sandbox, log: pytest.LogCaptureFixture, settings: Any
) -> None:
    first, second, spoilt = (secrets.token_hex(16) for _ in range(3))
    admin = Watched(as_("admin"))
    admin("POST", "/w/harbour/data-export/new/segment/", filled_in(write_key=f"{spoilt} x"))
    admin("POST", "/w/harbour/data-export/new/segment/", filled_in(write_key=first, name=""))
    admin("POST", "/w/harbour/data-export/new/segment/", filled_in(write_key=first))
    connector = Connector.objects.get()
    path = f"/w/harbour/data-export/{connector.pk}/"

    admin("POST", "/w/harbour/settings/tokens/new/", {"name": "Braze", "scopes": ["intake", "read"]})
    shown = as_("admin")
    shown.cookies = admin.client.cookies
    found = re.search(r'value="(cur_[^"]+)"', shown.get("/w/harbour/settings/tokens/").content.decode())
    assert found is not None
    token = found[1]
    bearer = {"Authorization": f"Bearer {token}"}
    body = json.dumps({"events": [event(1), event(2)]})
    outside = Watched(Client())
    outside("POST", "/api/v1/events", body, content_type="application/json", headers=bearer)
    outside("POST", "/api/v1/events", "no json", content_type="application/json", headers=bearer)
    outside("GET", f"/api/v1/connectors/{connector.pk}/status", headers=bearer)
    outside("GET", "/metrics")

    sandbox.fail(status=401)
    delivery = Delivery.objects.get(connector=connector).pk
    deliver(delivery)
    detect.look()
    notifications.mail_due()
    admin("POST", f"{path}write-key/", {"write_key": f"{spoilt}:", "region": "eu"})
    admin("POST", f"{path}write-key/try/", {"write_key": second, "region": "eu"})
    admin("POST", f"{path}write-key/", {"write_key": second, "region": "eu"})
    admin("POST", f"{path}write-key/", {"write_key": second, "region": "eu"})
    deliver(delivery)
    admin("POST", f"{path}test/")
    admin("POST", f"{path}write-key/roll-back/")
    key_rotation.remind(connector, timezone.localdate(), actor.By(None))
    key_reminders.mail_due()
    WriteKey.objects.filter(retired_at=None).update(ciphertext=b"not readable")
    deliver(delivery)
    with pytest.raises(CommandError) as told:
        call_command("reencrypt_write_keys")
    for page in ("", "edit/", "write-key/", "test/", "delete/"):
        admin("GET", path + page)
    for page in ("settings/audit/", "settings/audit/csv/", "settings/tokens/", "settings/members/"):
        admin("GET", f"/w/harbour/{page}")

    assert len(mail.outbox) >= 2
    assert "write_key.rotated" in admin.heard[-3], "the audit log was read"
    everything = {
        "pages": "\n".join(admin.heard + outside.heard),
        "log": log.text + "".join(str(record.__dict__) for record in log.records) + written(log),
        "mail": "\n".join(str(letter.message()) for letter in mail.outbox),
        "command": str(told.value),
        "broker": broker(settings),
        "database": dump(),
    }
    assert "exporter.tasks" in everything["broker"], "wake-ups were sent"
    for line_told in (
        "intake.request",
        "intake.request_refused",
        "delivery.stopped",
        "mail.sent",
    ):
        assert f'"event": "{line_told}"' in everything["log"]
    for person in ("user-1", "@"):
        assert person not in "\n".join(str(line) for line in lines_of(log))
    for secret in (first, second, spoilt, token.split("_", 2)[2]):
        for form in forms_of(secret):
            assert [place for place, text in everything.items() if form in text] == []


@pytest.mark.parametrize("debug", [True, False])
def test_an_error_report_shows_no_secret(
    as_: As,
    connector: Connector,
    people: dict[str, User],
    settings: Any,
    log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    debug: bool,
) -> None:
    def fails(*_args: object, **_options: object) -> None:
        raise RuntimeError("something unforeseen")

    settings.DEBUG = debug
    monkeypatch.setattr("connectors.vault.sealing.seal", fails)
    key, client = secrets.token_hex(16), as_("admin")
    client.raise_request_exception = False
    answer = client.post(f"/w/harbour/data-export/{connector.pk}/write-key/", {"write_key": key})
    assert answer.status_code == 500
    assert ("something unforeseen" in answer.content.decode()) is debug
    for form in forms_of(key):
        assert form not in answer.content.decode()
        assert form not in log.text
