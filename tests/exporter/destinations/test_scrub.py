"""An answer that repeats the request is kept without its key and its people, in every spelling."""

from __future__ import annotations

import base64
import json

import pytest

from exporter.destinations.scrub import HIDDEN, parts, scrubbed
from exporter.destinations.scrub import kept as stored_of

KEY = "k" * 28 + "tail"
AUTHORIZATION = b"Basic " + base64.b64encode(f"{KEY}:".encode())
PLAIN = base64.b64encode(KEY.encode()).decode()
CALL = {"type": "track", "userId": "customer-1", "properties": {"email": "ada@example.com"}}


@pytest.mark.parametrize(
    "body",
    [
        f"The key {KEY} is not known.",
        f"The key {KEY.upper()} is not known.",
        f"Authorization: {AUTHORIZATION.decode()}",
        f"{PLAIN} {PLAIN.rstrip('=')} {KEY.encode().hex()}",
        json.dumps({"error": "invalid", "request": {"batch": [CALL]}}),
        json.dumps({"error": "invalid", "message": CALL}),
        "Nobody has the address ada@example.com or the number +44 20 7946 0958.",
        "x" * 490 + KEY,
    ],
)
def test_what_was_sent_is_not_kept(body: str) -> None:
    kept = scrubbed(body.encode(), AUTHORIZATION)
    for secret in (KEY, KEY[:20], KEY.upper(), PLAIN[:20], KEY.encode().hex(), "ada@", "customer-1", "7946"):
        assert secret not in kept
    assert len(kept) <= 500


def test_the_destinations_own_words_stay() -> None:
    said = '{"success":false,"message":"This write key is not known. See error 4711."}'
    assert scrubbed(said.encode(), AUTHORIZATION) == said
    assert scrubbed(b"", AUTHORIZATION) == ""
    assert HIDDEN not in scrubbed(b"Service Unavailable", AUTHORIZATION)


def test_of_the_headers_those_are_kept_that_tell_something() -> None:
    headers = {"retry-after": "5", "set-cookie": "secret", "x-echo": "secret", "server": "envoy"}
    stored = stored_of(headers, b"slow down", AUTHORIZATION)
    assert parts(stored) == ("retry-after: 5\r\nserver: envoy", "slow down")
    assert parts(stored_of({}, b"no", AUTHORIZATION)) == ("", "no")
    assert parts("no headers were kept") == ("", "no headers were kept")


def test_a_header_that_repeats_the_key_is_scrubbed_too() -> None:
    assert KEY not in stored_of({"via": f"a proxy of {KEY}"}, b"", AUTHORIZATION)


def test_what_is_stored_of_an_answer_fits_its_column() -> None:
    headers = dict.fromkeys(("via", "server", "x-request-id", "date", "content-type"), "x" * 5_000)
    assert len(stored_of(headers, b"y" * 5_000, AUTHORIZATION)) <= 500
