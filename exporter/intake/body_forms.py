"""Body forms: cuts a request body or file into the raw bytes of its events, whatever its form. Pure."""

import re
from io import BytesIO

import msgspec

from exporter.intake.json_scanner import BLANK, NotJson, Scanner, goes_on, is_broken, is_object, of_line

MOST_EVENTS = 10_000
# An array with more commas is cut by the scanner, which stops at MOST_EVENTS; the strict reader would first
# make an object of each element, and 32 MB hold 16 million of them.
MANY_COMMAS = 1_000_000

_BOM = b"\xef\xbb\xbf"
_FORMS = 'It must be {"events": [...]}, an array of events, one event, or one event per line.'


class BadBody(Exception):
    """The body as a whole cannot be read; the message says why in a sentence or two."""


class TooManyEvents(BadBody):
    """The body holds more than MOST_EVENTS events."""

    def __init__(self) -> None:
        super().__init__(f"The body holds more than {MOST_EVENTS} events. Send it in several requests.")


# The form nearly every body has. `events` may be spelled with escapes, which is as good a name.
_OPENING = re.compile(rb'(?:\[|\{\s*"events"\s*:\s*\[)')
_NAME = re.compile(
    '"{}"'.format("".join(rf"(?:{sign}|\\u00(?i:{ord(sign):02x}))" for sign in "events")).encode()
)


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


class _Typed(msgspec.Struct):
    event_type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_typed = msgspec.json.Decoder(_Typed).decode


def parse_body(body: bytes) -> list[bytes]:
    """The raw bytes of each event in the body, in order; empty for a body without events.

    The first bytes show the form: ``{"events": [...]}``, a bare array, one event, or NDJSON. A single bad event
    (NaN, half a surrogate pair, nested too deeply, a broken line of NDJSON) is passed on as it is, to be refused
    by itself. Raises BadBody if the whole is not JSON, TooManyEvents if it holds too many.
    """
    body = body.removeprefix(_BOM).strip(BLANK)
    if not body:
        return []
    try:
        events = _salvage(body) if _is_of_very_many(body) else _strict(body)
    except (msgspec.DecodeError, RecursionError) as fault:
        events = _lines(body) or _salvage(body, fault)
    if len(events) > MOST_EVENTS:
        raise TooManyEvents
    return events


def _is_of_very_many(body: bytes) -> bool:
    if body.count(b",") <= MANY_COMMAS:
        return False
    return body.startswith(b"[") or (body.startswith(b"{") and Scanner(BytesIO(), body).opens_envelope())


def _strict(body: bytes) -> list[bytes]:
    if body.startswith(b"["):
        return [bytes(event) for event in _decode_array(body)]
    if not body.startswith(b"{"):
        raise BadBody(f"The body is not JSON with events. {_FORMS}")
    try:
        events = _decode_envelope(body).events
    except msgspec.ValidationError:
        if _decode_typed(body).event_type is msgspec.UNSET:
            raise BadBody('The value of "events" is not an array. Send {"events": [...]}.') from None
        return _salvage(body)
    if isinstance(events, msgspec.UnsetType):
        return [body]
    if _OPENING.match(body) and body.count(b'"events"') == 1 and not _is_named_again(body):
        return [bytes(event) for event in events]
    return _salvage(body)


def _is_named_again(body: bytes) -> bool:
    """Whether `events` is spelled with escapes anywhere."""
    return b"\\u00" in body and len(_NAME.findall(body)) > 1


def _lines(body: bytes) -> list[bytes]:
    """The events of an NDJSON body, broken lines included; empty if the body is not NDJSON.

    A first line that is broken and does not end like an object is taken for part of a document that spans lines:
    reading a truncated document as NDJSON would acknowledge a part of it.
    """
    if not body.startswith(b"{"):
        return []
    first_is_object = b"\n" in body and is_object(body[: body.index(b"\n")].strip(BLANK))
    lines: list[bytes] = []
    for part in BytesIO(body):
        if line := part.strip(BLANK):
            lines.append(line)
        if len(lines) > MOST_EVENTS:
            if first_is_object:
                raise TooManyEvents
            return []
    if len(lines) < 2:
        return []
    if not first_is_object:
        if goes_on(lines[0]) or not all(line.startswith(b"{") for line in lines):
            return []
        if not any(is_object(line) for line in lines):
            return []
    return _of_lines(lines)


def _of_lines(lines: list[bytes]) -> list[bytes]:
    events: list[bytes] = []
    for line in lines:
        events += of_line(line)
        if len(events) > MOST_EVENTS:
            raise TooManyEvents
    return events


def _salvage(body: bytes, fault: Exception | None = None) -> list[bytes]:
    """Cuts a body that the strict parser rejects as a whole, perhaps because of single bad events, or that it does not
    understand as we do. Raises BadBody."""
    detail = (
        "it is nested too deeply"
        if isinstance(fault, RecursionError)
        else str(fault or "it is cut or broken")
    )
    bad = BadBody(f"The body is not JSON ({detail.removeprefix('JSON is malformed: ')}). {_FORMS}")
    scanner = Scanner(BytesIO(), body)
    events: list[bytes] = []
    try:
        for event in scanner.document():
            events.append(event)
            if len(events) > MOST_EVENTS:
                raise TooManyEvents
        whole = scanner.ended()
    except NotJson:
        raise bad from None
    if not whole or any(is_broken(event) for event in events):
        raise bad from None
    return events
