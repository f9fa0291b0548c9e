"""Files of JSON and NDJSON, and Avro's own encoding in JSON."""

from __future__ import annotations

import io
import json

import pytest

from exporter.intake.files import EventFile
from tests.exporter.intake.test_files import AVRO_JSON, read


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(AVRO_JSON).encode(),
        json.dumps(AVRO_JSON, indent=2).encode(),
        json.dumps(AVRO_JSON, indent=2, separators=(",", " : ")).encode() * 3,
        json.dumps(AVRO_JSON).encode() + b"\n" + json.dumps(AVRO_JSON).encode(),
        json.dumps([AVRO_JSON, AVRO_JSON]).encode(),
    ],
)
def test_avros_json_encoding_is_read_without_its_wrappers(content: bytes) -> None:
    found = read(content, "JSON/users.messages.email.Open.json")
    assert len(found) == content.count(b'"is_amp"')
    assert found[0] == {
        "id": "a",
        "time": 1,
        "external_user_id": "me",
        "is_amp": True,
        "price": 3.5,
        "gone": None,
        "names": ["a", "b"],
        "counts": {"string": 1},
        "place": {"city": "Ulm"},
        "properties": '{"string": "x"}',
        "event_type": "users.messages.email.Open",
    }


def test_what_somebody_called_string_in_properties_of_their_own_stays() -> None:
    event = {"event_type": "t", "id": "a", "time": 1, "properties": {"custom": {"string": "x"}}}
    assert read(json.dumps(event).encode()) == [event]


def texts(content: bytes) -> list[bytes]:
    return [one for one in EventFile(io.BytesIO(content), "x").events() if isinstance(one, bytes)]


def test_one_nan_among_many_costs_itself() -> None:
    events = [f'{{"event_type":"t","id":"{n}","time":1}}' for n in range(10_050)]
    content = (
        "[" + ",".join([*events[:5_000], '{"event_type":"t","id":"x","time":NaN}', *events[5_000:]]) + "]"
    )
    assert len(texts(content.encode())) == 10_051


def test_a_long_array_is_read_piece_by_piece() -> None:
    event = b'{"event_type":"t","id":"a","time":1,"note":"' + b'[{,\\"' * 30_000 + b'"}'
    content = b" [ \n" + b" , \n".join([event] * 20) + b" ] \n"
    assert texts(content) == [event] * 20
    assert texts(b'{\n"events" : ' + content + b', "more": {"a": [1]}}' + content) == [event] * 40
