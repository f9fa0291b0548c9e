"""What a worker and its converter say to each other: frames of MessagePack, each behind its length."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

_LENGTH = struct.Struct(">I")


class Wanted(msgspec.Struct, array_like=True):
    """The payload of one batch, and the plan it is to be judged by."""

    selected: tuple[str, ...]
    include_anonymous: bool
    payload: bytes


class Kind(msgspec.Struct, array_like=True):
    """What several events have in common."""

    event_type: str
    outcome: str
    reason: str


class Converted(msgspec.Struct, array_like=True):
    """The judged events of a batch, in order: for each, `places` has the place of its kind, as two bytes with the low
    one first; `calls` are those of the events that are to be sent. No kinds: it could not be done."""

    kinds: list[Kind]
    places: bytes
    calls: list[bytes]


NOT_DONE = Converted([], b"", [])


def write(sink: BinaryIO, content: bytes) -> None:
    """Raises:
    OSError, ValueError: the other end is gone.
    """
    for piece in (_LENGTH.pack(len(content)), content):
        left = memoryview(piece)
        while left:
            left = left[sink.write(left) :]


def read(source: BinaryIO) -> bytes | None:
    """The next frame's content; None at the end.

    Raises:
        OSError, ValueError: the other end is gone.
    """
    head = _exactly(source, _LENGTH.size)
    return None if head is None else _exactly(source, _LENGTH.unpack(head)[0])


def _exactly(source: BinaryIO, size: int) -> bytes | None:
    content = bytearray(size)
    left = memoryview(content)
    while left:
        got = source.readinto(left)  # type: ignore[attr-defined] # pipes opened without a buffer have it
        if not got:
            return None
        left = left[got:]
    return bytes(content)
