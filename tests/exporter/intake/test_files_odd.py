"""Files made to hurt who reads them: schemas by which few bytes are endless, depth, names that cannot be stored."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from exporter.intake import avro_values, file_types
from exporter.intake.file_walk import Walk
from exporter.intake.files import EventFile
from exporter.intake.unreadable import FileUnreadable
from tests.exporter.intake.test_files import read, with_type
from tests.support.avro import container, header, longs, record, swap_schema

ITSELF = {"type": "record", "name": "Self", "fields": [{"name": "next", "type": ["null", "Self"]}]}
EMPTY = {"type": "record", "name": "Empty", "fields": [{"name": "n", "type": "null"}]}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (ITSELF, "within itself"),
        (["null", {"type": "map", "values": {"type": "array", "items": ITSELF}}], "within itself"),
        ({"type": "record", "name": "Only", "fields": [{"name": "me", "type": "Only"}]}, "within itself"),
        ({"type": "array", "items": {"type": "null"}}, "of nothing"),
        ({"type": "array", "items": ["null", EMPTY]}, "of nothing"),
        (EMPTY, "of nothing"),
        ({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}, "of no bytes"),
    ],
)
def test_a_schema_by_which_few_bytes_are_endless_is_refused_before_any_is_read(kind: Any, said: str) -> None:
    marker = b"m" * 16
    records = longs(2**40) + b"\x02" * 200_000
    with pytest.raises(FileUnreadable, match=said):
        read(header(with_type("odd", kind), marker) + longs(1, len(records)) + records + marker)


def test_types_that_are_named_again_are_no_records_within_themselves() -> None:
    point = {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}]}
    schema = with_type("a", ["null", point])
    schema["fields"].append({"name": "b", "type": {"type": "array", "items": "Point"}})
    [event] = read(container([record(1, a={"x": 1}, b=[{"x": 2}])], schema))
    assert (event["a"], event["b"]) == ({"x": 1}, [{"x": 2}])


@pytest.mark.parametrize("logical", [["x"], {"a": 1}, 5, None, "decimal"])
@pytest.mark.parametrize("scale", [10**9, -(10**9), "two", None, 1.5])
def test_a_logical_type_that_is_not_sound_costs_nothing(logical: Any, scale: Any) -> None:
    schema = with_type("time", {"type": "long", "logicalType": logical})
    schema["fields"].append({"name": "price", "type": "bytes"})
    content = container([record(1, price=b"12")], schema, "null")
    schema["fields"][-1]["type"] = {"type": "bytes", "logicalType": "decimal", "scale": scale}
    [event] = read(swap_schema(content, schema))
    assert (event["id"], event["price"]) == ("event-1", "12")


@pytest.mark.parametrize("depth", range(100, 1_500, 100))
def test_depth_costs_the_event_that_has_it(depth: int) -> None:
    deep = b'{"id":"deep","w":{"string":"x"},"x":' + b"[" * depth + b"]" * depth + b"}\n"
    assert (
        len(list(EventFile(io.BytesIO(deep + b'{"id":"next"}'), "users.messages.email.Open.json").events()))
        == 2
    )


@pytest.mark.parametrize("name", ["u" * 201, "a\0b", "a\nb", "a\udcff"])
def test_a_type_that_cannot_be_stored_is_told_in_a_sentence(name: str) -> None:
    with pytest.raises(FileUnreadable, match="--event-type"):
        read(b'{"id":"a"}', event_type=name)
    with pytest.raises(FileUnreadable, match="--event-type"):
        read(b'{"id":"a"}', f"event_type={name}/a.json")


def test_a_name_that_is_too_long_is_its_own_trouble(tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 300)
    assert list(Walk([too_long, tmp_path / "next.json"]).files()) == [too_long, tmp_path / "next.json"]


def test_links_to_folders_are_passed_over_and_counted(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to(tmp_path)
    walk = Walk([tmp_path])
    assert (list(walk.files()), walk.passed_over) == ([], 1)


def test_a_name_of_very_many_parts_is_looked_up_at_once() -> None:
    assert (
        file_types._known_end("a." * 1_000_000 + "users.messages.email.Open") == "users.messages.email.Open"
    )
    assert file_types._known_end("a." * 1_000_000 + "Open") == ""
    longest = max(file_types._NAMES, key=len)
    assert file_types._known_end("a." * 1_000 + longest) == longest


def test_a_decimal_of_very_many_bytes_costs_its_value_alone() -> None:
    assert avro_values._decimal(2)(b"\x7f" * 4_000_000) is None
    assert avro_values._decimal(2)(b"\x00\x7b") == 1.23
