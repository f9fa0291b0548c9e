"""Avro object containers, read forward: a damaged block costs its own records, since every block ends with the file's
sync marker and reading goes on behind the next one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

import fastavro
import msgspec
from fastavro.schema import SchemaParseException, UnknownType

from connectors.web.storable_text import printable
from exporter.intake import avro_bounds, avro_codecs, avro_flat
from exporter.intake.avro_codecs import BadBlock
from exporter.intake.avro_values import converters, plain_schema
from exporter.intake.forward import Forward
from exporter.intake.unreadable import FileUnreadable

MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_MOST_META_BYTES = 16_000_000
_LONGEST_SHOWN = 200
# What fastavro raises where bytes do not fit the schema.
_BAD_RECORD = (
    *(EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, StopIteration),
    *(MemoryError, RecursionError, struct.error),
)


class AvroFile:
    """A container whose header was read. `schema` is its writer's; `damaged` counts the blocks that were passed over
    or read in part so far, `lost` the records in them, as far as they tell how many they hold."""

    def __init__(self, stream: BinaryIO) -> None:
        """Raises FileUnreadable where the header is damaged, is no record's, or names an unknown codec."""
        self._stream = Forward(stream)
        self.damaged = self.lost = 0
        try:
            meta = self._header()
        except (EOFError, ValueError) as error:
            raise FileUnreadable(f"Its Avro header is damaged ({type(error).__name__}).") from error
        self._codec = meta.get("avro.codec", b"").decode("utf-8", "replace") or "null"
        if self._codec not in avro_codecs.CODECS:
            raise FileUnreadable(
                f"Its codec “{_shown(self._codec)}” is none of Avro’s: {', '.join(avro_codecs.CODECS)}."
            )
        if "avro.schema" not in meta:
            raise FileUnreadable("Its Avro header is damaged: it holds no schema.")
        try:
            self.schema: Any = msgspec.json.decode(meta["avro.schema"])
            self._parsed: Any = fastavro.parse_schema(plain_schema(self.schema))
            if not isinstance(self._parsed, dict) or self._parsed.get("type") != "record":
                raise FileUnreadable("It does not hold records.")
            avro_bounds.check(self._parsed)
        except (*_BAD_RECORD, SchemaParseException, UnknownType, avro_bounds.UnfitSchema) as error:
            raise FileUnreadable(f"Its Avro schema cannot be read: {_why(error)}.") from error
        self._converters = converters(self._parsed)
        self._flat = avro_flat.of_schema(self._parsed)

    def records(self) -> Iterator[dict[str, Any]]:
        """The records that can be read, without nulls and with values as JSON has them."""
        while (block := self._next_block()) is not None:
            count, data = block
            read = start = 0
            if self._flat is not None:
                for event in self._flat.read(data, count):
                    read += 1
                    yield self._converted(event)
                start = self._flat.at
            if read < count or start < len(data):
                yield from self._others(data, start, count - read)

    def _others(self, data: bytes, start: int, left: int) -> Iterator[dict[str, Any]]:
        """What is no record of plain values, or odd."""
        source = BytesIO(data)
        source.seek(start)
        try:
            while left:
                record: Any = fastavro.schemaless_reader(
                    source, self._parsed, None, handle_unicode_errors="replace"
                )
                left -= 1
                yield self._converted({name: value for name, value in record.items() if value is not None})
        except _BAD_RECORD:
            # Records have no frames of their own: the rest of the block goes with the one that is damaged.
            self._count_damage(left)
        else:
            if source.tell() < len(data):
                # Of more than it says it holds nobody can tell what.
                self._count_damage(0)

    def _converted(self, event: dict[str, Any]) -> dict[str, Any]:
        for name, converted in self._converters:
            if name in event:
                event[name] = converted(event[name])
        return event

    @property
    def damage(self) -> str:
        """A sentence; empty where nothing was passed over."""
        if not self.damaged:
            return ""
        events = f"{self.lost} or more events" if self.lost else "an unknown number of events"
        return (
            f"It is damaged: {self.damaged} of its blocks were passed over, whole or in part, with {events}."
        )

    def _next_block(self) -> tuple[int, bytes] | None:
        """The records a block says it holds, and their bytes; None at the end."""
        while not self._stream.ended():
            try:
                count, packed = self._block()
            except (EOFError, ValueError):
                self._count_damage(0)
                if not self._stream.pass_over(self._sync):
                    return None
                continue
            try:
                data = avro_codecs.unpack(self._codec, packed)
            except BadBlock:
                self._count_damage(count)
                continue
            # Every event takes a byte at least, so more of them than bytes is a lie.
            if count <= len(data):
                return count, data
            self._count_damage(0)
        return None

    def _block(self) -> tuple[int, bytes]:
        """Raises EOFError, and ValueError where it does not end as it says."""
        count, size = self._stream.long(), self._stream.long()
        if count < 0 or not 0 <= size <= avro_codecs.MOST_BYTES:
            raise ValueError("lengths")
        if self._stream.look(size, _SYNC_BYTES) != self._sync:
            raise ValueError("sync marker")
        packed = self._stream.exactly(size)
        self._stream.exactly(_SYNC_BYTES)
        return count, packed

    def _count_damage(self, records: int) -> None:
        self.damaged += 1
        self.lost += records

    def _header(self) -> dict[str, bytes]:
        """Raises EOFError, ValueError."""
        if self._stream.exactly(len(MAGIC)) != MAGIC:
            raise ValueError("magic")
        meta: dict[str, bytes] = {}
        while count := self._stream.long():
            if count < 0:
                # Then the length of this part follows, for who wants to pass over it.
                count, _ = -count, self._stream.long()
            for _ in range(count):
                name = self._sized()
                meta[name.decode("utf-8", "replace")] = self._sized()
        self._sync = self._stream.exactly(_SYNC_BYTES)
        return meta

    def _sized(self) -> bytes:
        size = self._stream.long()
        if not 0 <= size <= _MOST_META_BYTES:
            raise ValueError("length")
        return self._stream.exactly(size)


def _why(error: Exception) -> str:
    """What is wrong with a schema, in words that continue a sentence."""
    match error:
        case avro_bounds.UnfitSchema():
            return f"it holds {error}"
        case UnknownType():
            return f"it names a type it does not say, “{_shown(error.name)}”"
        case SchemaParseException():
            return _shown(str(error))
        case KeyError():
            return f"“{_shown(error.args[0])}” is missing in it"
        case msgspec.DecodeError():
            return "it is not JSON"
    return "it is not as the specification has it"


def _shown(found: object) -> str:
    return printable(str(found)[:_LONGEST_SHOWN]).rstrip(".")
