"""Every event becomes exactly the Segment call the catalogue says, or the outcome that says why not."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.catalogue.catalogue import ALL, CATALOGUE
from exporter.destinations.segment.transform import Judged, Plan, convert
from exporter.intake.normalise import normalise
from exporter.ledger.outcomes import Outcome
from exporter.sandbox.offer import Call, drop_reason
from exporter.version import VERSION
from tests.support.plain_transform import plain_call

SAMPLES = Path(__file__).parents[3] / "samples"
EVERYTHING = Plan(ALL, include_anonymous=True)
OPEN = "users.messages.email.Open"


def judge(event: dict[str, Any], plan: Plan = EVERYTHING) -> Judged:
    return convert(normalise(json.dumps(event).encode()).line, plan)


def call_of(event: dict[str, Any]) -> dict[str, Any]:
    judged = judge(event)
    assert judged.outcome is Outcome.DELIVERED, judged
    assert judged.call is not None
    call: dict[str, Any] = json.loads(judged.call)
    return call


def sample(event_type: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{event_type}.json").read_text())
    found["call"]["context"]["library"]["version"] = VERSION
    return found


def opened(**fields: Any) -> dict[str, Any]:
    return {"event_type": OPEN, "id": "o-1", "time": 1767323045, "external_user_id": "u", **fields}


@pytest.mark.parametrize("event_type", sorted(ALL))
@pytest.mark.parametrize("shape", ["flat", "custom_http"])
def test_every_sample_becomes_its_literal_call(event_type: str, shape: str) -> None:
    expected = sample(event_type)
    for name in (event_type, *CATALOGUE.by_name[event_type].aliases):
        assert call_of({**expected[shape], "event_type": name}) == expected["call"]


def test_a_field_the_catalogue_does_not_list_is_never_sent() -> None:
    assert call_of(opened(shoe_size=44, campaign_name="A")) == call_of(opened(campaign_name="A"))


def test_there_is_no_sample_of_a_type_the_catalogue_does_not_have() -> None:
    assert {path.stem for path in SAMPLES.iterdir()} == ALL


VALUES = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "7",
            "-12",
            "007",
            "7.0",
            "true",
            "False",
            "0",
            "1",
            "\x00",
            "日本",
            "😀",
            '{"a": [1]}',
            "[1]",
            "{",
        ]
    ),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.sampled_from([0, 1, 0.0, 1.0, 7.0, 2.0**53, 2.0**54, 1e300, -0.0]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none()), max_size=4),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
TIMES = st.one_of(st.integers(1, 10**11 - 1), st.integers(1, 10**11 * 1000 - 1).map(lambda n: n / 1000))


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(CATALOGUE.events))
    # Of these two the intake makes the event's form, whatever a type calls a field of its own.
    own = [name for name in (*kind.storage, *kind.also) if name not in ("user", "properties")]
    names = st.sampled_from([*own, "unknown_field"])
    event = draw(st.dictionaries(names, VALUES, max_size=25))
    event["event_type"] = draw(st.sampled_from([kind.event_type, *kind.aliases]))
    if kind.segment_event_from:
        event[kind.segment_event_from] = draw(st.text(min_size=1).filter(str.strip))
    event["id"] = draw(st.text(min_size=1, max_size=99))
    event["time"] = draw(TIMES)
    return event


@settings(max_examples=400, deadline=None)
@given(events())
def test_any_event_becomes_what_the_plain_implementation_makes_of_it(event: dict[str, Any]) -> None:
    expected = plain_call(json.loads(json.dumps(event)), VERSION)
    if expected is None:
        assert judge(event).outcome is Outcome.REJECTED
        return
    # As text, because Python takes true for 1 and 7.0 for 7.
    assert json.dumps(call_of(event), sort_keys=True) == json.dumps(expected, sort_keys=True)


@settings(max_examples=200, deadline=None)
@given(events(), VALUES, VALUES)
def test_nothing_is_sent_that_segment_would_drop(
    event: dict[str, Any], external: object, user: object
) -> None:
    event |= {"external_user_id": external, "user_id": user}
    judged = judge(event)
    if judged.call is not None:
        assert drop_reason(msgspec.json.decode(judged.call, type=Call)) is None
    else:
        assert (judged.outcome, bool(judged.reason)) == (Outcome.REJECTED, True)


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ({}, "neither external_user_id nor user_id"),
        ({"external_user_id": "", "user_id": ""}, "neither external_user_id nor user_id"),
        ({"external_user_id": ["a"], "user_id": "u"}, "external_user_id is no text but a list"),
        ({"external_user_id": {"a": 1}}, "external_user_id is no text but an object"),
        ({"external_user_id": "x", "user_id": ["u"]}, "user_id is no text but a list"),
    ],
)
def test_an_event_without_a_usable_id_is_not_sent_and_says_why(ids: dict[str, Any], reason: str) -> None:
    judged = judge({"event_type": OPEN, "id": "o-1", "time": 1767323045, **ids})
    assert judged.outcome is Outcome.REJECTED
    assert reason in judged.reason


def test_an_anonymous_event_that_is_not_wanted_is_anonymous_before_it_is_rejected() -> None:
    assert (
        judge(opened(external_user_id=None), Plan(ALL, include_anonymous=False)).outcome is Outcome.ANONYMOUS
    )


@pytest.mark.parametrize("name", [None, "", "  ", ["x"]])
def test_a_custom_event_without_a_name_is_not_sent_and_says_why(name: object) -> None:
    judged = judge({**opened(), "event_type": "users.behaviors.CustomEvent", "name": name})
    assert (judged.outcome, judged.call) == (Outcome.REJECTED, None)
    assert judged.reason == "The event has no name, which Segment needs as the name of the event."


def test_a_type_whose_name_in_segment_is_not_published_is_unsupported() -> None:
    (nameless,) = CATALOGUE.nameless
    assert judge(opened(event_type=nameless.event_type)).outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize(
    ("time", "timestamp"),
    [
        (1767323045, "2026-01-02T03:04:05Z"),
        (1767323045.0, "2026-01-02T03:04:05Z"),
        (1767323045.25, "2026-01-02T03:04:05.250Z"),
        (1767323045.9996, "2026-01-02T03:04:06.000Z"),
        (1, "1970-01-01T00:00:01Z"),
        (99999999999, "5138-11-16T09:46:39Z"),
    ],
)
def test_time_is_sent_to_the_second_or_the_millisecond(time: float, timestamp: str) -> None:
    assert call_of(opened(time=time))["timestamp"] == timestamp


def test_empty_texts_are_sent_and_nulls_are_not() -> None:
    call = call_of(opened(user_id="", campaign_name="", esp=None, email_address=None))
    assert call["anonymousId"] == ""
    assert call["properties"] == {"campaign_name": ""}
    assert call["context"] == {"library": {"name": "currents-admin", "version": VERSION}}


def test_numbers_as_user_ids_are_sent_as_text() -> None:
    call = call_of(opened(external_user_id=42, user_id=43))
    assert (call["userId"], call["anonymousId"]) == ("42", "43")


@pytest.mark.parametrize("external", [None, "", "absent"])
def test_anonymous_users_are_sent_without_user_id_only_if_wanted(external: str | None) -> None:
    event = opened(user_id="b-1", external_user_id=external)
    if external == "absent":
        del event["external_user_id"]
    assert judge(event, Plan(ALL, include_anonymous=False)) == (OPEN, Outcome.ANONYMOUS, None, "")
    assert "userId" not in call_of(event)
    assert call_of(event)["anonymousId"] == "b-1"


def test_outcomes_come_in_the_order_of_their_precedence() -> None:
    nothing = Plan(frozenset(), include_anonymous=False)
    known = Plan(frozenset({OPEN}), include_anonymous=False)
    large = opened(external_user_id=None, campaign_name="x" * 40_000)
    assert judge({**large, "event_type": "users.new.Thing"}, known).outcome is Outcome.UNSUPPORTED
    assert judge(large, nothing).outcome is Outcome.UNSELECTED
    assert judge(large, known).outcome is Outcome.ANONYMOUS
    assert judge({**large, "external_user_id": "u"}, known).outcome is Outcome.REJECTED
    assert judge(opened(), known).outcome is Outcome.DELIVERED


def test_a_call_of_exactly_the_limit_is_sent_and_one_byte_more_is_not() -> None:
    empty = judge(opened(campaign_name="")).call
    assert empty is not None
    fitting = judge(opened(campaign_name="x" * (32_000 - len(empty))))
    assert fitting.call is not None
    assert len(fitting.call) == 32_000
    over = judge(opened(campaign_name="x" * (32_001 - len(empty))))
    assert (over.outcome, over.call) == (Outcome.REJECTED, None)
    assert "32001" in over.reason
    assert "32000" in over.reason


def test_the_limit_counts_bytes_not_characters() -> None:
    assert judge(opened(campaign_name="日" * 11_000)).outcome is Outcome.REJECTED


@pytest.mark.parametrize(
    "event_type", ['a "quoted" type', "back\\slash", "日本", "users.messages.email.Open "]
)
def test_unsupported_types_keep_their_name(event_type: str) -> None:
    assert judge(opened(event_type=event_type)) == (event_type, Outcome.UNSUPPORTED, None, "")


def test_an_alias_in_the_selection_means_the_type_itself() -> None:
    plan = Plan(frozenset({"users_canvas_abort"}), include_anonymous=False)
    assert judge(opened(event_type="users.canvas.Abort"), plan).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b'{"event_type":"',
        b'{"event_type":"users.messages.email.Open","id":"x","time":',
        b'{"event_type":"users.messages.email.Open"}',
        b'{"event_type":"users.messages.email.Open","id":"x","time":"now","external_user_id":"u"}',
        b'{"event_type":"users.messages.email.Open","id":"x","time":1e300,"external_user_id":"u"}',
        b'{"event_type":"users.messages.email.Open","id":"x","time":1,"x":'
        + b"[" * 9000
        + b"]" * 9000
        + b"}",
        b'{"event_type":"\xff","id":"x","time":1}',
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_and_stops_nothing(line: bytes) -> None:
    judged = convert(line, EVERYTHING)
    assert (judged.outcome, judged.call) == (Outcome.REJECTED, None)
    assert re.match("The stored event cannot be read|The event is nested too deeply", judged.reason)


def test_a_line_with_its_type_elsewhere_is_read_all_the_same() -> None:
    line = b'{"id":"x","time":1,"external_user_id":"u", "event_type" : "users.messages.email.Open"}'
    assert convert(line, EVERYTHING).outcome is Outcome.DELIVERED
