"""Body forms: cuts a request body or file into the raw bytes of its events, whatever its form. Pure."""

import json
import re
from io import BytesIO

import msgspec

MOST_EVENTS = 10_000
# An array with more commas is cut by the scanner, which stops at MOST_EVENTS; the strict reader would first
# make an object of each element, and 32 MB hold 16 million of them.
MANY_COMMAS = 1_000_000

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_FORMS = 'It must be {"events": [...]}, an array of events, one event, or one event per line.'


class BadBody(Exception):
    """The body as a whole cannot be read; the message says why in a sentence or two."""


class TooManyEvents(BadBody):
    """The body holds more than MOST_EVENTS events."""

    def __init__(self) -> None:
        super().__init__(f"The body holds more than {MOST_EVENTS} events. Send it in several requests.")


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode


def parse_body(body: bytes) -> list[bytes]:
    """The raw bytes of each event in the body, in order; empty for a body without events.

    The first bytes show the form: ``{"events": [...]}``, a bare array, one event, or NDJSON. A single bad event
    (NaN, half a surrogate pair, nested too deeply, a broken line of NDJSON) is passed on as it is, to be refused
    by itself. Raises BadBody if the whole is not JSON, TooManyEvents if it holds too many.
    """
    body = body.removeprefix(_BOM).strip(_BLANK)
    if not body:
        return []
    try:
        events = _salvage(body) if _OPENING.match(body) and body.count(b",") > MANY_COMMAS else _strict(body)
    except (msgspec.DecodeError, RecursionError) as fault:
        events = _lines(body) or _salvage(body, fault)
    if len(events) > MOST_EVENTS:
        raise TooManyEvents
    return events


def _strict(body: bytes) -> list[bytes]:
    if body.startswith(b"["):
        return [bytes(event) for event in _decode_array(body)]
    if not body.startswith(b"{"):
        raise BadBody(f"The body is not JSON with events. {_FORMS}")
    try:
        events = _decode_envelope(body).events
    except msgspec.ValidationError:
        raise BadBody('The value of "events" is not an array. Send {"events": [...]}.') from None
    return [body] if isinstance(events, msgspec.UnsetType) else [bytes(event) for event in events]


def _lines(body: bytes) -> list[bytes]:
    """The lines of an NDJSON body, broken ones included; empty if the body is not NDJSON.

    A first line that is broken and does not end like an object is taken for part of a document that spans lines:
    reading a truncated document as NDJSON would acknowledge a part of it.
    """
    if not body.startswith(b"{"):
        return []
    first_is_object = b"\n" in body and is_object(body[: body.index(b"\n")].strip(_BLANK))
    lines: list[bytes] = []
    for part in BytesIO(body):
        if line := part.strip(_BLANK):
            lines.append(line)
        if len(lines) > MOST_EVENTS:
            if first_is_object:
                raise TooManyEvents
            return []
    if len(lines) < 2:
        return []
    if first_is_object:
        return lines
    if lines[0].endswith((b"{", b"[", b",", b":")) or not all(line.startswith(b"{") for line in lines):
        return []
    return lines if any(is_object(line) for line in lines) else []


def is_object(line: bytes) -> bool:
    """Whether the line is a JSON object, strictly valid or not."""
    try:
        _decode_raw(line)
    except msgspec.DecodeError:
        return not _is_broken(line) and line.startswith(b"{")
    except RecursionError:
        pass
    return line.startswith(b"{")


def _is_broken(text: bytes) -> bool:
    """Whether not even a lenient parser accepts the text. What only a strict one rejects is refused event by event."""
    try:
        json.loads(text.decode("utf-8", "replace"))
    except json.JSONDecodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False


_OPENING = re.compile(rb'(?:\[|\{\s*"events"\s*:\s*\[)')
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},]', re.DOTALL)


def _salvage(body: bytes, fault: Exception | None = None) -> list[bytes]:
    """Cuts a body that the strict parser rejects as a whole, perhaps because of single bad events. Raises BadBody."""
    detail = (
        "it is nested too deeply"
        if isinstance(fault, RecursionError)
        else str(fault or "it is cut or broken")
    )
    bad = BadBody(f"The body is not JSON ({detail.removeprefix('JSON is malformed: ')}). {_FORMS}")
    opening = _OPENING.match(body)
    if opening is None:
        events = [body]
    else:
        events, end = _elements(body, opening.end())
        if body[end:].translate(None, _BLANK) != (b"]}" if body.startswith(b"{") else b"]"):
            raise bad from None
    if any(_is_broken(event) for event in events):
        raise bad from None
    return events


def _elements(body: bytes, start: int) -> tuple[list[bytes], int]:
    """The elements of the array whose inside begins at ``start``, and the place of its closing bracket.

    Works without recursion, because depth may be what is wrong; if the array is never closed, the place is the end.
    """
    events: list[bytes] = []
    depth = 0
    for token in _TOKEN.finditer(body, start):
        sign = token.group()
        if sign in (b"[", b"{"):
            depth += 1
        elif sign in (b"]", b"}") and depth:
            depth -= 1
        elif depth == 0 and sign in (b",", b"]", b"}"):
            events.append(body[start : token.start()].strip(_BLANK))
            start = token.end()
            if len(events) > MOST_EVENTS:
                raise TooManyEvents
            if sign != b",":
                return events, token.start()
    return events, len(body)
