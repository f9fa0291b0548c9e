"""Records of plain values are read as the general reader reads them, whole or damaged."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.intake import avro_flat
from exporter.intake.avro_file import AvroFile
from exporter.intake.avro_values import plain_schema
from exporter.intake.unreadable import FileUnreadable
from tests.support.avro import SCHEMA, container

PLAIN = ["string", "int", "long", "float", "double", "boolean"]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=200),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


def field(number: int, kind: str, how: str) -> dict[str, Any]:
    kinds: Any = {"alone": kind, "null first": ["null", kind], "null last": [kind, "null"]}[how]
    if how == "null first" and kind == "string":
        kinds = ["null", {"type": "string", "avro.java.string": "String"}]
    return {"name": f"f{number}", "type": kinds}


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file of records, of which a byte may be another one."""
    hows = st.sampled_from(["alone", "null first", "null last"])
    shape = draw(st.lists(st.tuples(st.sampled_from(PLAIN), hows), min_size=1, max_size=5))
    fields = [field(number, kind, how) for number, (kind, how) in enumerate(shape)]
    schema = {"type": "record", "name": "r", "fields": fields}
    one = st.fixed_dictionaries(
        {
            f"f{number}": VALUES[kind] if how == "alone" else st.none() | VALUES[kind]
            for number, (kind, how) in enumerate(shape)
        }
    )
    content = bytearray(container(draw(st.lists(one, max_size=20)), schema, codec="null", sync_interval=100))
    if draw(st.booleans()):
        content[draw(st.integers(len(content) // 2, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content)


def told(content: bytes) -> tuple[list[str], int, int]:
    try:
        file = AvroFile(io.BytesIO(content))
    except FileUnreadable as error:
        return [str(error)], 0, 0
    return [repr(one) for one in file.records()], file.damaged, file.lost


@settings(max_examples=150, deadline=None)
@given(content=files())
def test_both_readers_say_the_same_of_every_file(content: bytes) -> None:
    found = told(content)
    with pytest.MonkeyPatch.context() as general:
        general.setattr(avro_flat, "of_schema", lambda _schema: None)
        assert told(content) == found


def test_the_files_of_currents_are_read_by_hand() -> None:
    assert avro_flat.of_schema(plain_schema(SCHEMA)) is not None


@pytest.mark.parametrize(
    "kind", ["bytes", ["null", "string", "int"], {"type": "array", "items": "string"}, "r"]
)
def test_what_is_not_plain_is_left_to_the_general_reader(kind: Any) -> None:
    fields = [*SCHEMA["fields"], {"name": "more", "type": kind}]
    assert avro_flat.of_schema({"type": "record", "name": "r", "fields": fields}) is None


@pytest.mark.parametrize(
    "name", ["", "a'b", 'a"b', "a\\", "{0}", "a\nb", "a\u2028b", "\ud800", "]; raise SystemExit #", "名前"]
)
def test_a_name_of_a_field_is_a_name_whatever_it_holds(name: str) -> None:
    fields = [{"name": name, "type": "string"}, {"name": "n", "type": ["null", "long"]}]
    records = avro_flat.of_schema({"type": "record", "name": "r", "fields": fields})
    assert records is not None
    assert list(records.read(b"\x02x\x02\x06\x02y\x00", 2)) == [{name: "x", "n": 3}, {name: "y"}]
    assert records.at == 7


def test_a_record_of_very_many_fields_is_left_to_the_general_reader() -> None:
    fields = [{"name": f"f{number}", "type": "string"} for number in range(501)]
    assert avro_flat.of_schema({"fields": fields}) is None
    assert avro_flat.of_schema({"fields": fields[1:]}) is not None
