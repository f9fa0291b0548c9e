"""Avro files as Currents writes them, and bent ones."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import fastavro
import zstandard

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "dataexport.S3.inner.users.messages.email.Open",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "time", "type": "int"},
        {"name": "user_id", "type": "string"},
        {"name": "external_user_id", "type": ["null", "string"], "default": None},
        {"name": "campaign_name", "type": ["null", "string"], "default": None},
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "time": 1_700_000_000 + number,
        "user_id": "u",
        "external_user_id": f"me-{number}",
        "campaign_name": "Spring",
    } | fields


def container(
    records: list[dict[str, Any]],
    schema: dict[str, Any] = SCHEMA,
    codec: str = "deflate",
    sync_interval: int = 500,
) -> bytes:
    """An object container; its blocks hold about `sync_interval` bytes."""
    file = io.BytesIO()
    # fastavro wants a library of its own to write this one.
    written = "null" if codec == "zstandard" else codec
    parsed = fastavro.parse_schema(schema)
    fastavro.writer(file, parsed, records, codec=written, sync_interval=sync_interval)
    return file.getvalue() if written == codec else _zstandard(file.getvalue(), schema)


def _zstandard(content: bytes, schema: Any) -> bytes:
    marker = content[-16:]
    packed = [
        (block.num_records, zstandard.compress(cast(Any, block).bytes_.getvalue()))
        for block in fastavro.block_reader(io.BytesIO(content))
    ]
    body = b"".join(longs(count, len(data)) + data + marker for count, data in packed)
    return header(schema, marker, "zstandard") + body


def header(schema: Any, marker: bytes, codec: str = "null") -> bytes:
    """The beginning of a container, with any schema."""
    texts = [b"avro.schema", json.dumps(schema).encode(), b"avro.codec", codec.encode()]
    return b"Obj\x01" + longs(2) + b"".join(longs(len(one)) + one for one in texts) + longs(0) + marker


def swap_schema(content: bytes, schema: Any) -> bytes:
    """The container with another schema, which its records fit as well."""
    first = next(iter(fastavro.block_reader(io.BytesIO(content))))
    return header(schema, content[-16:]) + content[first.offset :]


def longs(*numbers: int) -> bytes:
    """Numbers as Avro writes them."""
    file = io.BytesIO()
    for number in numbers:
        fastavro.schemaless_writer(file, fastavro.parse_schema("long"), number)
    return file.getvalue()
