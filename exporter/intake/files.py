"""Event files: Avro object containers, JSON and NDJSON, packed with gzip or not, read as the raw bytes of
events."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import fastavro
import msgspec

from connectors.catalogue.catalogue import CATALOGUE
from exporter.intake.body_forms import BadBody, TooManyEvents, parse_body

_AVRO = b"Obj\x01"
_GZIP = b"\x1f\x8b"
# Currents writes its files into folders named after the type.
_TYPE_IN_PATH = re.compile(r"event_type=([^/\\]+)")

_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder(msgspec.Raw).decode

_DAMAGE = (
    *(EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, StopIteration),
    *(gzip.BadGzipFile, zlib.error, struct.error),
)


class Unreadable(Exception):
    """The file cannot be read on; the text says why and what to do."""


def read(
    path: Path, event_type: str = "", progress: Callable[[int], None] = lambda at: None
) -> Iterator[bytes]:
    """The raw events of a file, in its order, always the same; `progress` is told the bytes read so far.

    `event_type` is given to Avro records that have none; else the path or the schema's name tells it.

    Raises:
        Unreadable: the file is damaged or of no known form; what came before is good.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == _GZIP
        plain = BufferedReader(cast(Any, gzip.GzipFile(fileobj=file))) if packed else file
        try:
            is_avro = plain.peek(4)[:4] == _AVRO
            events = _avro(plain, path, event_type) if is_avro else _text(plain)
            for place, event in enumerate(events):
                if place % 256 == 0:
                    progress(file.tell())
                yield event
            progress(file.tell())
        except _DAMAGE as error:
            raise Unreadable(f"{path.name} is damaged ({type(error).__name__}).") from error


def _avro(file: BinaryIO, path: Path, given: str) -> Iterator[bytes]:
    reader = fastavro.reader(file)
    named = given or _named_by_path(path) or _named_by_schema(reader.writer_schema)
    for record in reader:
        if not isinstance(record, dict):
            raise Unreadable(f"{path.name} does not hold records.")
        event = {name: _plain(name, value) for name, value in record.items() if value is not None}
        if not event.get("event_type"):
            if not named:
                raise Unreadable(
                    f"{path.name} does not say of which type its events are. Name it with --event-type."
                )
            event["event_type"] = named
        yield msgspec.json.encode(event, enc_hook=str)


def _plain(name: str, value: Any) -> Any:
    """An Avro value as JSON has it: bytes as text, the event's time in seconds."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime) and name == "time":
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value


def _named_by_path(path: Path) -> str:
    found = _TYPE_IN_PATH.search(str(path))
    return found.group(1) if found else ""


def _named_by_schema(schema: Any) -> str:
    """The schema's name, where the catalogue knows it, with or without the namespaces in front of it."""
    name = str(schema.get("name", "")) if isinstance(schema, dict) else ""
    if isinstance(schema, dict) and schema.get("namespace") and "." not in name:
        name = f"{schema['namespace']}.{name}"
    while name:
        if name in CATALOGUE.by_name:
            return name
        name = name.partition(".")[2]
    return ""


def _text(file: BinaryIO) -> Iterator[bytes]:
    """NDJSON line by line, however long the file; any other JSON as a whole."""
    first = file.readline()
    while first and not first.strip(b"\xef\xbb\xbf \t\r\n"):
        first = file.readline()
    first = first.removeprefix(b"\xef\xbb\xbf")
    if _is_whole(first):
        yield from _document(first)
        for line in file:
            if line.strip():
                yield from _line(line)
    elif first:
        yield from _document(first + file.read())


def _line(line: bytes) -> list[bytes]:
    """The events of one line among many; a broken one is for its event's own refusal."""
    try:
        return parse_body(line)
    except BadBody:
        return [line.strip()]


def _is_whole(line: bytes) -> bool:
    try:
        _decode_any(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _document(body: bytes) -> list[bytes]:
    try:
        return parse_body(body)
    except TooManyEvents:
        # A request has a limit, a file has none.
        body = body.strip()
        events = _decode_envelope(body)["events"] if body.startswith(b"{") else body
        return [bytes(event) for event in _decode_list(events)]
    except BadBody as error:
        raise Unreadable(str(error)) from None
