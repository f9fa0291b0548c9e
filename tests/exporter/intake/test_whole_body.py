"""A plain body is parsed at once; what comes of it is what judging event by event gives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.intake import whole_body
from exporter.intake.normalise import MOST_BYTES, parse_body
from exporter.intake.refusals import sort_out
from exporter.log.events import Incoming

PLAIN = {
    "event_type": "users.messages.email.Open",
    "id": "one",
    "time": 1_750_000_000,
    "user": {"user_id": "u", "external_user_id": "e"},
    "properties": {"campaign_name": "Spring"},
}
FLAT = {"event_type": "users.messages.email.Open", "id": "two", "time": 1_750_000_000.5, "campaign_name": "S"}


def body(*events: Any) -> bytes:
    return json.dumps({"events": events}).encode()


def deep(levels: int) -> Any:
    value: Any = "here"
    for _ in range(levels):
        value = [value]
    return value


def at_once(raw: bytes) -> list[Incoming] | None:
    whole = whole_body.read(raw)
    return None if whole is None else whole_body.normalised(whole)


@pytest.mark.parametrize(
    "events",
    [
        [PLAIN],
        [PLAIN, FLAT],
        [PLAIN | {"properties": {"note": 'a { and "events" in a text'}}],
        [PLAIN | {"properties": {"tags": ["a", "b"]}}, FLAT],
        [PLAIN | {"properties": {"deep": deep(60)}}],
    ],
)
def test_a_plain_body_becomes_what_its_events_become_one_by_one(events: list[Any]) -> None:
    whole = whole_body.read(body(*events))
    assert whole is not None
    assert len(whole) == len(events)
    assert (whole_body.normalised(whole), []) == sort_out(parse_body(body(*events)))


@pytest.mark.parametrize(
    "events",
    [
        [PLAIN, PLAIN | {"id": ""}],
        [PLAIN | {"time": 1_750_000_000_000}],
        [PLAIN | {"user": "nobody"}],
        [PLAIN | {"properties": {"deep": deep(63)}}],
        [FLAT | {"extra": deep(64)}],
    ],
)
def test_a_body_with_an_event_to_be_refused_is_judged_one_by_one(events: list[Any]) -> None:
    whole = whole_body.read(body(*events))
    assert whole is not None
    assert whole_body.normalised(whole) is None
    assert sort_out(parse_body(body(*events)))[1]


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"[]",
        b"{}",
        b'{"events":7}',
        b'{"events":[7]}',
        json.dumps(PLAIN).encode(),
        json.dumps(PLAIN).encode() + b"\n" + json.dumps(FLAT).encode(),
        b"\xef\xbb\xbf" + body(PLAIN),
        b'{"events":[{"id":NaN}]}',
        b'{"events":[{"id":"\xff"}]}',
        b'{"events":[{"id":"\\ud83d"}]}',
        b'{"events":[' + b"[" * 5_000 + b"]" * 5_000 + b"]}",
        b'{"events":[{"id":"a"}],"events":[{"id":"b"}]}',
        b'{"events":[{"id":"a"}],"\\u0065vents":[{"id":"b"}]}',
        body(*[{"id": "a"}] * 10_001),
        body(PLAIN | {"properties": {"long": "x" * MOST_BYTES}}),
    ],
)
def test_what_is_not_plain_is_left_to_those_who_look_at_each_event(odd: bytes) -> None:
    assert at_once(odd) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.fixed_dictionaries(
    {"event_type": st.sampled_from(["users.messages.email.Open", "x.y", ""]) | VALUES},
    optional={
        "id": st.text(max_size=3) | VALUES,
        "time": st.integers(-1, 10**12) | VALUES,
        "user": st.dictionaries(st.sampled_from(["external_user_id", "user_id", "id"]), VALUES) | VALUES,
        "properties": st.dictionaries(st.text(max_size=5), VALUES, max_size=3) | VALUES,
        "campaign_name": VALUES,
    },
)


@given(st.lists(EVENTS | VALUES, max_size=3))
def test_parsing_at_once_never_changes_what_is_stored(events: list[Any]) -> None:
    raw = body(*events)
    stored = at_once(raw)
    if stored is not None:
        assert (stored, []) == sort_out(parse_body(raw))
