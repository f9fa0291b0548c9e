"""The short way to the intake: the same answers as the long way, and nothing passes by a rule of the middleware."""

from __future__ import annotations

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application

from connectors.models import IntakeToken
from exporter.api import short_way
from exporter.log import event_log
from tests.support.factories import IntakeTokenFactory, event

pytestmark = pytest.mark.django_db(transaction=True)

Heard = tuple[int, dict[str, str], bytes]


@pytest.fixture(autouse=True)
def _forgetful() -> None:
    short_way._is_welcome.cache_clear()


@pytest.fixture
def token() -> IntakeToken:
    made: IntakeToken = IntakeTokenFactory.create()
    return made


def environ(token: IntakeToken, body: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/api/v1/events",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "HTTP_AUTHORIZATION": f"Bearer cur_{token.prefix}_test",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": BytesIO(),
    } | changes


def ask(application: Any, asked: dict[str, Any]) -> Heard:
    heard: list[Any] = []
    content = b"".join(application(asked, lambda status, headers: heard.extend((status, headers))))
    return int(heard[0].split()[0]), dict(heard[1]), content


def unreachable(*_: Any) -> Iterable[bytes]:
    raise AssertionError("went the long way")


def long_way(_environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("299 Long way", [])
    return [b""]


def test_events_are_stored_without_the_application(token: IntakeToken) -> None:
    body = json.dumps({"events": [event(1)]}).encode()
    status, headers, content = ask(short_way.before(unreachable), environ(token, body))
    assert (status, json.loads(content)["accepted"]) == (202, 1)
    assert headers["Content-Length"] == str(len(content))
    assert event_log.head(token.workspace_id) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"HTTP_AUTHORIZATION": "Bearer cur_unknown_token"},
        {"HTTP_AUTHORIZATION": ""},
        {"REQUEST_METHOD": "PUT"},
        {"CONTENT_LENGTH": "many"},
        {"CONTENT_LENGTH": "9" * 30},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_CONTENT_ENCODING": "br"},
        {"HTTP_CONTENT_ENCODING": "gzip"},
        {"HTTP_HOST": "elsewhere.example"},
        {"HTTP_HOST": ""},
    ],
)
def test_both_ways_answer_alike(token: IntakeToken, changes: dict[str, str]) -> None:
    django = get_wsgi_application()
    short = ask(short_way.before(django), environ(token, b"[{}]", **changes))
    long = ask(django, environ(token, b"[{}]", **changes))
    assert (short[0], short[2]) == (long[0], long[2])
    for name in ("Content-Type", "Allow", "WWW-Authenticate", "X-Content-Type-Options", "X-Frame-Options"):
        assert short[1].get(name) == long[1].get(name)


@pytest.mark.parametrize(
    "changes",
    [
        {"PATH_INFO": "/api/v1/events/"},
        {"PATH_INFO": "/"},
        {"HTTP_HOST": "elsewhere.example"},
        {"HTTP_HOST": "testserver:port"},
    ],
)
def test_what_is_not_plain_goes_the_long_way(token: IntakeToken, changes: dict[str, str]) -> None:
    assert ask(short_way.before(long_way), environ(token, b"[]", **changes))[0] == 299


def test_plain_http_goes_the_long_way_where_https_is_wanted(token: IntakeToken, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 60
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    application = short_way.before(long_way)
    assert ask(application, environ(token, b"[]"))[0] == 299
    assert ask(application, environ(token, b"[]", HTTP_X_FORWARDED_PROTO="http"))[0] == 299
    status, headers, _ = ask(application, environ(token, b"[]", HTTP_X_FORWARDED_PROTO="https"))
    assert (status, headers["Strict-Transport-Security"][:10]) == (200, "max-age=60")


def test_the_server_is_asked_for_no_byte_beyond_the_body(token: IntakeToken) -> None:
    body = json.dumps([event(1)]).encode()
    source = BytesIO(body + b"POST /next")
    asked = environ(token, b"", CONTENT_LENGTH=str(len(body)))
    asked["wsgi.input"] = source
    assert ask(short_way.before(unreachable), asked)[0] == 202
    assert source.read() == b"POST /next"


def test_what_is_left_of_a_refused_body_is_read_away(token: IntakeToken) -> None:
    source = BytesIO(b"x" * 100_000 + b"POST /next")
    asked = environ(token, b"", CONTENT_LENGTH="100000", HTTP_AUTHORIZATION="Bearer wrong")
    asked["wsgi.input"] = source
    assert ask(short_way.before(unreachable), asked)[0] == 401
    assert source.read() == b"POST /next"
