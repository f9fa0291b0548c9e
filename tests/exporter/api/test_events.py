"""What the door promises: every answer is clear, nothing is acknowledged and lost, nothing is a 500."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.test import Client

from connectors.models import IntakeToken
from exporter.log import event_log, unpacking
from exporter.models import RefusalCount, RejectedEvent
from tests.support.factories import IntakeTokenFactory, WorkspaceFactory, event

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/events"
NOTHING = {"accepted": 0, "duplicates": 0, "rejected": []}


class Sender:
    """Posts to the intake with a token."""

    def __init__(self, **fields: Any) -> None:
        self.token: IntakeToken = IntakeTokenFactory.create(**fields)
        self.plain = f"cur_{self.token.prefix}_test"
        self.client = Client(raise_request_exception=False)

    def post(self, body: bytes | object, encoding: str | None = None, **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.plain}"} | headers
        if encoding is not None:
            sent["Content-Encoding"] = encoding
        return self.client.post(URL, raw, content_type="application/json", headers=sent)

    @property
    def workspace_id(self) -> int:
        return self.token.workspace_id

    def stored(self) -> list[dict[str, Any]]:
        headers = event_log.headers(self.workspace_id, 0, 1_000)
        payloads = event_log.payloads([header.id for header in headers])
        return [json.loads(line) for header in headers for line in unpacking.lines(payloads[header.id])]


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.mark.parametrize(
    "form",
    [
        lambda events: json.dumps({"events": events}).encode(),
        lambda events: json.dumps(events).encode(),
        lambda events: b"\n".join(json.dumps(one).encode() for one in events),
    ],
    ids=["envelope", "array", "ndjson"],
)
def test_every_form_of_body_is_stored(sender: Sender, form: Any) -> None:
    events = [event(number) for number in range(3)]
    answer = sender.post(form(events))
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 3, "duplicates": 0, "rejected": []}
    assert sender.stored() == events


def test_a_slash_too_many_is_the_same_door() -> None:
    sender = Sender()
    body = json.dumps([event(1)])
    headers = {"Authorization": f"Bearer {sender.plain}"}
    answer = sender.client.post(f"{URL}/", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    assert sender.client.post(f"{URL}/", b"[]", content_type="application/json").status_code == 401


def test_a_single_event_is_stored(sender: Sender) -> None:
    assert sender.post(event(1)).json()["accepted"] == 1
    assert sender.stored() == [event(1)]


def test_the_custom_http_shape_is_stored_flat(sender: Sender) -> None:
    nested = {
        "event_type": "users_canvas_abort",
        "id": "nested",
        "time": 5,
        "user": {"external_user_id": "customer", "user_id": "u"},
        "properties": {"canvas_name": "Welcome", "user_id": "shadowed"},
    }
    assert sender.post({"events": [nested]}).status_code == 202
    assert sender.stored() == [
        {
            "event_type": "users.canvas.Abort",
            "id": "nested",
            "time": 5,
            "canvas_name": "Welcome",
            "user_id": "u",
            "external_user_id": "customer",
        }
    ]


@pytest.mark.parametrize("body", [b"", b" \n", b'{"events": []}', b"[]"])
def test_a_probe_is_answered_and_stores_nothing(sender: Sender, body: bytes) -> None:
    answer = sender.post(body)
    assert (answer.status_code, answer.json()) == (200, NOTHING)
    assert event_log.head(sender.workspace_id) == 0


def test_a_probe_with_a_bad_token_is_refused(sender: Sender) -> None:
    answer = sender.post(b"", Authorization="Bearer cur_unknown_token")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer cur_",
        "Bearer cur__x",
        "Bearer cur_\xe4_x",
        "Bearer " + "x" * 9_000,
    ],
)
def test_what_is_no_token_is_401(sender: Sender, header: str) -> None:
    assert sender.post(event(1), Authorization=header).status_code == 401
    assert event_log.head(sender.workspace_id) == 0


def test_the_right_prefix_with_a_wrong_rest_is_401(sender: Sender) -> None:
    assert sender.post(event(1), Authorization=f"Bearer {sender.plain}x").status_code == 401


def test_a_token_to_read_does_not_send() -> None:
    reader = Sender(scopes=["read"])
    answer = reader.post(event(1))
    assert answer.status_code == 403
    assert "intake" in answer.json()["detail"]


def test_a_token_sends_to_its_own_workspace_only(sender: Sender) -> None:
    other = Sender(workspace=WorkspaceFactory.create())
    other.post(event(1))
    assert event_log.head(sender.workspace_id) == 0
    assert event_log.head(other.workspace_id) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"hello", 400),
        (b'{"events": [', 400),
        (b'{"events": 7}', 400),
        (b'[{"id": "x"', 400),
        (b"\xff\xfe{\x00}\x00", 400),
        (b"12", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b"[" * 100_000, 400),
        (b"[" + b",".join([b"{}"] * 10_001) + b"]", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_as_a_whole(sender: Sender, body: bytes, status: int) -> None:
    answer = sender.post(body)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")
    assert event_log.head(sender.workspace_id) == 0


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (event(9, id=None), "id"),
        (event(9, id=""), "id"),
        (event(9, id=7), "id"),
        (event(9, id="x" * 100), "id"),
        (event(9, time=None), "time"),
        (event(9, time="now"), "time"),
        (event(9, time=0), "time"),
        (event(9, time=1_700_000_000_000), "milliseconds"),
        (event(9, time=10**30), "far too large"),
        (event(9, event_type=None), "event_type"),
        (event(9, event_type=""), "event_type"),
        (event(9, event_type="x" * 201), "event_type"),
        (event(9, event_type="a\nb"), "event_type"),
        (event(9, user=[]), "user"),
        (event(9, properties=[1]), "properties"),
        (event(9, campaign_name="x" * 900_000), "bytes"),
        (event(9, id="nul\x00id", time=None), "time"),
        (7, "object"),
        ("text", "object"),
        ([], "object"),
    ],
)
def test_one_bad_event_is_refused_alone_with_its_reason(sender: Sender, bad: object, word: str) -> None:
    answer = sender.post({"events": [event(1), bad, event(2)]})
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    (refused,) = answer.json()["rejected"]
    assert refused["index"] == 1
    assert word in refused["reason"]
    assert [one["id"] for one in sender.stored()] == ["event-1", "event-2"]
    kept = RejectedEvent.objects.get()
    assert kept.reason == refused["reason"]
    raw = json.dumps(bad).encode()
    assert bytes(kept.event) == raw[:32_000]
    assert kept.cut == (len(raw) > 32_000)
    assert list(RefusalCount.objects.values_list("count", "kept")) == [(1, 1)]


@pytest.mark.parametrize(
    "odd",
    [
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"event_type":"a","id":"\\ud800","time":1}',
        b'{"event_type":"a","id":"x","time":NaN}',
        b'{"event_type":"a","id":"x","time":1e999}',
        b'{"event_type":"a","id":"x","time":1,"f":"\xff"}',
        b'{"event_type":"a","id":"x","time":1,"f":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"event_type":"a","id":"\\u0000","time":1}',
        b'{"event_type":"a\\u0000","id":"x","time":1}',
        b'{"event_type":"a","id":"x","time":' + b"9" * 5_000 + b"}",
    ],
)
def test_odd_events_get_a_clear_answer(sender: Sender, odd: bytes) -> None:
    answer = sender.post(b'{"events":[' + odd + b"]}")
    assert answer.status_code in (202, 400), answer.content
    if answer.status_code == 202:
        counted = answer.json()
        assert counted["accepted"] + counted["duplicates"] + len(counted["rejected"]) == 1
        assert event_log.head(sender.workspace_id) == counted["accepted"]


def test_a_body_of_nothing_but_refused_events_is_202_and_moves_no_number(sender: Sender) -> None:
    answer = sender.post([event(1, time=None), event(2, id=None)])
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 0
    assert [one["id"] for one in answer.json()["rejected"]] == ["event-1", None]
    assert event_log.head(sender.workspace_id) == 0


def test_the_same_refused_event_is_kept_once_and_counted_twice(sender: Sender) -> None:
    sender.post(event(1, time=None))
    sender.post(event(1, time=None))
    assert RejectedEvent.objects.count() == 1
    assert list(RefusalCount.objects.values_list("count", "kept")) == [(2, 1)]


def test_a_day_keeps_so_many_refused_events_and_counts_the_rest(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.intake.refusals.MOST_A_DAY", 5)
    sender.post([event(number, time=None) for number in range(3)])
    sender.post([event(number, time=None) for number in range(3, 9)])
    assert RejectedEvent.objects.count() == 5
    assert list(RefusalCount.objects.values_list("count", "kept")) == [(9, 5)]


def test_events_sent_again_are_duplicates_whatever_body_they_come_in(sender: Sender) -> None:
    sender.post([event(number) for number in range(10)])
    answer = sender.post([event(number) for number in range(5, 12)] + [event(11)])
    assert answer.json() == {"accepted": 2, "duplicates": 6, "rejected": []}
    assert [one["id"] for one in sender.stored()] == [f"event-{number}" for number in range(12)]


def test_gzip_is_understood_also_in_several_members(sender: Sender) -> None:
    raw = json.dumps([event(1), event(2)]).encode()
    packed = gzip.compress(raw[:20]) + gzip.compress(raw[20:])
    assert sender.post(packed, encoding="gzip").json()["accepted"] == 2
    assert sender.post(b"", encoding="gzip").status_code == 200
    assert sender.post(raw, encoding="identity").json()["duplicates"] == 2


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(json.dumps([event(1)]).encode(), mtime=0)[:-9], "gzip", 400),
        (gzip.compress(b"{}", mtime=0)[:5], "gzip", 400),
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"[]", mtime=0) + b"rest", "gzip", 400),
        (gzip.compress(b"[", mtime=0) * 200, "gzip", 400),
        (gzip.compress(b" " * 33_000_000, mtime=0), "gzip", 413),
        (gzip.compress(b" " * 20_000_000, mtime=0) * 2, "gzip", 413),
        (b"[]", "br", 415),
        (b"[]", "gzip, gzip", 415),
        (b" " * 10_000_001, "identity", 413),
    ],
)
def test_what_cannot_be_unpacked_is_refused(sender: Sender, body: bytes, encoding: str, status: int) -> None:
    answer = sender.post(body, encoding=encoding)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert event_log.head(sender.workspace_id) == 0
