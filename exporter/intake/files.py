"""Event files: Avro object containers, JSON and NDJSON, packed with gzip or not, read forward as single events."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from pathlib import PurePath
from typing import Any, BinaryIO, cast

import msgspec

from exporter.intake import avro_json, file_types, json_file
from exporter.intake.avro_file import MAGIC, AvroFile
from exporter.intake.normalise import EventRefused, RawEvent, read_json
from exporter.intake.unreadable import FileUnreadable

_GZIP = b"\x1f\x8b"
_PACKED_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error)


class _Typed(msgspec.Struct):
    event_type: Any = None


_decode_typed = msgspec.json.Decoder(_Typed).decode


class Unpacked:
    """How many bytes files may still become, all together where one holds several."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most


class _Bounded(RawIOBase):
    """A stream that ends the file where it would become more than it may: a few bytes of gzip can become any number."""

    def __init__(self, stream: BinaryIO, unpacked: Unpacked) -> None:
        self._stream, self._unpacked = stream, unpacked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        self._unpacked.left -= len(piece)
        if self._unpacked.left < 0:
            raise FileUnreadable(f"Unpacked, it has more than {self._unpacked.most} bytes.")
        return len(piece)


class EventFile:
    """A file that was opened and looked into. `event_type` is what its events are where they do not say so."""

    def __init__(
        self, stream: BinaryIO, path: str, event_type: str = "", *, unpacked: Unpacked | None = None
    ) -> None:
        """`path` may tell the type, as the schema may; a given `event_type` goes before both. Files of strangers are
        given a bound.

        Raises:
            FileUnreadable: it is damaged, or of no known form.
        """
        file: Any = stream if hasattr(stream, "peek") else BufferedReader(cast(Any, stream))
        endings = PurePath(path.lower()).suffixes[-2:]
        if ".gz" in endings[-1:]:
            _check_not_empty(file)
        if file.peek(2)[:2] == _GZIP:
            file = BufferedReader(cast(Any, gzip.GzipFile(fileobj=file)))
        if unpacked:
            file = BufferedReader(_Bounded(file, unpacked))
        self._stream = file
        try:
            if ".avro" in endings:
                _check_not_empty(file)
            self._avro = AvroFile(file) if file.peek(len(MAGIC))[: len(MAGIC)] == MAGIC else None
        except _PACKED_DAMAGE as error:
            raise FileUnreadable(f"It is damaged ({type(error).__name__}).") from error
        schema = self._avro.schema if self._avro else None
        self.event_type = file_types.checked(event_type or file_types.of_file(path, schema))

    def events(self) -> Iterator[RawEvent]:
        """The events in the file's order, always the same.

        Raises:
            FileUnreadable: it is damaged, or does not tell the type of its events; what came before is good.
        """
        try:
            yield from self._of_avro(self._avro) if self._avro else self._of_text()
        except _PACKED_DAMAGE as error:
            raise FileUnreadable(f"It is damaged ({type(error).__name__}).") from error

    def _of_avro(self, avro: AvroFile) -> Iterator[RawEvent]:
        for event in avro.records():
            if not event.get("event_type"):
                if not self.event_type:
                    raise FileUnreadable(
                        "It does not say of which type its events are. Name it with --event-type."
                    )
                event["event_type"] = self.event_type
            yield event
        if avro.damage:
            raise FileUnreadable(avro.damage)

    def _of_text(self) -> Iterator[RawEvent]:
        for raw in json_file.events(self._stream):
            yield self._mended(raw)

    def _mended(self, raw: bytes) -> RawEvent:
        """Of Avro's JSON encoding, and of events that leave their type to the file, the event; else its bytes."""
        wrapped = avro_json.may_be(raw)
        if not wrapped and not self.event_type:
            return raw
        try:
            if not wrapped and _decode_typed(raw).event_type:
                return raw
        except (ValueError, RecursionError):
            # Half an emoji, say, which is no reason to refuse it.
            pass
        try:
            event = read_json(raw)
        except EventRefused:
            return raw
        if not isinstance(event, dict):
            return raw
        # In the shape of Braze's HTTP export a value that looks wrapped is somebody's own.
        if wrapped and not isinstance(event.get("properties"), dict) and "user" not in event:
            try:
                event = avro_json.unwrapped(event)
            except RecursionError:
                return raw
        elif event.get("event_type"):
            return raw
        if not event.get("event_type") and self.event_type:
            event["event_type"] = self.event_type
        return event


def _check_not_empty(file: BufferedReader) -> None:
    """A JSON file of nothing holds no events; of other kinds even those have a header. Raises FileUnreadable."""
    if not file.peek(1):
        raise FileUnreadable("It is empty, which no file of its kind is.")
