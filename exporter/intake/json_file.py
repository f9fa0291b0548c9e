"""JSON files, read as a stream: NDJSON line by line; arrays, `{"events": […]}` and objects behind one another value by
value, however long the file. A value that is faulty by itself is handed over as it is, to be refused alone."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from exporter.intake.json_scanner import (
    BLANK,
    CHUNK,
    MOST_BYTES,
    NotJson,
    Scanner,
    goes_on,
    is_object,
    of_line,
)
from exporter.intake.unreadable import FileUnreadable

_BOM = b"\xef\xbb\xbf"


def events(stream: BinaryIO) -> Iterator[bytes]:
    """The raw bytes of each event.

    Raises:
        FileUnreadable: it is no JSON, or not to its end; what came before is good.
    """
    start = _first(stream)
    if not start:
        return
    if not start.startswith((b"[", b"{")):
        raise FileUnreadable("It is neither Avro nor JSON with events.")
    if start.startswith(b"[") or _opens_envelope(start):
        yield from _documents(stream, start)
        return
    start = _whole_line(stream, start)
    second = _whole_line(stream, stream.readline(CHUNK))
    while second and not second.strip(BLANK):
        second = _whole_line(stream, stream.readline(CHUNK))
    first = start.strip(BLANK)
    # A document spread over lines seldom goes on with an object; of lines, the first may be a broken one.
    if is_object(first) or (second.startswith(b"{") and not goes_on(first)):
        yield from _lines(stream, start, second)
    else:
        yield from _documents(stream, start + second)


def _documents(stream: BinaryIO, start: bytes) -> Iterator[bytes]:
    try:
        # Nothing is lost between two commas.
        yield from filter(None, Scanner(stream, start).events())
    except NotJson as error:
        raise FileUnreadable(str(error)) from error


def _opens_envelope(start: bytes) -> bool:
    """Whether the first line is an envelope that goes on; whole ones stand in lines of their own."""
    return Scanner(BytesIO(), start).opens_envelope() and not is_object(start.strip(BLANK))


def _first(stream: BinaryIO) -> bytes:
    """The beginning of the first line that is not blank, from its first sign on; empty where there is none."""
    line = stream.readline(CHUNK).removeprefix(_BOM)
    while line and not line.strip(BLANK):
        line = stream.readline(CHUNK)
    return line.lstrip(BLANK)


def _whole_line(stream: BinaryIO, line: bytes) -> bytes:
    """The line that begins so, to its end."""
    parts, size = [line], len(line)
    while parts[-1] and not parts[-1].endswith(b"\n"):
        parts.append(stream.readline(CHUNK))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise FileUnreadable(f"A line of it has more than {MOST_BYTES} bytes.")
    return b"".join(parts)


def _lines(stream: BinaryIO, *first: bytes) -> Iterator[bytes]:
    for line in first:
        yield from of_line(line.strip(BLANK)) if line.strip(BLANK) else ()
    while line := _whole_line(stream, stream.readline(CHUNK)):
        if line := line.strip(BLANK):
            yield from of_line(line)
