"""An ordinary request with events is answered without gunicorn; whatever is not plain gunicorn reads."""

from __future__ import annotations

from typing import Any

import pytest

from currents_admin.front import direct

BODY = b'{"events":[]}'
PLAIN = [b"Host: in.example", b"Authorization: Bearer t", b"Content-Type: application/json"]
CLIENT, SERVER = ("10.1.2.3", 4711), ("10.0.0.1", 8000)


def environ(*headers: bytes, start: bytes = b"POST /api/v1/events HTTP/1.1") -> dict[str, Any] | None:
    length = b"Content-Length: %d" % len(BODY)
    head = b"\r\n".join([start, *PLAIN, length, *headers]) + b"\r\n\r\n"
    return direct.environ(bytearray(head + BODY), len(head), CLIENT, SERVER)


def test_the_application_is_told_what_gunicorn_would_tell_it() -> None:
    made = environ(b"X-Request-ID:  abc ", b"X-Forwarded-For: 10.9.9.9", b"X-Forwarded-For: 10.8.8.8")
    assert made is not None
    assert made["wsgi.input"].read() == BODY
    told = {name: value for name, value in made.items() if isinstance(value, str)}
    assert told == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/api/v1/events",
        "RAW_URI": "/api/v1/events",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "gunicorn",
        "wsgi.url_scheme": "http",
        "REMOTE_ADDR": "10.1.2.3",
        "REMOTE_PORT": "4711",
        "SERVER_NAME": "10.0.0.1",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "in.example",
        "HTTP_AUTHORIZATION": "Bearer t",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": "13",
        "HTTP_X_REQUEST_ID": "abc",
        "HTTP_X_FORWARDED_FOR": "10.9.9.9,10.8.8.8",
    }


@pytest.mark.parametrize(
    "header",
    [
        b"Host: another.example",
        b"Content-Type: text/plain",
        b"Content-Length: 13",
        b"Authorization: Bearer another",
        b"Transfer-Encoding: chunked",
        b"Expect: 100-continue",
        b"Upgrade: h2c",
        b"X_Forwarded_For: 10.9.9.9",
        b"Content_Length: 5",
        b"No colon",
        b" Folded: line",
        b"Name : blank before the colon",
        b"Bell: \x07",
        b"NUL: \x00",
        b"Lone: \r feed",
        b"Lone: \n feed",
    ],
)
def test_a_head_with_something_odd_is_left_to_gunicorn(header: bytes) -> None:
    assert environ(header) is None


@pytest.mark.parametrize(
    "start",
    [
        b"GET /api/v1/events HTTP/1.1",
        b"POST /api/v1/events HTTP/1.0",
        b"POST /api/v1/events?a=b HTTP/1.1",
        b"POST /api/v1/connectors HTTP/1.1",
        b"POST http://in.example/api/v1/events HTTP/1.1",
    ],
)
def test_another_request_is_left_to_gunicorn(start: bytes) -> None:
    assert environ(start=start) is None


def test_a_client_on_a_unix_socket_is_left_to_gunicorn() -> None:
    assert direct.environ(bytearray(b"POST /api/v1/events HTTP/1.1\r\nA: b\r\n\r\n"), 38, "", "s") is None
