"""Avro blocks that say other than they hold, schemas that are none, and values of bytes wherever they stand."""

from __future__ import annotations

import io
import uuid
from decimal import Decimal
from typing import Any

import pytest

from exporter.intake.avro_codecs import CODECS
from exporter.intake.files import EventFile
from exporter.intake.unreadable import FileUnreadable
from tests.exporter.intake.test_files import blocks, read, trouble, until_damage, with_type
from tests.support.avro import SCHEMA, container, header, longs, record, swap_schema

FIVE = [record(number) for number in range(5)]
IDS = [one["id"] for one in FIVE]


def between(counted: int, codec: str = "null") -> bytes:
    """Three blocks of five records; the one in the middle says that it holds `counted`."""
    one = container(FIVE, codec=codec, sync_interval=10**6)
    _, [(start, end)] = blocks(one)
    block = one[start:end]
    assert block.startswith(longs(5))
    return one[:start] + block + longs(counted) + block[1:] + block


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("counted", [0, 1, 4, 6, 60])
def test_a_block_that_holds_other_than_it_says_is_told(counted: int, codec: str) -> None:
    ids, told = until_damage(between(counted, codec))
    assert ids == IDS + IDS[: min(counted, 5)] + IDS
    assert "1 of its blocks" in told
    assert ("1 or more events" if counted == 6 else "events") in told


def test_a_length_beyond_the_end_costs_that_block_alone() -> None:
    one = container(FIVE, codec="null", sync_interval=10**6)
    marker, [(start, end)] = blocks(one)
    ids, told = until_damage(one[:start] + longs(5, 60_000_000) + b"rest" + marker + one[start:end])
    assert ids == IDS
    assert "1 of its blocks" in told


def test_blocks_that_lie_about_their_length_cost_no_more_than_their_bytes() -> None:
    """Each claims much of what follows; copied every time, that would take hours."""
    marker = bytes(range(16))
    lies = b"".join(longs(1, 1_500_001) + marker for _ in range(200_000))
    assert "damaged" in trouble(header(SCHEMA, marker) + lies, "x")


@pytest.mark.parametrize("path", ["a.avro", "a.json.gz", "a.AVRO.GZ", "event_type=t/a.avro"])
def test_a_file_of_nothing_is_told_where_its_kind_has_a_header(path: str) -> None:
    with pytest.raises(FileUnreadable, match="empty"):
        read(b"", path)
    assert read(b"", "a.json") == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"type": "fixed", "name": "F", "size": "3"}, "F, whose size is not a whole number"),
        ({"type": "fixed", "name": "F", "size": 1.5}, "F, whose size is not a whole number"),
        ({"type": "fixed", "name": "F"}, "“size” is missing"),
        ({"type": "array"}, "“items” is missing"),
        ("nope", "names a type it does not say, “.*nope”"),
        (5, "not as the specification has it"),
        ({"type": "enum", "name": "e", "symbols": ["a", "a"]}, "must be unique"),
        ({"type": "record", "name": "X", "fields": [{"name": "a"}]}, "'a' is missing 'type'"),
        (
            {
                "type": "record",
                "name": "X",
                "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}],
            },
            "two fields of one name",
        ),
        ({"type": "record", "name": "X", "fields": [{"name": 5, "type": "int"}]}, "whose name is not text"),
    ],
)
def test_what_is_wrong_with_a_schema_is_said(kind: Any, said: str) -> None:
    with pytest.raises(FileUnreadable, match=f"Its Avro schema cannot be read: .*{said}.*\\.$"):
        read(header(with_type("odd", kind), b"m" * 16))


@pytest.mark.parametrize("schema", [b"{", b"\xff", b""])
def test_a_schema_that_is_no_json_is_said(schema: bytes) -> None:
    meta = longs(1, 11) + b"avro.schema" + longs(len(schema)) + schema + longs(0)
    with pytest.raises(FileUnreadable, match="it is not JSON"):
        read(b"Obj\x01" + meta + b"m" * 16)
    with pytest.raises(FileUnreadable, match="holds no schema"):
        read(b"Obj\x01" + longs(0) + b"m" * 16)


def test_a_default_that_does_not_fit_its_field_costs_nothing() -> None:
    schema = SCHEMA | {"__fastavro_parsed__": True, "fields": [dict(one) for one in SCHEMA["fields"]]}
    schema["fields"][0]["default"] = 5
    assert read(swap_schema(container(FIVE, codec="null"), schema))[4]["id"] == IDS[4]


def test_a_header_that_says_how_long_its_list_is_reads_like_one_that_does_not() -> None:
    plain = swap_schema(container(FIVE, codec="null"), SCHEMA)
    counted = plain.replace(b"Obj\x01" + longs(2), b"Obj\x01" + longs(-2, 1_000), 1)
    assert read(counted) == read(plain)


UUID = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
KINDS: list[tuple[Any, Any, Any]] = [
    ("bytes", "Zoë".encode(), "Zoë"),
    ({"type": "fixed", "name": "Code", "size": 2}, b"DE", "DE"),
    ({"type": "fixed", "name": "Digest", "size": 2}, b"\xff\x01", "ff01"),
    ({"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"}, UUID.bytes, str(UUID)),
    ({"type": "fixed", "name": "Letters", "size": 16}, b"sixteen letters!", "sixteen letters!"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}, Decimal("12.34"), 12.34),
]


@pytest.mark.parametrize(("kind", "value", "expected"), KINDS)
def test_bytes_become_what_their_type_means_wherever_they_stand(kind: Any, value: Any, expected: Any) -> None:
    place = {"type": "record", "name": "Place", "fields": [{"name": "x", "type": ["null", "string", kind]}]}
    schema = with_type("a", {"type": "array", "items": ["null", place]})
    again = kind.get("name", kind) if isinstance(kind, dict) else kind
    schema["fields"] += [
        {"name": "m", "type": {"type": "map", "values": ["null", "Place"]}},
        {"name": "u", "type": ["null", {"type": "array", "items": "string"}, again]},
        {"name": "p", "type": "Place"},
    ]
    given = record(1, a=[None, {"x": value}, {"x": "t"}], m={"k": {"x": value}}, u=value, p={"x": None})
    plain = swap_schema(container([given], schema, "null"), schema)
    [event] = read(plain)
    assert event["a"] == [None, {"x": expected}, {"x": "t"}]
    assert (event["m"], event["u"], event["p"]) == ({"k": {"x": expected}}, expected, {"x": None})


@pytest.mark.parametrize(
    "event",
    [
        '{"id":"a","time":1}',
        '{"id":"a","time":1,"event_type":null}',
        '{"id":"a","time":1,"event_type":""}',
        '{"id":"a","time":1,"note":"no \\"event_type\\": here"}',
        '{"id":"a","time":1,"properties":{"event_type":"t"}}',
        '{"id":"a","time":1,"user":{"user_id":"u","event_type":"t"}}',
        '{"id":"a","time":1,"note":"half an emoji \\ud83d"}',
        '{"id":"a","time":1,"user":{"string":"x"},"note":"\\ud83d"}',
    ],
)
def test_the_files_type_is_that_of_every_event_that_has_none(event: str) -> None:
    for content in (event, event + "\n" + event, f"[{event}]"):
        [found, *_] = EventFile(io.BytesIO(content.encode()), "users.messages.email.Open.json").events()
        assert isinstance(found, dict)
        assert found["event_type"] == "users.messages.email.Open"


def test_a_sentence_about_a_file_is_one_line_of_signs_that_can_be_shown() -> None:
    for codec in ("a\nb", "\x1b[2J", "\u202e", "a\x00", "a\u2028b"):
        with pytest.raises(FileUnreadable) as told:
            read(header(SCHEMA, b"m" * 16, codec))
        assert str(told.value).isprintable()
