"""What reading files promises: every codec, both JSON encodings, types from wherever they stand; what is damaged costs
itself alone, and no bytes make it fail otherwise than in words."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import re
import zlib
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import cramjam
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.intake import file_types
from exporter.intake.avro_codecs import CODECS, BadBlock, unpack
from exporter.intake.file_walk import Walk, shown
from exporter.intake.files import EventFile
from exporter.intake.unreadable import FileUnreadable
from tests.support.avro import SCHEMA, container, header, longs, record, swap_schema

MANY = [record(number) for number in range(400)]


def read(content: bytes, path: str = "events", event_type: str = "") -> list[Any]:
    return [
        one if isinstance(one, dict) else json.loads(one)
        for one in EventFile(io.BytesIO(content), path, event_type).events()
    ]


def until_damage(content: bytes, path: str = "events") -> tuple[list[str], str]:
    """The ids that could be read, and the sentence at the end."""
    ids: list[str] = []

    def collect() -> None:
        ids.extend(
            one["id"] for one in EventFile(io.BytesIO(content), path).events() if isinstance(one, dict)
        )

    with pytest.raises(FileUnreadable) as told:
        collect()
    return ids, str(told.value)


def trouble(content: bytes, path: str) -> str:
    """The sentence about a file that may be good or bad."""
    try:
        list(EventFile(io.BytesIO(content), path).events())
    except FileUnreadable as told:
        return str(told)
    return "."


def blocks(content: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The sync marker of a container, and where each of its blocks begins and ends."""
    marker = content[-16:]
    ends = [found.end() for found in re.finditer(re.escape(marker), content)]
    return marker, list(pairwise(ends))


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_of_the_specification_is_read(codec: str) -> None:
    content = container(MANY, codec=codec)
    assert [one["id"] for one in read(content)] == [one["id"] for one in MANY]
    assert read(gzip.compress(content)) == read(content)


@pytest.mark.parametrize("codec", CODECS)
def test_a_damaged_block_costs_its_own_events(codec: str) -> None:
    content = bytearray(container(MANY, codec=codec))
    _, places = blocks(bytes(content))
    assert len(places) > 4
    start, end = places[2]
    # Behind the two lengths of the block.
    content[start + 6 : end - 16] = random.Random(1).randbytes(end - 16 - start - 6)
    ids, told = until_damage(bytes(content))
    whole = [one["id"] for one in MANY]
    assert whole[:10] == ids[:10]
    assert whole[-100:] == ids[-100:]
    assert set(ids) < set(whole) or codec == "null"
    assert "damaged: 1 of its blocks" in told


@pytest.mark.parametrize("size", [2**40, -1, 2**62])
def test_a_length_no_block_has_costs_that_block(size: int) -> None:
    content = container(MANY)
    _, places = blocks(content)
    start, end = places[1]
    bent = content[:start] + longs(5, size) + content[start + 4 : end] + content[end:]
    ids, told = until_damage(bent)
    assert ids[-1] == MANY[-1]["id"]
    assert len(ids) > 300
    assert "damaged" in told


def test_a_record_that_does_not_fit_costs_the_rest_of_its_block() -> None:
    good = container(MANY[:5], codec="null", sync_interval=10**6)
    marker = good[-16:]
    block = longs(3, 9) + b"\x02a\x02\x02u\x00\xff\xff\xff" + marker
    ids, told = until_damage(good + block + good[blocks(good)[1][0][0] :])
    assert ids == [one["id"] for one in MANY[:5]] * 2
    assert "3 or more events" in told


def test_a_file_that_is_cut_off_says_so() -> None:
    content = container(MANY)
    ids, told = until_damage(content[:-700])
    assert ids == [one["id"] for one in MANY[: len(ids)]]
    assert "damaged" in told


@pytest.mark.parametrize("codec", ["deflate", "bzip2", "xz", "zstandard", "snappy"])
def test_a_bomb_is_not_unpacked(codec: str) -> None:
    packed = {
        "deflate": lambda plain: zlib.compress(plain, wbits=-15),
        "bzip2": bz2.compress,
        "xz": lambda plain: lzma.compress(plain, preset=0),
        "zstandard": zstandard.compress,
        "snappy": lambda plain: bytes(cramjam.snappy.compress_raw(plain)) + b"\0\0\0\0",
    }[codec](bytes(70_000_000))
    with pytest.raises(BadBlock, match="too large"):
        unpack(codec, packed)


def test_a_codec_nobody_specified_is_named() -> None:
    content = container(MANY[:1], codec="deflate").replace(b"deflate", b"deflatf")
    with pytest.raises(FileUnreadable, match="deflatf"):
        read(content)


def with_type(field: str, kind: Any) -> dict[str, Any]:
    fields = [one for one in SCHEMA["fields"] if one["name"] != field]
    return SCHEMA | {"fields": [*fields, {"name": field, "type": kind}]}


@pytest.mark.parametrize("kind", ["timestamp-millis", "timestamp-micros"])
def test_a_time_beyond_the_year_9999_costs_nothing(kind: str) -> None:
    content = container([record(1, unused=2**62)], with_type("unused", "long"), "null")
    bent = swap_schema(content, with_type("unused", {"type": "long", "logicalType": kind}))
    assert read(bent)[0]["unused"] == 2**62


@pytest.mark.parametrize(
    ("kind", "ticks"),
    [("timestamp-millis", 10**3), ("timestamp-micros", 10**6), ("local-timestamp-nanos", 10**9)],
)
def test_logical_times_become_seconds(kind: str, ticks: int) -> None:
    content = container(
        [record(1, time=1_700_000_000 * ticks + ticks // 2)], with_type("time", "long"), "null"
    )
    bent = swap_schema(content, with_type("time", {"type": "long", "logicalType": kind}))
    assert read(bent)[0]["time"] == 1_700_000_000.5


def test_decimals_and_bytes_become_numbers_and_texts() -> None:
    price = {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}
    content = container([record(1, price=Decimal("12.34"))], with_type("price", ["null", price]))
    assert read(content)[0]["price"] == 12.34
    content = container([record(1, raw="Zoë".encode() + b"\xff")], with_type("raw", ["null", "bytes"]))
    assert read(content)[0]["raw"] == "Zoë\ufffd"


def test_text_that_is_no_utf8_costs_its_signs_alone() -> None:
    content = container([record(1, campaign_name="Zurich")], codec="null").replace(b"Zurich", b"Z\xffrich")
    assert read(content)[0]["campaign_name"] == "Z\ufffdrich"


@pytest.mark.parametrize(
    ("path", "schema", "expected"),
    [
        (
            "x/event_type=users.messages.email.Click/date=2026-01-01-05/p.avro",
            "",
            "users.messages.email.Click",
        ),
        ("event_type=users.behaviors.Unheard/p.avro", "users.messages.email.Open", "users.behaviors.Unheard"),
        ("p.avro", "dataexport.S3.inner.users.messages.email.Open", "users.messages.email.Open"),
        ("p.avro", "dataexport.S3.inner.users.messages.new.Thing", "users.messages.new.Thing"),
        ("p.avro", "dataexport.GCS.outer.agentconsole.NewThing", "agentconsole.NewThing"),
        ("p.avro", "com.example.users.messages.email.Open", "users.messages.email.Open"),
        ("users.messages.new.Thing.avro", "topLevelRecord", "users.messages.new.Thing"),
        ("a/users.messages.email.Open.json.gz", "", "users.messages.email.Open"),
        ("a/users/messages/email/Open.json", "", "users.messages.email.Open"),
        ("part-0000.avro", "topLevelRecord", ""),
        ("", "", ""),
    ],
)
def test_the_type_stands_in_the_folder_the_schema_or_the_name(path: str, schema: str, expected: str) -> None:
    assert file_types.of_file(path, {"type": "record", "name": schema}) == expected


@pytest.mark.parametrize(
    "path", ["event_type=users.messages.email.open/p.avro", "Users.messages.email.Open.avro"]
)
def test_a_type_spelled_like_a_known_one_but_in_capitals_is_asked_about(path: str) -> None:
    with pytest.raises(FileUnreadable, match=r"Is users\.messages\.email\.Open meant"):
        file_types.of_file(path)


AVRO_JSON = {
    "id": "a",
    "time": 1,
    "external_user_id": {"string": "me"},
    "is_amp": {"boolean": True},
    "price": {"double": 3.5},
    "gone": None,
    "names": {"array": ["a", {"string": "b"}]},
    "counts": {"map": {"string": {"int": 1}}},
    "place": {"dataexport.S3.inner.Place": {"city": {"string": "Ulm"}}},
    "properties": '{"string": "x"}',
}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hello", "neither Avro nor JSON"),
        (b'[{"id":"a"},', "cut off"),
        (b'[{"id":"a"}', "cut off"),
        (b'{"events":[{"id":"a"}]', "cut off"),
        (b'[{"id":"a"}] and more', "no JSON behind"),
        (b'[{"id":"' + b"a" * 34_000_000, "more than 32000000 bytes"),
        (b'{"id":"' + b"a" * 34_000_000, "more than 32000000 bytes"),
        (b"Obj\x01rest", "header is damaged"),
        (b"Obj\x01", "header is damaged"),
        (b"\x1f\x8bnot gzip", "damaged"),
    ],
)
def test_what_is_no_event_file_is_told_in_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(FileUnreadable, match=sentence):
        list(EventFile(io.BytesIO(content), "x").events())


@pytest.mark.parametrize(
    "schema",
    ["string", {"type": "array", "items": "null"}, {"type": "enum", "name": "e", "symbols": ["a"]}, [], 5],
)
def test_a_schema_of_no_records_is_told_in_a_sentence(schema: Any) -> None:
    with pytest.raises(FileUnreadable):
        read(header(schema, b"m" * 16))


def test_no_more_events_are_believed_than_a_block_has_bytes() -> None:
    empty = {"type": "record", "name": "users.messages.email.Open", "fields": []}
    marker = b"m" * 16
    assert until_damage(header(empty, marker) + longs(2**40, 0) + marker)[0] == []


FILES = [
    container(MANY[:40], codec="deflate"),
    gzip.compress(container(MANY[:3])),
    json.dumps([AVRO_JSON] * 3).encode(),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4)), max_size=6))
def test_no_bytes_end_the_reading_otherwise_than_in_words(
    content: bytes, edits: Iterable[tuple[int, bytes]]
) -> None:
    bent = bytearray(content)
    for place, new in edits:
        place %= len(bent)
        bent[place : place + len(new)] = new
    assert trouble(bytes(bent), "users.messages.email.Open").endswith(".")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_odd_file_ends_the_reading_otherwise_than_in_words(content: bytes) -> None:
    for start in (b"", b"Obj\x01", b"\x1f\x8b", b"[", b"{"):
        assert trouble(start + content, "x").endswith(".")


def test_folders_are_walked_in_order_past_what_holds_no_events(tmp_path: Path) -> None:
    names = [
        "b/2.json",
        "b/1.avro",
        "a/c.NDJSON",
        "a/_SUCCESS",
        "a/.c.json.crc",
        ".git/x.json",
        "README.md",
        "z.json.gz",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    (tmp_path / "b" / "000000").write_bytes(b"Obj\x01")
    walk = Walk([tmp_path, tmp_path / "README.md"])
    found = [str(path.relative_to(tmp_path)) for path in walk.files()]
    assert found == ["z.json.gz", "a/c.NDJSON", "b/000000", "b/1.avro", "b/2.json", "README.md"]
    assert walk.passed_over == 3


def test_a_name_that_is_no_utf8_can_be_shown() -> None:
    assert shown(Path("b\udcff.json")) == "b\ufffd.json"
