"""Calls, bodies and requests for the tests of the sandbox."""

import json
import time
from typing import Any

import requests

from exporter.sandbox import Sandbox

KEY = "known-key-of-the-tests"
Json = dict[str, Any]


def call(message_id: str = "id-1", **changes: Any) -> Json:
    made = {"type": "track", "event": "Email Opened", "messageId": message_id, "userId": "user-1", **changes}
    return {name: value for name, value in made.items() if value is not ...}


def sized(size: int, message_id: str = "sized") -> Json:
    """A call of exactly `size` bytes as compact JSON."""
    bare = call(message_id, properties={"filler": ""})
    return call(message_id, properties={"filler": "x" * (size - len(compact(bare)))})


def compact(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def batch_of_bytes(size: int) -> bytes:
    calls = [sized(30_000, f"filler-{number}") for number in range(size // 30_001)]
    short = size - len(compact({"batch": [*calls, sized(200)]}))
    return compact({"batch": [*calls, sized(200 + short)]})


def post(
    sandbox: Sandbox, body: bytes, key: str | None = KEY, path: str = "/v1/batch", **headers: str
) -> Any:
    auth = None if key is None else (key, "")
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Content-Type": "application/json", **headers}
        return session.post(sandbox.url + path, data=body, auth=auth, headers=headers, timeout=10)


def offer(sandbox: Sandbox, *calls: Json, key: str | None = KEY) -> Any:
    return post(sandbox, compact({"batch": calls, "sentAt": "2025-01-01T00:00:00Z"}), key)


def get(sandbox: Sandbox, path: str, **query: str) -> requests.Response:
    return requests.get(sandbox.url + path, params=query, timeout=10)


def until(fact: Any) -> None:
    """Ask until `fact()` holds; a minute without it is a failure."""
    deadline = time.monotonic() + 60
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.005)
