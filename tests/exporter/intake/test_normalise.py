"""Every event is brought into one flat line, or refused alone with a reason that says what to do."""

import json
from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.intake.normalise import EventRefused, normalise, normalise_record
from exporter.log import own_id
from exporter.log.events import Incoming

BASE: dict[str, Any] = {"event_type": "users.messages.email.Open", "id": "e-1", "time": 1767323045}


def accept(**fields: Any) -> Incoming:
    return normalise(json.dumps({**BASE, **fields}).encode())


def flat(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(accept(**fields).line)
    return found


def refusal(raw: bytes) -> EventRefused:
    with pytest.raises(EventRefused) as refused:
        normalise(raw)
    assert refused.value.reason.endswith(".")
    return refused.value


def refuse(**fields: Any) -> EventRefused:
    return refusal(json.dumps({**BASE, **fields}).encode())


def test_a_flat_event_is_kept_whole_and_begins_with_its_identity() -> None:
    raw = json.dumps({"zebra": [1, {"a": None}], **BASE, "external_user_id": "u", "esp": None}, indent=2)
    line = normalise(raw.encode()).line
    assert line.startswith(b'{"event_type":"users.messages.email.Open","id":"e-1","time":1767323045,')
    assert json.loads(line) == json.loads(raw)
    assert b"\n" not in line
    assert b": " not in line


def test_the_custom_http_shape_becomes_the_same_line_as_the_flat_one() -> None:
    user = {"user_id": "b", "external_user_id": "u", "device_id": "d", "timezone": "UTC"}
    assert flat(user=user, properties={"esp": "x", "is_amp": True}) == {
        **BASE,
        **user,
        "esp": "x",
        "is_amp": True,
    }


def test_in_the_custom_http_shape_the_nearer_to_the_user_wins() -> None:
    event = flat(
        user={"device_id": "of user", "id": "no", "time": 7, "event_type": "no", "timezone": None},
        properties={"device_id": "of properties", "id": "no", "time": 8, "esp": "inner", "timezone": "kept"},
        esp="outer",
        batch="outer",
    )
    assert event == {**BASE, "device_id": "of user", "esp": "inner", "batch": "outer", "timezone": "kept"}


@pytest.mark.parametrize(
    "shape", [{"user": None}, {"properties": None}, {"user": None, "properties": None}, {"user": {}}]
)
def test_empty_parts_of_the_custom_http_shape_count_as_absent(shape: dict[str, Any]) -> None:
    assert flat(**shape, extra=1) == {**BASE, "extra": 1}


def test_properties_of_the_flat_shape_are_a_text() -> None:
    assert flat(properties='{"a": 1}') == {**BASE, "properties": '{"a": 1}'}


@pytest.mark.parametrize("part", ["user", "properties"])
@pytest.mark.parametrize("value", ["text", 1, True, [], [{}]])
def test_parts_that_are_no_objects_are_refused(part: str, value: object) -> None:
    refused = refuse(**({"user": {}} | {part: value}))
    assert refused.reason.startswith(f"{part} must be an object")
    assert refused.id == "e-1"


def test_aliases_are_stored_as_the_catalogue_spells_them() -> None:
    incoming = accept(event_type="users_canvas_abort")
    assert incoming.event_type == "users.canvas.Abort"
    assert incoming.line.startswith(b'{"event_type":"users.canvas.Abort"')


@pytest.mark.parametrize("event_type", ["x", "users.new.Thing", "日本", 'with "quotes"', "x" * 200])
def test_unknown_types_are_accepted_and_kept(event_type: str) -> None:
    incoming = accept(event_type=event_type)
    assert incoming.event_type == json.loads(incoming.line)["event_type"] == event_type


def test_the_id_and_its_hash_are_handed_on() -> None:
    incoming = accept(id="ü" * 99)
    assert incoming.id == "ü" * 99
    assert incoming.id_hash == blake2b(("ü" * 99).encode(), digest_size=8).digest()


@pytest.mark.parametrize(
    ("fields", "anonymous"),
    [
        ({}, True),
        ({"external_user_id": None}, True),
        ({"external_user_id": ""}, True),
        ({"external_user_id": "u"}, False),
        ({"external_user_id": 0}, False),
        ({"user": {"user_id": "b"}}, True),
        ({"user": {"external_user_id": ""}}, True),
        ({"user": {"external_user_id": "u"}}, False),
    ],
)
def test_users_without_external_id_are_anonymous(fields: dict[str, Any], anonymous: bool) -> None:
    assert accept(**fields).anonymous is anonymous


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("event_type", None, "event_type is missing"),
        ("event_type", 5, "event_type must be text"),
        ("event_type", ["a"], "event_type must be text"),
        ("event_type", "", "event_type has 0 characters"),
        ("event_type", "x" * 201, "event_type has 201 characters"),
        ("event_type", "a\nb", "control character"),
        ("event_type", "a\x7f", "control character"),
        ("event_type", "a\x85", "control character"),
        ("id", None, "id is missing"),
        ("id", 5, "id must be text"),
        ("id", {}, "id must be text"),
        ("id", "", "id is empty"),
        ("id", "x" * 100, "id has 100 characters"),
        ("time", None, "time is missing"),
        ("time", "1767323045", "time must be a number"),
        ("time", True, "time must be a number"),
        ("time", [1], "time must be a number"),
        ("time", 0, "greater than 0"),
        ("time", -1, "greater than 0"),
        ("time", 1767323045000, "looks like milliseconds: divide it by 1000"),
        ("time", 10**11, "looks like milliseconds"),
        ("time", 1e11, "looks like milliseconds"),
        ("time", 10**14, "looks like microseconds: divide it by 1000000 "),
        ("time", 1.7e18, "looks like nanoseconds: divide it by 1000000000 "),
        ("time", 1e20, "far too large"),
        ("time", 10**400, "far too large"),
    ],
)
def test_identity_is_checked_with_a_reason_that_says_what_to_do(
    field: str, value: object, words: str
) -> None:
    refused = refuse(**{field: value})
    assert words in refused.reason
    if field != "id":
        assert refused.id == "e-1"
    if value is None:
        without = {name: kept for name, kept in BASE.items() if name != field}
        assert words in refusal(json.dumps(without).encode()).reason


def test_a_refusal_names_the_event_by_its_id_but_never_by_a_novel() -> None:
    assert refuse(time=0).id == "e-1"
    assert refuse(id="x" * 800_000).id == "x" * 99
    assert refuse(id=5).id is None
    assert refusal(b"{").id is None


@pytest.mark.parametrize("time", [1, 0.5, 1767323045.25, 10**11 - 1, 99999999999.999])
def test_time_may_be_whole_or_fractional_and_lie_in_the_future(time: float) -> None:
    assert flat(time=time)["time"] == time


def test_events_up_to_900_kb_are_accepted() -> None:
    size = len(json.dumps({**BASE, "note": ""}))
    assert len(accept(note="x" * (900_000 - size)).line) < 900_000
    assert "900001 bytes" in refuse(note="x" * (900_001 - size)).reason


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"nonsense", "not JSON"),
        (b'{"id":"a"} {"id":"b"}', "not JSON"),
        (b'{"note":"raw \n line break"}', "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"5", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'{"id":"a","time":NaN}', "NaN is not a number"),
        (b'{"id":"a","x":[-Infinity]}', "-Infinity is not a number"),
        (b'{"id":"a","x":1e999}', "1e999 is not a number"),
        (b'{"id":"a","x":-1e999}', "-1e999 is not a number"),
        (b'{"id":"a","x":' + b"1" * 5000 + b"}", "digits is not a number"),
        (b'{"id":"\xff"}', "UTF-8"),
        (b'{"id":"a","x":"\xed\xa0\x80"}', "UTF-8"),
        (b"[" * 400_000, "nested too deeply"),
        (b"[" * 400_000 + b"]" * 400_000, "nested too deeply"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "nested too deeply"),
    ],
)
def test_bytes_that_are_no_event_get_a_clear_answer(raw: bytes, words: str) -> None:
    assert words in refusal(raw).reason


def test_nesting_is_allowed_to_a_depth_any_reader_can_take() -> None:
    def nested(levels: int) -> Any:
        return [nested(levels - 1)] if levels else "core"

    assert flat(x=nested(63))["x"] == nested(63)
    assert "nested too deeply" in refuse(x=nested(64)).reason
    assert len(flat(x=[[n] for n in range(500)])["x"]) == 500


def test_half_a_surrogate_pair_is_mended_and_its_event_kept() -> None:
    raw = (
        b'{"event_type":"x","id":"e","time":1,"note":"cut \\ud83d off \\ud83d\\ude00 \\u0000","\\udc00":"k"}'
    )
    assert json.loads(normalise(raw).line)["note"] == "cut \ufffd off \U0001f600 \x00"


def test_numbers_keep_their_value() -> None:
    numbers = [2**64, -(10**300), 0.1, 1e-7, 123456789.123456789, 1.0]
    assert flat(x=numbers)["x"] == numbers


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda name: name not in ("user", "properties")), JSON_VALUES))
def test_whatever_an_event_carries_is_kept_and_normalising_again_changes_nothing(
    fields: dict[str, Any],
) -> None:
    incoming = accept(**{**fields, **BASE})
    fields.pop(own_id.FIELD, None)  # reserved, and taken from nobody
    assert json.loads(incoming.line) == {**fields, **BASE}
    assert normalise(incoming.line) == incoming


@given(st.one_of(st.binary(), JSON_VALUES.map(lambda value: json.dumps(value).encode())))
def test_no_bytes_bring_anything_but_a_line_or_a_refusal(raw: bytes) -> None:
    with pytest.raises(EventRefused) as refused:
        normalise(raw)
    assert refused.value.reason


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("event_type", "id", "time", "user", "properties"), JSON_VALUES)
    )
)
def test_no_values_bring_anything_but_a_line_or_a_refusal(event: dict[str, Any]) -> None:
    try:
        incoming = accept(**event)
    except EventRefused:
        return
    assert b"\n" not in incoming.line


@pytest.mark.parametrize(
    ("time", "words"),
    [(float("nan"), "time is NaN"), (float("inf"), "time is infinite"), (float("-inf"), "time is infinite")],
)
def test_a_time_out_of_a_file_that_is_no_number_is_called_what_it_is(time: float, words: str) -> None:
    with pytest.raises(EventRefused, match=words):
        normalise_record(BASE | {"time": time})
