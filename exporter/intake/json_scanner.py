"""Cuts JSON into its events: an array, an envelope `{"events": […]}` or one event, and what comes behind it.

Nothing is read whole and nothing recurses, since length or depth may be what is wrong; each byte is looked at a fixed
number of times, whatever the bytes. Pure.

An object is an envelope where it has `events`, an array, and no `event_type` before that. If it has `events` several
times, the events of all are taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import msgspec

MOST_BYTES = 32_000_000
CHUNK = 1_000_000
BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]*+")
# A lone quotation mark begins a text that the bytes at hand do not end. The possessive signs keep a text without end
# from being tried again from each of its escapes, which would cost the square of its length.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[][{},"]', re.DOTALL)
_REST_OF_TEXT = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_LONGEST_NAME = 64
_OPENING, _CLOSING = (b"[", b"{"), (b"]", b"}")

_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode_text = msgspec.json.Decoder(str).decode


class NotJson(Exception):
    """The bytes are no JSON with events, or not to their end; the text is a sentence. What came before is good."""


class Scanner:
    """Reads `stream` behind the bytes of `start`."""

    def __init__(self, stream: BinaryIO, start: bytes = b"") -> None:
        self._stream = stream
        self._text = start
        # What stands before `_at` is done with; `_place` is how far was looked.
        self._at = self._place = 0

    def events(self) -> Iterator[bytes]:
        """The raw events of all documents, one behind the other; a gap between commas is an empty one.

        Raises:
            NotJson.
        """
        while not self.ended():
            yield from self.document()

    def document(self) -> Iterator[bytes]:
        """The raw events of one. Raises NotJson."""
        match self._peek():
            case b"[":
                self._place += 1
                yield from self._elements()
            case b"{":
                yield from self._object()
            case _:
                raise NotJson("It is no JSON behind some of its events.")

    def ended(self) -> bool:
        """Whether nothing follows but blanks."""
        sign = self._peek()
        self._at = self._place
        return not sign

    def _elements(self) -> Iterator[bytes]:
        """What stands between the bracket that was passed and the one that closes it."""
        self._at = self._place
        sign = b","
        first = True
        while sign == b",":
            sign = self._next(ends_at_comma=True)
            value = self._text[self._at : self._place - 1].strip(BLANK)
            self._at = self._place
            if value or sign == b"," or not first:
                yield value
            first = False
        if sign != b"]":
            raise NotJson("A bracket of it is closed by one of another kind.")

    def _object(self) -> Iterator[bytes]:
        """The object itself, or of an envelope its events."""
        around: list[bytes] = []
        seen: set[str] = set()
        self._place += 1
        while self._to_events(seen, is_envelope=bool(around)):
            around.append(self._text[self._at : self._place] + b"]")
            yield from self._elements()
        around.append(self._text[self._at : self._place])
        self._at = self._place
        whole = b"".join(around)
        if len(around) == 1:
            yield whole
        elif "events" in seen or is_broken(whole):
            raise NotJson("It is no JSON around its events.")

    def _to_events(self, seen: set[str], *, is_envelope: bool = False) -> bool:
        """Whether the object has an array of events further on. If so its bracket is passed, else the object's own.
        `seen` gets `event_type`, unless it is an envelope already, and `events` where they are none."""
        while (sign := self._next(names=True)) not in _CLOSING:
            name = _name(sign)
            if name not in ("events", "event_type") or self._peek() != b":":
                continue
            self._place += 1
            if name == "events" and "event_type" not in seen and self._peek() == b"[":
                self._place += 1
                return True
            if name == "events" and "event_type" not in seen:
                seen.add("events")
            elif name == "event_type" and not is_envelope:
                seen.add("event_type")
        return False

    def opens_envelope(self) -> bool:
        """Whether an envelope begins here, as far as can be told; nothing else can be asked afterwards."""
        self._place += 1
        try:
            return self._to_events(set())
        except NotJson:
            return False

    def _next(self, *, ends_at_comma: bool = False, names: bool = False) -> bytes:
        """Goes on behind the bracket that closes what is open, or a comma or text on its level; returns that sign."""
        depth, place = 0, self._place
        while True:
            for token in _TOKEN.finditer(self._text, place):
                sign = token.group()
                place = token.end()
                if sign == b'"':
                    sign = self._long_text(token.start())
                    place = self._place
                if sign in _OPENING:
                    depth += 1
                elif depth:
                    depth -= sign in _CLOSING
                elif sign in _CLOSING or (sign == b"," and ends_at_comma) or (names and sign != b","):
                    self._place = place
                    return sign
                if token.group() == b'"':
                    # There is another text to look through by now.
                    break
            else:
                self._place = place
                self._read_on()
                place = self._place

    def _long_text(self, start: int) -> bytes:
        """The text that begins there, to its end, wherever that is."""
        self._place = start + 1
        start -= self._at
        while True:
            rest = _REST_OF_TEXT.match(self._text, self._place)
            self._place = rest.end() if rest else self._place
            if self._text[self._place : self._place + 1] == b'"':
                self._place += 1
                return self._text[self._at + start : self._place]
            self._read_on()

    def _peek(self) -> bytes:
        """Goes on to the next sign that is no blank and returns it; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._place)
            self._place = blanks.end() if blanks else self._place
            if self._place < len(self._text) or not self._read():
                return self._text[self._place : self._place + 1]

    def _read_on(self) -> None:
        if not self._read():
            raise NotJson("It is cut off, or a bracket of it is never closed.")

    def _read(self) -> bool:
        """Reads as much again as is kept, so that keeping it costs no more than reading it."""
        kept = len(self._text) - self._at
        if kept > MOST_BYTES:
            raise NotJson(f"An event of it has more than {MOST_BYTES} bytes.")
        more = self._stream.read(min(max(CHUNK, kept), MOST_BYTES + CHUNK - kept))
        self._text = self._text[self._at :] + more
        self._place -= self._at
        self._at = 0
        return bool(more)


def of_line(line: bytes) -> list[bytes]:
    """The events of one line among many: of an envelope or array its own; a broken line is for its own refusal."""
    if line.startswith(b"{") and b'"events"' not in line and b"\\u00" not in line:
        return [line]
    scanner = Scanner(BytesIO(), line)
    try:
        found = [event for event in scanner.document() if event]
        return found if scanner.ended() else [line]
    except NotJson:
        return [line]


def is_object(line: bytes) -> bool:
    """Whether the line is a JSON object, strictly valid or not."""
    try:
        _decode_raw(line)
    except msgspec.DecodeError:
        return not is_broken(line) and line.startswith(b"{")
    except RecursionError:
        pass
    return line.startswith(b"{")


def goes_on(line: bytes) -> bool:
    """Whether a line that is no object ends like the first one of a document that spans lines."""
    return line.endswith((b"{", b"[", b",", b":"))


def is_broken(text: bytes) -> bool:
    """Whether not even a lenient parser accepts the text. What only a strict one rejects is refused event by event."""
    try:
        json.loads(text.decode("utf-8", "replace"))
    except json.JSONDecodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def _name(text: bytes) -> str:
    if len(text) > _LONGEST_NAME or not text.startswith(b'"'):
        return ""
    try:
        return _decode_text(text)
    except ValueError:
        return ""
