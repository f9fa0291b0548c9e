"""Unpacking: from a stored payload to its events. No database, so that a process without one may do it."""

from __future__ import annotations

import threading

import zstandard

# A batch holds up to 1 MB, or one event of up to 900 kB; a damaged one may claim any size.
_MOST_BYTES = 64_000_000


class BatchUnreadable(Exception):
    """A stored payload is damaged."""


class _Decompressors(threading.local):
    def __init__(self) -> None:
        self.decompressor = zstandard.ZstdDecompressor()


_threads = _Decompressors()


def lines(payload: bytes) -> list[bytes]:
    """The events of a payload, in order of numbers, each a line of flat JSON.

    Raises:
        BatchUnreadable: the payload is damaged.
    """
    try:
        if zstandard.frame_content_size(payload) > _MOST_BYTES:
            raise BatchUnreadable
        return _threads.decompressor.decompress(payload).split(b"\n")
    except zstandard.ZstdError:
        raise BatchUnreadable from None
