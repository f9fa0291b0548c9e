"""The sandbox answers as Segment does at its limits and tells the truth about what it got."""

import gzip
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from exporter.sandbox import Sandbox, running_sandbox
from exporter.sandbox.offer import BATCH_CALLS, BODY_BYTES, CALL_BYTES
from tests.support.sandbox_calls import (
    KEY,
    Json,
    batch_of_bytes,
    call,
    compact,
    get,
    offer,
    post,
    sized,
    until,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


LIMITS: dict[str, tuple[bytes, int, int, Json]] = {
    "a call": (compact({"batch": [call()]}), 200, 1, {}),
    "a call of 32 KB": (compact({"batch": [sized(CALL_BYTES)]}), 200, 1, {}),
    "a call of 32 KB + 1": (compact({"batch": [call(), sized(CALL_BYTES + 1)]}), 400, 0, {}),
    "a body of 500 KB": (batch_of_bytes(BODY_BYTES), 200, 18, {}),
    "a body of 500 KB + 1": (batch_of_bytes(BODY_BYTES + 1), 400, 0, {}),
    "2,500 calls": (compact({"batch": [call(f"{n}") for n in range(BATCH_CALLS)]}), 200, 2_500, {}),
    "2,501 calls": (
        compact({"batch": [call(f"{n}") for n in range(BATCH_CALLS + 1)]}),
        200,
        0,
        {"too_many_events": 2_501},
    ),
    "no calls": (compact({"batch": []}), 200, 0, {}),
    "no user": (compact({"batch": [call(userId=...), call("2")]}), 200, 1, {"no_user_anon_id": 1}),
    "empty user": (compact({"batch": [call(userId="")]}), 200, 0, {"no_user_anon_id": 1}),
    "anonymous user": (compact({"batch": [call(userId=..., anonymousId="a")]}), 200, 1, {}),
    "a number as user": (compact({"batch": [call(userId=7)]}), 200, 0, {"id_not_string": 1}),
    "track without a name": (compact({"batch": [call(event=...)]}), 200, 0, {"event_not_defined": 1}),
    "track with an empty name": (compact({"batch": [call(event="")]}), 200, 0, {"event_not_defined": 1}),
    "track with a number as name": (compact({"batch": [call(event=7)]}), 200, 0, {"event_not_string": 1}),
    "properties that are a list": (
        compact({"batch": [call(properties=[])]}),
        200,
        0,
        {"properties_not_object": 1},
    ),
    "traits that are a list": (
        compact({"batch": [call(type="identify", traits=[])]}),
        200,
        0,
        {"traits_not_object": 1},
    ),
    "identify without a name": (compact({"batch": [call(type="identify", event=...)]}), 200, 1, {}),
    "no type": (compact({"batch": [call(type=...)]}), 200, 0, {"bad_request": 1}),
    "a list as type": (compact({"batch": [call(type=["track"])]}), 200, 0, {"bad_request": 1}),
    "no messageId": (compact({"batch": [call(messageId=...), call(messageId=...)]}), 200, 2, {}),
    "broken JSON": (b'{"batch":[', 400, 0, {}),
    "no JSON": (b"\xff\x00", 400, 0, {}),
    "nothing": (b"", 400, 0, {}),
    "no batch": (b'{"calls":[]}', 400, 0, {}),
    "a batch of numbers": (b'{"batch":[1]}', 400, 0, {}),
    "a bare list": (b"[]", 400, 0, {}),
    "deep nesting": (b'{"batch":' + b"[" * 100_000, 400, 0, {}),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_answered_as_segment_answers_them(sandbox: Sandbox, name: str) -> None:
    body, status, accepted, dropped = LIMITS[name]
    answer = post(sandbox, body)
    assert answer.status_code == status
    assert answer.json()["success"] is (status == 200)
    stats = sandbox.stats()
    assert (stats["accepted"], stats["dropped"], stats["duplicates"]) == (accepted, dropped, 0)
    assert stats["received"] == stats["accepted"] + stats["duplicates"] + sum(stats["dropped"].values())
    assert stats["answers"] == {str(status): 1}


def test_the_tables_bodies_have_the_sizes_they_claim() -> None:
    assert len(LIMITS["a body of 500 KB"][0]) == 512_000
    assert len(LIMITS["a body of 500 KB + 1"][0]) == 512_001
    assert len(compact(sized(CALL_BYTES))) == 32_768


def test_a_message_id_is_kept_once_across_bodies_and_keys(sandbox: Sandbox) -> None:
    assert offer(sandbox, call("a"), call("b"), call("a")).status_code == 200
    assert offer(sandbox, call("b"), call("c"), key="another-key-altogether").status_code == 200
    assert sandbox.message_ids() == ["a", "b", "c"]
    assert sandbox.message_ids("duplicate") == ["a", "b"]
    stats = sandbox.stats()
    assert (stats["accepted"], stats["duplicates"], stats["distinct_ids"]) == (3, 2, 3)


def test_a_dropped_call_does_not_use_up_its_message_id(sandbox: Sandbox) -> None:
    offer(sandbox, call("a", userId=...))
    offer(sandbox, call("a"))
    assert sandbox.message_ids() == ["a"]


@pytest.mark.parametrize(
    "authorization", [None, "", "Basic", "Basic %%%", "Basic Og==", "Bearer abc", "Basic /w=="]
)
def test_a_request_without_a_readable_key_is_refused(sandbox: Sandbox, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert post(sandbox, compact({"batch": [call()]}), None, **headers).status_code == 400
    assert sandbox.stats()["received"] == 0


def test_a_key_in_the_body_will_do(sandbox: Sandbox) -> None:
    assert post(sandbox, compact({"batch": [call()], "writeKey": KEY}), None).status_code == 200
    assert [kept["key4"] for kept in sandbox.calls()] == ["ests"]


def test_an_unknown_key_is_dropped_in_silence_or_refused_on_request() -> None:
    with running_sandbox(keys=[KEY]) as sandbox:
        answer = offer(sandbox, call("a"), key="some-unknown-key")
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert sandbox.stats()["dropped"] == {"unknown_source": 1}
        sandbox.switch(unknown_key=401)
        assert offer(sandbox, call("a"), key="some-unknown-key").status_code == 401
        sandbox.switch(known_keys=[KEY, "some-unknown-key"])
        assert offer(sandbox, call("a"), key="some-unknown-key").status_code == 200
        assert sandbox.message_ids() == ["a"]
        sandbox.heal()
        assert offer(sandbox, call("b"), key="some-unknown-key").status_code == 200
        assert sandbox.message_ids() == ["a"]


def test_single_calls_are_answered_alike(sandbox: Sandbox) -> None:
    assert post(sandbox, compact(call("a", type=...)), path="/v1/track").status_code == 200
    assert post(sandbox, compact(call("b", type=..., event=...)), path="/v1/identify").status_code == 200
    assert post(sandbox, compact(sized(CALL_BYTES + 1)), path="/v1/track").status_code == 400
    assert post(sandbox, compact(call()), path="/v1/nothing").status_code == 404
    assert sandbox.message_ids() == ["a", "b"]


def test_gzip_is_counted_after_inflating(sandbox: Sandbox) -> None:
    packed = gzip.compress(batch_of_bytes(BODY_BYTES))
    assert post(sandbox, packed, **{"Content-Encoding": "gzip"}).status_code == 200
    bomb = gzip.compress(b"[" * 50_000_000)
    for body in (bomb, packed[:-9], b"no gzip"):
        assert post(sandbox, body, **{"Content-Encoding": "gzip"}).status_code == 400
    assert sandbox.stats()["accepted"] == 18


def test_a_connection_is_kept_through_good_and_bad_answers(sandbox: Sandbox) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=10)
    statuses, sockets = [], set()
    headers = {"Content-Type": "application/json"}
    for body in (
        compact({"batch": [call()], "writeKey": KEY}),
        b"{",
        b"x" * 2_000_000,
        compact({"batch": []}),
    ):
        connection.request("POST", "/v1/batch", body, headers)
        answer = connection.getresponse()
        assert len(answer.read()) == int(answer.headers["Content-Length"])
        statuses.append(answer.status)
        sockets.add(connection.sock)
    connection.close()
    assert statuses == [200, 400, 400, 400]
    assert len(sockets) == 1


def test_a_client_that_vanishes_leaves_nothing_behind(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    address = ("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
    for sent in (
        b"",
        b"POST /v1",
        b"POST /v1/batch HTTP/1.1\r\nContent-Length: 500\r\n\r\n{",
        b"\x16\x03\x01\r\n\r\n",
    ):
        with socket.create_connection(address) as client:
            client.sendall(sent)
    until(lambda: sandbox.stats()["requests"] == 1 and sandbox.stats()["in_flight"] == 0)
    assert offer(sandbox, call()).status_code == 200
    assert sandbox.stats()["received"] == 1
    assert capfd.readouterr() == ("", "")


def test_calls_and_requests_are_shown_and_filtered(sandbox: Sandbox) -> None:
    offer(sandbox, call("a"), call("b", event="Push Sent", properties={"n": 1.5}))
    offer(sandbox, call("c", userId=...), call("a"), key="key-of-somebody-else")
    shown = get(sandbox, "/calls").json()
    assert [(kept["call"]["messageId"], kept["status"], kept["reason"]) for kept in shown] == [
        ("a", "accepted", None),
        ("b", "accepted", None),
        ("c", "dropped", "no_user_anon_id"),
        ("a", "duplicate", None),
    ]
    assert shown[1]["call"] == call("b", event="Push Sent", properties={"n": 1.5})

    def ids(**query: str) -> list[str]:
        return [kept["call"]["messageId"] for kept in get(sandbox, "/calls", **query).json()]

    assert ids(event="Push Sent") == ["b"]
    assert ids(message_id="a") == ["a", "a"]
    assert ids(key4="else") == ["c", "a"]
    assert ids(limit="1") == ["a"]
    assert ids(limit="0") == []
    assert get(sandbox, "/calls", limit="many").status_code == 400
    first, second = get(sandbox, "/requests").json()
    assert (first["calls"], first["first_message_id"], first["status"]) == (2, "a", 200)
    assert (second["key4"], second["sent_at"]) == ("else", "2025-01-01T00:00:00Z")


def test_only_the_latest_calls_are_remembered_and_the_gap_is_admitted() -> None:
    with running_sandbox(remember=3) as sandbox:
        offer(sandbox, *(call(str(number)) for number in range(5)))
        assert [kept["call"]["messageId"] for kept in sandbox.calls()] == ["2", "3", "4"]
        assert sandbox.stats()["distinct_ids"] == 5
        with pytest.raises(RuntimeError, match="remembered"):
            sandbox.message_ids()


def test_no_page_ever_shows_a_whole_key(sandbox: Sandbox) -> None:
    offer(sandbox, call())
    post(sandbox, compact({"batch": [call("b")], "writeKey": KEY}), None)
    post(sandbox, compact({**call("c"), "writeKey": KEY}), None, "/v1/track")
    offer(sandbox, call("d"), key="tiny")
    sandbox.switch(known_keys=[KEY, "tiny"])
    for path in ("/", "/calls", "/requests", "/stats", "/control"):
        text = get(sandbox, path).text
        assert KEY not in text
        assert "tiny" not in text
    assert "…ests" in get(sandbox, "/").text


def test_the_page_escapes_what_it_shows_and_allows_no_script(sandbox: Sandbox) -> None:
    offer(sandbox, call("<i>id</i>", event="<script>alert(1)</script>", properties={"x": "</pre><b>"}))
    sandbox.fail(status=500, body="<u>rule</u>", match={"event": "<q>"})
    for page in (get(sandbox, "/"), get(sandbox, "/", event='"><img>')):
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        forbidden = ("<script", "<i>", "<b>", "<u>", "<q>", "<img", "style=")
        assert not [tag for tag in forbidden if tag in page.text]
    assert "&lt;script&gt;" in get(sandbox, "/").text
    assert get(sandbox, "/sandbox.css").headers["Content-Type"].startswith("text/css")


def test_a_foreign_web_page_can_neither_read_nor_command(sandbox: Sandbox) -> None:
    rebound = {"Host": "evil.example:80"}
    for path in ("/", "/calls", "/control"):
        assert requests.get(sandbox.url + path, headers=rebound, timeout=10).status_code == 404
    assert requests.delete(sandbox.url + "/control", headers=rebound, timeout=10).status_code == 404
    posted = requests.post(sandbox.url + "/control", json={"status": 500}, headers=rebound, timeout=10)
    assert posted.status_code == 404
    simple = requests.post(sandbox.url + "/control", data='{"status":500}', timeout=10)
    assert simple.status_code == 415
    assert sandbox.control()["rules"] == []


def test_many_connections_at_once_lose_and_double_nothing(sandbox: Sandbox) -> None:
    def send(first: int) -> None:
        for number in range(first, first + 200, 10):
            offer(sandbox, *(call(str(each)) for each in range(number, number + 20)))

    threads = [threading.Thread(target=send, args=(first,)) for first in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = sandbox.stats()
    assert stats["received"] == 8 * 20 * 20
    assert stats["accepted"] == stats["distinct_ids"] == 910
    assert stats["duplicates"] == stats["received"] - 910
