"""A body in any of its four forms is cut into its events; what is not JSON is refused as a whole."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.intake.normalise import BadBody, EventRefused, TooManyEvents, normalise, parse_body

A = b'{"event_type":"a","id":"1","time":1}'
B = b'{"event_type":"b","id":"2","time":2,"note":"[{,}] \\" \\\\"}'
PRETTY = json.dumps(json.loads(B), indent=2).encode()
BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'{"events":[' + A + b"," + B + b"]}", [A, B]),
        (b' {"version":1, "events" : [ ' + A + b' ], "more":{} }\r\n', [A]),
        (b"[" + A + b"," + B + b"]", [A, B]),
        (b"[\n" + A + b",\n" + PRETTY + b"\n]\n", [A, PRETTY]),
        (A, [A]),
        (PRETTY, [PRETTY]),
        (b'{"events":[' + PRETTY + b"]}", [PRETTY]),
        (A + b"\n" + B, [A, B]),
        (A + b"\r\n\r\n" + B + b"\r\n", [A, B]),
        (A + b"\n", [A]),
        (BOM + A + b"\n" + B, [A, B]),
        (BOM + b"[" + A + b"]", [A]),
        (b"{}", [b"{}"]),
        (b"[1, null]", [b"1", b"null"]),
    ],
)
def test_each_form_is_told_by_its_first_bytes(body: bytes, events: list[bytes]) -> None:
    assert parse_body(body) == events


@pytest.mark.parametrize("body", [b"", b" \r\n\t", BOM, b"[]", b'{"events":[]}', b'{"events" : [ ] }'])
def test_a_body_without_events_is_empty(body: bytes) -> None:
    assert parse_body(body) == []


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b"null",
        b"5",
        b'"text"',
        b"{",
        b"[",
        b"]",
        A[:-1],
        PRETTY[:-2],
        b'{"events":[' + A,
        b'{"events":[' + A + b"]",
        b'{"events":[' + A + b"]} trailing",
        b'{"events":[\n' + A + b"\n",
        b'{"events":[\n' + A + b",\n" + A + b"\n",
        b'{"events":[{"a":}]}',
        b'{"events":[{"a":}],"b":1}',
        b'{"events":[' + A + b",]}",
        b"[" + A + b" " + A + b"]",
        b"[" + A + b"}",
        b"[" + A + b"]]",
        b'{"events":5}',
        b'{"events":null}',
        b'{"events":{"0":{}}}',
        b'{"a":\n{"b":\n',
        b'{"a"\n{"b"\n',
        b"{'event_type':'a'}",
        A + A,
        A.decode().encode("utf-16"),
        b"\x1f\x8b\x08\x00",
        b'{"events":[' * 5000,
        b"[" * 100_000,
    ],
)
def test_what_is_not_json_with_events_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BadBody) as refusal:
        parse_body(body)
    assert str(refusal.value).startswith("The ")
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("broken", [b"{", A[:-1], b"nonsense", b'{"a":}', b"[1"])
def test_a_broken_line_among_good_ones_is_left_for_its_own_refusal(broken: bytes) -> None:
    assert parse_body(A + b"\n" + broken + b"\n" + B) == [A, broken, B]
    with pytest.raises(EventRefused):
        normalise(broken)


def test_a_broken_first_line_does_not_take_the_others_along() -> None:
    assert parse_body(b'{"id":"1","time"\n' + A) == [b'{"id":"1","time"', A]


DEEP = b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
ODD = [
    b'{"id":"n","time":NaN}',
    b'{"id":"n","time":1,"note":"half an emoji \\ud83d"}',
    b'{"id":"n","time":1e999}',
    b'{"id":"n","note":"\xff\xfe"}',
    b'{"id":"n","note":[1,-Infinity]}',
    DEEP,
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("before", "between", "after"),
    [(b'{"events":[', b" , ", b"] }"), (b"[", b",\n", b"]"), (b"", b"\n", b"")],
)
def test_one_odd_event_does_not_take_its_neighbours_along(
    odd: bytes, before: bytes, between: bytes, after: bytes
) -> None:
    assert parse_body(before + between.join([A, odd, B]) + after) == [A, odd, B]
    assert parse_body(before + between.join([odd, odd, B]) + after) == [odd, odd, B]


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_event_alone_is_an_event(odd: bytes) -> None:
    assert parse_body(odd) == [odd]


@pytest.mark.parametrize(
    ("before", "between", "after"),
    [
        (b'{"events":[', b",", b"]}"),
        (b"[", b",", b"]"),
        (b"", b"\n", b""),
        # Named twice, so that it is cut event by event.
        (b'{"events":[],"events":[', b",", b"]}"),
    ],
)
def test_ten_thousand_events_are_taken_and_one_more_is_too_many(
    before: bytes, between: bytes, after: bytes
) -> None:
    assert len(parse_body(before + between.join([b"{}"] * 10_000) + after)) == 10_000
    with pytest.raises(TooManyEvents, match="more than 10000"):
        parse_body(before + between.join([b"{}"] * 10_001) + after)


@pytest.mark.parametrize(
    "body", [b"[" + b"1," * 15_000_000 + b"1]", b"{}\n" * 10_000_000], ids=["array", "lines"]
)
def test_millions_of_tiny_events_are_refused_without_being_made(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TooManyEvents):
            parse_body(body)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_a_body_of_few_events_with_very_many_fields_is_read_like_any_other() -> None:
    wide = b'{"x":[' + b"1," * 600_000 + b"1]}"
    assert parse_body(b'{"events":[' + wide + b"," + A + b"," + wide + b"]}") == [wide, A, wide]
    with pytest.raises(BadBody, match="not JSON"):
        parse_body(b'{"events":[' + wide + b"," + wide + b"}")


@given(st.one_of(st.binary(), st.text(alphabet='{}[]",:\\\n 1a').map(str.encode)))
def test_no_bytes_bring_anything_but_events_or_a_refusal(body: bytes) -> None:
    try:
        events = parse_body(body)
    except BadBody:
        return
    assert all(isinstance(event, bytes) and event for event in events)


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text().filter(lambda key: key != "events"), JSON_VALUES), min_size=1),
    st.booleans(),
)
def test_all_forms_carry_the_same_events(events: list[dict[str, object]], ascii_only: bool) -> None:
    texts = [json.dumps(event, ensure_ascii=ascii_only).encode("utf-8", "replace") for event in events]
    assert parse_body(b'{"events":[' + b",".join(texts) + b"]}") == texts
    assert parse_body(b"[" + b", ".join(texts) + b"]") == texts
    assert parse_body(b"\n".join(texts)) == texts
