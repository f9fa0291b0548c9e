"""What pages that refresh themselves cost on the wire, measured through a real socket; and what is never compressed."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from gzip import decompress
from pathlib import Path

import pytest
from django.test import Client

from connectors.models import Connector, User
from tests.browser.planting import attempts, live
from tests.support.serving import serving

NOTHING, NEWS = 1_000, 10_000
Ask = Callable[..., tuple[int, int, str]]


def busy(connector: Connector) -> None:
    live(connector, {"unsupported": 2413, "unselected": 16383, "delivered": 77393, "rejected": 6}, 3)
    attempts(connector, 200, 200, 429, 200, 400)


def asker(port: int, user: User) -> Ask:
    """Asks as htmx does, and answers the status, the bytes of the whole answer, and its text."""
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.cookies["sessionid"].value

    def ask(path: str) -> tuple[int, int, str]:
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nHX-Request: true\r\n"
            f"Accept-Encoding: gzip, deflate, br\r\nCookie: sessionid={session}\r\n\r\n"
        )
        raw = b""
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(head.encode())
            while piece := line.recv(65_536):
                raw += piece
        start, _, body = raw.partition(b"\r\n\r\n")
        text = decompress(body).decode() if b"Content-Encoding: gzip" in start else body.decode()
        return int(start.split()[1]), len(raw), text

    return ask


def stamp_of(text: str) -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', text)
    assert found is not None
    return found[1]


@pytest.mark.django_db(transaction=True)
def test_a_poll_that_brings_nothing_costs_less_than_1_kb_and_news_less_than_10(
    people: dict[str, User], connector: Connector, tmp_path: Path
) -> None:
    busy(connector)
    status = f"/w/harbour/data-export/{connector.pk}/"
    pages = (
        f"{status}?",
        f"{status}?window=7d&",
        "/w/harbour/data-export/?",
        "/?",
        "/w/harbour/banner/?here=/&",
    )
    with serving(tmp_path) as server:
        ask = asker(server.port, people["admin"])
        for page in pages:
            answered, news, text = ask(f"{page}stamp=old")
            assert answered == 200, page
            assert 200 < news < NEWS, page
            # Words such as “2 s ago” may change between two questions, but not between several.
            for _again in range(5):
                answered, nothing, more = ask(f"{page}stamp={stamp_of(text)}")
                if answered == 204:
                    break
                text = more
            assert (answered, more) == (204, ""), page
            assert nothing < NOTHING, page


def packed(client: Client, path: str) -> bool:
    answer = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200, path
    return answer.get("Content-Encoding") == "gzip"


@pytest.mark.django_db
def test_pages_are_compressed_but_not_those_whose_length_could_give_something_away(
    as_: Callable[[str], Client], connector: Connector
) -> None:
    admin = as_("admin")
    status = f"/w/harbour/data-export/{connector.pk}/"
    for path in (status, f"{status}edit/", "/w/harbour/settings/members/", "/"):
        assert packed(admin, path), path
    secret = (
        f"{status}find/",
        "/w/harbour/settings/audit/",
        "/accounts/password/change/",
        "/accounts/sessions/",
    )
    for path in secret:
        assert not packed(admin, path), path
    made = admin.post("/w/harbour/settings/tokens/new/", {"name": "Braze", "scopes": ["intake"]})
    assert made.status_code == 303
    shown = admin.get(made["Location"], headers={"Accept-Encoding": "gzip"})
    assert "cur_" in shown.content.decode()
    assert "Content-Encoding" not in shown


@pytest.mark.django_db
def test_what_is_secret_in_a_compressed_page_differs_in_each_answer(
    as_: Callable[[str], Client], workspace: object
) -> None:
    admin = as_("admin")
    tokens = re.compile(rb'x-csrftoken": "([^"]+)"')
    one, other = (tokens.findall(admin.get("/w/harbour/settings/members/").content) for _ in range(2))
    assert one
    assert one != other
