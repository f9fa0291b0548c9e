"""A stream that is read forward only, by the measures of Avro, with the possibility to put bytes back."""

from __future__ import annotations

from typing import BinaryIO

_CHUNK = 1_000_000
# A long takes ten bytes at most, seven bits in each.
_LONGEST = 70


class Forward:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""

    def ended(self) -> bool:
        if not self._ahead:
            self._ahead = self._stream.read(_CHUNK)
        return not self._ahead

    def exactly(self, size: int) -> bytes:
        """Raises EOFError where there are fewer bytes."""
        if len(self._ahead) < size:
            parts, have = [self._ahead], len(self._ahead)
            while have < size:
                more = self._stream.read(max(size - have, _CHUNK))
                if not more:
                    self._ahead = b""
                    raise EOFError
                parts.append(more)
                have += len(more)
            self._ahead = b"".join(parts)
        found, self._ahead = self._ahead[:size], self._ahead[size:]
        return found

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

    def put_back(self, data: bytes) -> None:
        self._ahead = data + self._ahead

    def pass_over(self, marker: bytes) -> bool:
        """Goes on behind the next `marker`; False where there is none any more."""
        while True:
            place = self._ahead.find(marker)
            if place >= 0:
                self._ahead = self._ahead[place + len(marker) :]
                return True
            more = self._stream.read(_CHUNK)
            if not more:
                self._ahead = b""
                return False
            self._ahead = self._ahead[max(0, len(self._ahead) - len(marker) + 1) :] + more
