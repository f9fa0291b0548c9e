"""An answer that repeats the request is kept without its key and its people, in every spelling."""

from __future__ import annotations

import base64
import json

import pytest

from exporter.destinations.scrub import HIDDEN, scrubbed

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
