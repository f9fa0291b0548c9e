"""A stream that is read forward only, by the measures of Avro, and that can be looked into ahead."""

from __future__ import annotations

from typing import BinaryIO

_CHUNK = 1_000_000
# A long takes ten bytes at most, seven bits in each.
_LONGEST = 70


class Forward:
    """What was read ahead is kept in one piece, and a place in it: blocks may be tiny, or lie about their length, and
    neither may cost more than their bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""
        self._at = 0

    def ended(self) -> bool:
        return not self._has(1)

    def exactly(self, size: int) -> bytes:
        """Raises EOFError where there are fewer bytes."""
        found = self.look(0, size)
        self._at += size
        return found

    def look(self, ahead: int, size: int) -> bytes:
        """So many bytes from so far ahead, which are still to come afterwards. Raises EOFError."""
        if not self._has(ahead + size):
            raise EOFError
        start = self._at + ahead
        return self._ahead[start : start + size]

    def long(self) -> int:
        """Raises EOFError, ValueError."""
        number = shift = 0
        while shift < _LONGEST:
            byte = self.exactly(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)
            shift += 7
        raise ValueError("a number without end")

    def pass_over(self, marker: bytes) -> bool:
        """Goes on behind the next `marker`; False where there is none any more."""
        while True:
            place = self._ahead.find(marker, self._at)
            if place >= 0:
                self._at = place + len(marker)
                return True
            self._at = max(self._at, len(self._ahead) - len(marker) + 1)
            if not self._read(1):
                self._at = len(self._ahead)
                return False

    def _has(self, size: int) -> bool:
        while (missing := size - (len(self._ahead) - self._at)) > 0:
            if not self._read(missing):
                return False
        return True

    def _read(self, missing: int) -> bool:
        kept = len(self._ahead) - self._at
        # A share of what is kept, because keeping it costs a copy.
        more = self._stream.read(max(missing, _CHUNK, kept // 4))
        if more:
            self._ahead = self._ahead[self._at :] + more
            self._at = 0
        return bool(more)
