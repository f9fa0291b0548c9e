"""Whatever can be stored can be shown, found, downloaded and tried again, on every page that shows events or names."""

from __future__ import annotations

import json
import random
import re
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from connectors.models import Role
from exporter.actions import retries
from exporter.intake import appender, refusals, refused_retry
from exporter.models import Attempt, RefusedRetry, RejectedEvent
from tests.exporter.views.test_attempts import base, somebody
from tests.support.delivering import NOBODY, Line, a_line

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = [
    "half \\ud83d",
    "\\udfff\\ud800",
    "nul \\u0000",
    "\\u202eright to left\\u2066",
    "\\ufeff\\ufffe\\uffff",
    "<script>alert(1)</script>{% now %}",
    "'; DROP TABLE --",
    "a" * 90_000,
]
IDS = [
    "nul \\u0000",
    "  blanks around  ",
    "\\u202e",
    "\\ud83d",
    "<b>&amp;",
    "a/b?c#d",
    "%00",
    "é" * 99,
    "\\\\u0000",
]


NESTED = '{"a":' * 99 + "1" + "}" * 99


def made(event_id: str, time: str, more: str = "", event_type: str = "users.messages.email.Open") -> str:
    return f'{{"event_type": "{event_type}", "id": "{event_id}", "time": {time}, "external_user_id": "me"{more}}}'


def odd_bodies() -> list[bytes]:
    """Events that are stored, refused, or no events at all."""
    bodies: list[str] = []
    for time in ("1767225600", '"late"'):
        bodies += [made(f"id-{n}", time, f', "campaign_name": "{name}"') for n, name in enumerate(NAMES)]
        bodies += [made(event_id, time) for event_id in IDS]
        bodies.append(made("deep", time, f', "x": {NESTED}'))
        bodies += [made("type", time, event_type=f"users.messages.email.{name}") for name in NAMES[:-1]]
    bodies.append(made("wide", "1767225600", ', "x": "' + "w" * 890_000 + '"'))
    bodies += ['{"\\ud83d": "\\u0000", "event_type": 1}', "[1]", '"\\ud83d"', "[" * 5_000]
    chance = random.Random(7)
    noise = [chance.randbytes(chance.randrange(1, 60)) for _ in range(150)]
    return [*(one.encode() for one in bodies), *noise, *(b'{"id":"' + one + b'"}' for one in noise[:50])]


def take_in(line: Line) -> None:
    accepted, refused = refusals.sort_out(odd_bodies())
    assert len(accepted) > 15
    assert len(refused) > 200
    appender.append_now(line.workspace.pk, accepted, refused)
    line.sandbox.fail(status=400, body="no \x00 such \ud83d field \u202e".encode("utf-8", "replace").decode())
    for turn in range(40):
        line.make_due()
        line.deliver()
        if turn == 5:
            # From now on its neighbours are accepted.
            line.sandbox.heal()
            line.sandbox.fail(status=400, match={"message_id_prefix": "id-"})
            line.feed(20)


def samples(client: Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    links = re.findall(r'href="([?]samples=[0-9]+)', page.content.decode())
    assert links
    for link in links:
        assert client.get(path + link).status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.MARKETER])
def test_whatever_can_be_stored_can_be_shown_and_found(role: Role) -> None:
    with a_line() as line:
        take_in(line)
        client = somebody(line.workspace, role)
        slug = f"/w/{line.workspace.slug}"
        samples(client, f"{slug}/data-export/refused/")
        assert RejectedEvent.objects.filter(connector=line.connector).exists()
        samples(client, f"{base(line)}rejected/")
        for path in ("/", f"{slug}/data-export/", base(line), f"{base(line)}attempts/", f"{base(line)}why/"):
            assert client.get(path).status_code == 200, path
        for attempt in Attempt.objects.filter(delivery__connector=line.connector)[:30]:
            assert client.get(f"{base(line)}attempts/{attempt.pk}/").status_code == 200
        for number in range(line.workspace.event_log.next_event):
            assert client.get(f"{base(line)}find/{number}/").status_code == 200, number
        assert client.get(f"{base(line)}by-type.csv").status_code == 200


def test_every_odd_id_is_found() -> None:
    with a_line() as line:
        take_in(line)
        client = somebody(line.workspace, Role.MARKETER)
        for one in IDS:
            event_id = json.loads(f'"{one}"').encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            page = client.get(f"{base(line)}find/?by=id&value={quote(event_id)}").content.decode()
            assert "fate" in page, one


def test_every_odd_event_is_downloaded_and_tried_again() -> None:
    with a_line() as line:
        take_in(line)
        client = somebody(line.workspace, Role.MARKETER)
        for path in (f"/w/{line.workspace.slug}/data-export/refused.ndjson", f"{base(line)}rejected.ndjson"):
            answer: Any = client.get(path)
            rows = [json.loads(row.decode()) for row in b"".join(answer.streaming_content).splitlines()]
            assert rows
        kept = RejectedEvent.objects.filter(connector=None).count()
        retries.retry_refused(line.workspace, NOBODY)
        refused_retry.run(line.workspace.pk)
        whole = RejectedEvent.objects.filter(connector=None, cut=False).count()
        assert RefusedRetry.objects.get().refused == whole <= kept


ODD_VALUES = ["\x00", "\ud83d", "\u202e", "9" * 400, "-1", "%", "a" * 5_000, "' OR 1=1 --", "é"]


@pytest.mark.parametrize("path", ["find/", "attempts/", "rejected/", "", "by-type.csv"])
def test_no_odd_word_in_an_address_is_a_fault_of_ours(path: str) -> None:
    with a_line() as line:
        line.feed(3)
        client = somebody(line.workspace, Role.MARKETER)
        for name in (
            "by",
            "value",
            "before",
            "seen",
            "window",
            "samples",
            "page",
            "answer",
            "since",
            "stamp",
            "type",
        ):
            for value in ODD_VALUES:
                asked = f"{base(line)}{path}?{name}={quote(value, errors='surrogatepass')}"
                answer = client.get(asked + ("&value=x" if name != "value" else ""))
                assert answer.status_code < 500, asked


@pytest.mark.parametrize("name", ["q", "health", "page"])
def test_no_odd_word_ends_the_list_of_all_connectors(name: str) -> None:
    with a_line() as line:
        client = somebody(line.workspace, Role.MARKETER)
        for value in ODD_VALUES:
            asked = f"/?{name}={quote(value, errors='surrogatepass')}"
            assert client.get(asked).status_code < 500, asked
