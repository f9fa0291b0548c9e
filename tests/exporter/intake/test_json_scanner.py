"""JSON is cut into its events alike in bodies and in files, however it is laid out, at a cost of its length alone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.intake import whole_body
from exporter.intake.body_forms import BadBody, parse_body
from exporter.intake.files import EventFile
from exporter.intake.json_scanner import NotJson, Scanner, is_broken
from exporter.intake.unreadable import FileUnreadable
from tests.exporter.intake.test_body_forms import JSON_VALUES

A = b'{"event_type":"a","id":"1","time":1}'
B = b'{"event_type":"b","id":"2","time":2}'


def in_file(content: bytes) -> list[bytes]:
    return [one for one in EventFile(io.BytesIO(content), "x").events() if isinstance(one, bytes)]


@pytest.mark.parametrize(
    "envelope",
    [
        b'{"events":[%a],"events":[%b]}',
        b'{"\\u0065vents":[%a],"events":[%b]}',
        b'{"events":[%a],"\\u0065\\u0076ent\\u0073" : [%b]}',
        b'{"version":1,"events":[%a,%b]}',
        b'{"version":{"events":[1]},"of":"events","events":[%a],"x":[],"events":[],"events":[%b],"y":null}',
        b'{"events":[%a],"event_type":"t","events":[%b]}',
        b'{"version":1,\n"events":[\n%a,\n%b\n]}',
        b'{"version":1,"events":[\n%a,\n%b\n]}',
        b'{"events":[%a]}\n{"version":2,"events":[%b]}',
    ],
)
def test_every_event_of_an_envelope_is_taken_wherever_it_stands(envelope: bytes) -> None:
    content = envelope.replace(b"%a", A).replace(b"%b", B)
    assert parse_body(content) == [A, B]
    assert in_file(content) == [A, B]


@pytest.mark.parametrize(
    "event",
    [
        b'{"event_type":"t","id":"1","time":1,"events":["mine"]}',
        b'{"event_type":"t","id":"1","time":1,"events":["mine"],"events":[2]}',
        b'{"event_type":"t","id":"1","time":1,"events":5}',
        b'{"id":"1","time":1,"properties":{"events":[1]},"event_type":"t"}',
        b'{"event_type":"t","id":"1","time":1,"events":[{"event_type":"t","id":"2","time":1}]}',
    ],
)
def test_an_event_may_have_events_of_its_own(event: bytes) -> None:
    assert whole_body.read(event) is None
    assert parse_body(event) == [event]
    assert in_file(event) == [event]
    assert in_file(event + b"\n" + A) == parse_body(event + b"\n" + A) == [event, A]


@pytest.mark.parametrize(
    "content",
    [
        b'{"events":[%a],"events":5}',
        b'{"events":{},"events":[%a]}',
        b'{"events":[%a],nonsense}',
        b'{"nonsense,"events":[%a]}',
        b'{"events":[%a}',
        b"[%a}",
        b'{"version":1,"events":[%a]',
    ],
)
def test_what_is_wrong_around_events_is_told(content: bytes) -> None:
    content = content.replace(b"%a", A)
    with pytest.raises(BadBody):
        parse_body(content)
    with pytest.raises(FileUnreadable):
        in_file(b'{"version":1,\n' + content[1:] if content.startswith(b"{") else content)


def test_a_text_of_escapes_without_end_is_looked_through_once() -> None:
    """Tried again from each of its escapes, it would take days."""
    content = b'{"events":[{"a":"' + b'\\"' * 5_000_000
    with pytest.raises(BadBody, match="truncated"):
        parse_body(content)
    with pytest.raises(FileUnreadable, match="cut off"):
        in_file(content)


@pytest.mark.parametrize("piece", [b"a", b'\\"', b"\\\\", b"[{,"])
def test_a_long_text_is_looked_through_once_however_it_comes(piece: bytes) -> None:
    class Source(io.BytesIO):
        looked_at = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            self.looked_at += len(found)
            return found

    class Counted(Scanner):
        work = 0

        def _read(self) -> bool:
            # What is read again is what is copied.
            self.work += len(self._text) - self._at
            return super()._read()

    text = b'"' + piece * (20_000_000 // len(piece)) + b'"'
    source = Source(b"[" + A + b"," + text + b"," + B + b"]")
    scanner = Counted(source)
    assert list(scanner.events()) == [A, text, B]
    assert scanner.work < 3 * source.looked_at


def cut(content: bytes, chunk: int) -> Iterator[bytes]:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(chunk)

    return Scanner(Dripping(content)).events()


@given(st.lists(st.dictionaries(st.text(), JSON_VALUES)), st.integers(1, 30), st.booleans())
def test_where_the_bytes_are_cut_changes_nothing(
    events: list[dict[str, object]], chunk: int, envelope: bool
) -> None:
    texts = [json.dumps(event).encode() for event in events]
    content = b"[" + b",".join(texts) + b"]"
    if envelope:
        content = b'{"a":"\\"[","events":' + content + b',"z":{}}'
    assert list(cut(content, chunk)) == texts


@given(
    st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ events1', max_size=60).map(str.encode),
    st.integers(1, 9),
)
def test_no_bytes_are_cut_otherwise_than_as_events_or_in_words(content: bytes, chunk: int) -> None:
    for start in (b"", b"[", b'{"events":['):
        told = []
        for size in (chunk, 1_000):
            found: list[bytes] = []
            try:
                found += cut(start + content, size)
                told.append((found, ""))
            except NotJson as error:
                told.append((found, str(error)))
        assert told[0][1] == told[1][1]


@given(st.text(alphabet='{}[]",:\\ events1', max_size=80).map(str.encode))
def test_a_body_that_is_taken_is_json(content: bytes) -> None:
    for start in (b"[", b'{"events":['):
        try:
            parse_body(start + content)
        except BadBody:
            continue
        lines = (start + content).splitlines()
        assert not is_broken(start + content) or len(lines) > 1
