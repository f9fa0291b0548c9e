"""The sandbox fails as it was told, proves that it did, and keeps no call that it should not."""

import http.client
import socket
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import requests

from exporter.sandbox import Sandbox, running_sandbox
from tests.support.sandbox_calls import KEY, Json, call, compact, get, offer, until


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def test_rules_come_and_go_over_http_with_their_uses_counted(sandbox: Sandbox) -> None:
    url = sandbox.url + "/control"
    added = requests.post(url, json={"status": 503, "count": 2}, timeout=10).json()["added"]
    requests.post(url, json={"rules": [{"status": 429, "headers": {"Retry-After": "7"}}]}, timeout=10)
    answers = [offer(sandbox, call()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 429]
    assert answers[2].headers["Retry-After"] == "7"
    control = get(sandbox, "/control").json()
    assert [(rule["uses"], rule["ended"]) for rule in control["rules"]] == [(2, True), (1, False)]
    assert sandbox.uses(added[0]) == 2
    assert [rule["uses"] for rule in requests.delete(url, timeout=10).json()["rules"]] == [2, 1]
    assert offer(sandbox, call()).status_code == 200
    assert (sandbox.stats()["injected"], sandbox.stats()["accepted"]) == (3, 1)


@pytest.mark.parametrize(
    "rule",
    [
        {"stats": 503},
        {"status": 99},
        {"probability": 2},
        {"headers": {"A": "b\r\nC: d"}},
        {"match": {"key4": KEY}},
        {"latency_ms": -1},
        {"unknown_key": 500},
        [],
    ],
)
def test_a_bad_rule_is_refused_and_changes_nothing(sandbox: Sandbox, rule: Any) -> None:
    before = sandbox.control()
    answer = requests.post(sandbox.url + "/control", json=rule, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_rule")
    assert KEY not in answer.text
    assert sandbox.control() == before


@pytest.mark.parametrize(
    "match", [{"event": "Poison"}, {"message_id": "bad-7"}, {"message_id_prefix": "bad-"}, {"key4": "evil"}]
)
def test_a_rule_meets_only_the_requests_it_matches(sandbox: Sandbox, match: Json) -> None:
    sandbox.fail(status=400, match=match)
    poison, key = call("bad-7", event="Poison"), "a-key-that-is-evil"
    assert offer(sandbox, call("good")).status_code == 200
    assert offer(sandbox, call("good-2"), poison, key=key).status_code == 400
    assert sandbox.message_ids() == ["good"]


def test_one_call_must_have_all_a_match_asks_for(sandbox: Sandbox) -> None:
    sandbox.fail(status=400, match={"event": "Poison", "message_id": "a"})
    assert offer(sandbox, call("a"), call("b", event="Poison")).status_code == 200
    assert offer(sandbox, call("a", event="Poison")).status_code == 400


def test_a_probability_is_repeatable_from_its_seed() -> None:
    runs = []
    for _ in range(2):
        with running_sandbox() as sandbox:
            sandbox.fail(status=500, probability=0.5, seed=3)
            runs.append([offer(sandbox, call(str(number))).status_code for number in range(40)])
    assert runs[0] == runs[1]
    assert 10 <= runs[0].count(500) <= 30


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"reset": True}, []),
        ({"accept_then_reset": True}, ["a"]),
        ({"reset": True, "match": {"message_id": "a"}}, []),
    ],
)
def test_a_reset_is_a_real_one_and_keeps_only_what_it_should(
    sandbox: Sandbox, rule: Json, kept: list[str]
) -> None:
    number = sandbox.fail(**rule)
    body = compact({"batch": [call("a")], "writeKey": KEY})
    head = f"POST /v1/batch HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(head.encode() + body)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert sandbox.message_ids() == kept
    assert sandbox.uses(number) == 1
    assert sandbox.requests()[0]["status"] is None


def test_a_hanging_request_is_in_flight_until_its_client_goes(sandbox: Sandbox) -> None:
    sandbox.fail(hang=True)
    body = b"POST /v1/batch HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])), timeout=10) as client:
        client.sendall(body)
        until(lambda: sandbox.stats()["requests"] == 1)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert sandbox.stats()["in_flight"] == 1
    until(lambda: sandbox.stats()["in_flight"] == 0)


def test_stopping_does_not_wait_for_those_that_hang() -> None:
    began = time.monotonic()
    with running_sandbox(latency_ms=60_000) as sandbox:
        sandbox.fail(hang=True, count=1)
        client = socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2])))
        client.sendall(b"POST /v1/batch HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        until(lambda: sandbox.stats()["in_flight"] == 1)
    assert time.monotonic() - began < 10
    client.close()


def test_a_delay_keeps_the_calls_first_and_answers_later(sandbox: Sandbox) -> None:
    sandbox.fail(delay_ms=300)
    began = time.monotonic()
    assert offer(sandbox, call("a")).status_code == 200
    took = time.monotonic() - began
    assert took >= 0.3
    assert sandbox.message_ids() == ["a"]
    assert sandbox.requests()[0]["milliseconds"] >= 300


def test_requests_in_flight_at_once_are_counted(sandbox: Sandbox) -> None:
    sandbox.fail(hang=True)
    clients = [socket.create_connection(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))) for _ in range(3)]
    for client in clients:
        client.sendall(b"POST /v1/batch HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    until(lambda: sandbox.stats()["in_flight"] == 3)
    for client in clients:
        client.close()
    until(lambda: sandbox.stats()["in_flight"] == 0)
    assert sandbox.stats()["max_in_flight"] == 3


def test_requests_one_after_another_are_never_two_at_once(sandbox: Sandbox) -> None:
    for number in range(50):
        offer(sandbox, call(str(number)))
    assert sandbox.stats()["max_in_flight"] == 1


def test_a_huge_answer_has_the_size_asked_for(sandbox: Sandbox) -> None:
    sandbox.fail(status=500, huge_body=3_000_001, body="oops")
    answer = offer(sandbox, call())
    assert (answer.status_code, len(answer.content)) == (500, 3_000_001)
    assert answer.text.rstrip() == "oops"


def test_a_slow_answer_sends_its_head_at_once_and_its_body_in_drops(sandbox: Sandbox) -> None:
    sandbox.fail(slow_body=True)
    body = compact({"batch": [call("a")], "writeKey": KEY})
    connection = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=10)
    connection.request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) == 600
    began = time.monotonic()
    assert answer.read(5) == b'{"suc'
    assert time.monotonic() - began >= 0.3
    assert sandbox.stats()["in_flight"] == 1
    answer.close()
    connection.close()


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"status": 500, "store": True}, ["a"]),
        ({"status": 204}, ["a"]),
        ({"store": False}, []),
        ({"status": 302}, []),
    ],
)
def test_calls_are_kept_where_the_answer_says_so_unless_told_otherwise(
    sandbox: Sandbox, rule: Json, kept: list[str]
) -> None:
    sandbox.fail(**rule)
    assert offer(sandbox, call("a")).status_code == rule.get("status", 200)
    assert sandbox.message_ids() == kept


def test_a_bad_rule_from_a_test_is_an_error_there(sandbox: Sandbox) -> None:
    with pytest.raises(msgspec.ValidationError):
        sandbox.fail(statsu=500)
