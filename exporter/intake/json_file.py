"""JSON files, read as a stream: NDJSON line by line; arrays, `{"events": […]}` and objects behind one another value by
value, however long the file. A value that is faulty by itself is handed over as it is, to be refused alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from exporter.intake.body_forms import is_object
from exporter.intake.unreadable import FileUnreadable

_CHUNK = 1_000_000
_MOST_BYTES = 32_000_000
_BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]*")
_BOM = b"\xef\xbb\xbf"
_ENVELOPE = re.compile(rb'\{\s*"events"\s*:\s*\[')
_BEFORE_ENVELOPE = 1_000
# The last sign is a text that the bytes at hand do not end.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},]|"', re.DOTALL)


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
    if start.startswith(b"[") or _ENVELOPE.match(start):
        yield from _Scanner(stream, start).events()
        return
    start = _whole_line(stream, start)
    second = _whole_line(stream, stream.readline(_CHUNK))
    while second and not second.strip(_BLANK):
        second = _whole_line(stream, stream.readline(_CHUNK))
    # A document spread over lines does not go on with an object; of lines, the first may be a broken one.
    if is_object(start.strip(_BLANK)) or second.startswith(b"{"):
        yield from _lines(stream, start, second)
    else:
        yield from _Scanner(stream, start + second).events()


def _first(stream: BinaryIO) -> bytes:
    """The beginning of the first line that is not blank, from its first sign on; empty where there is none."""
    line = stream.readline(_CHUNK).removeprefix(_BOM)
    while line and not line.strip(_BLANK):
        line = stream.readline(_CHUNK)
    return line.lstrip(_BLANK)


def _whole_line(stream: BinaryIO, line: bytes) -> bytes:
    """The line that begins so, to its end."""
    parts, size = [line], len(line)
    while parts[-1] and not parts[-1].endswith(b"\n"):
        parts.append(stream.readline(_CHUNK))
        size += len(parts[-1])
        if size > _MOST_BYTES:
            raise FileUnreadable(f"A line of it has more than {_MOST_BYTES} bytes.")
    return b"".join(parts)


def _lines(stream: BinaryIO, *first: bytes) -> Iterator[bytes]:
    for line in first:
        yield from _of_line(line.strip(_BLANK))
    while line := _whole_line(stream, stream.readline(_CHUNK)):
        yield from _of_line(line.strip(_BLANK))


def _of_line(line: bytes) -> Iterator[bytes]:
    """The events of one line among many; a broken one is for its event's own refusal."""
    if not line:
        return
    if line.startswith(b"{") and not _ENVELOPE.match(line):
        yield line
        return
    try:
        yield from list(_Scanner(BytesIO(), line).events())
    except FileUnreadable:
        yield line


class _Scanner:
    """Cuts values out of a stream without reading it whole, and without recursion, since depth may be what is wrong."""

    def __init__(self, stream: BinaryIO, start: bytes) -> None:
        self._stream = stream
        self._text = start
        self._at = 0

    def events(self) -> Iterator[bytes]:
        while True:
            self._skip_blanks()
            sign = self._text[self._at : self._at + 1]
            if not sign:
                return
            if sign == b"[":
                self._at += 1
                yield from self._elements()
            elif sign == b"{" and (opening := self._envelope()) is not None:
                self._at = opening
                yield from self._elements()
                # Other fields of the envelope.
                self._cut(ends_at_comma=False)
            elif sign == b"{":
                self._at += 1
                inside, _ = self._cut(ends_at_comma=False)
                yield b"{" + inside + b"}"
            else:
                raise FileUnreadable("It is no JSON behind some of its events.")

    def _elements(self) -> Iterator[bytes]:
        sign = b","
        while sign == b",":
            value, sign = self._cut(ends_at_comma=True)
            if value := value.strip(_BLANK):
                yield value

    def _envelope(self) -> int | None:
        while len(self._text) - self._at < _BEFORE_ENVELOPE and self._read():
            pass
        found = _ENVELOPE.match(self._text, self._at)
        return found.end() if found else None

    def _cut(self, *, ends_at_comma: bool) -> tuple[bytes, bytes]:
        """The text up to the bracket that closes what is open, or to a comma on its level; and that sign."""
        depth, place = 0, self._at
        while True:
            for token in _TOKEN.finditer(self._text, place):
                sign = token.group()
                if sign == b'"':
                    break
                place = token.end()
                if sign in (b"[", b"{"):
                    depth += 1
                elif depth and sign in (b"]", b"}"):
                    depth -= 1
                elif depth == 0 and (sign in (b"]", b"}") or (sign == b"," and ends_at_comma)):
                    text = self._text[self._at : token.start()]
                    self._at = token.end()
                    return text, sign
            place -= self._at
            if not self._read():
                raise FileUnreadable("It is cut off, or a bracket of it is never closed.")
            place += self._at

    def _skip_blanks(self) -> None:
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text) or not self._read():
                return

    def _read(self) -> bool:
        """Reads on; what was cut out before is let go of."""
        more = self._stream.read(_CHUNK)
        self._text = self._text[self._at :] + more
        self._at = 0
        if len(self._text) > _MOST_BYTES + _CHUNK:
            raise FileUnreadable(f"An event of it has more than {_MOST_BYTES} bytes.")
        return bool(more)
