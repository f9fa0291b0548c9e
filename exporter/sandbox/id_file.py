"""The file of message ids: proof, from outside the exporter, of what arrived and what arrived twice.

A line is `<unix time> <accepted|duplicate> <messageId>`, unprintable characters escaped as Python does. Lines
are handed to the system before the request is answered: they outlive a kill of the sandbox (not a power cut).
A file that is there already is continued.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path


class IdFile:
    """Appends lines, a whole request at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._file.truncate(_end_of_last_line(path))

    def write(self, now: float, noted: Sequence[tuple[str, str]]) -> None:
        """Raises OSError when the disk is full; the caller must then not acknowledge the request."""
        lines = [f"{now:.6f} {status} {_on_one_line(message_id)}\n" for status, message_id in noted]
        rest = memoryview("".join(lines).encode())
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]

    def close(self) -> None:
        self._file.close()


def read_ids(path: Path) -> Iterator[tuple[float, str, str]]:
    """(unix time, `accepted` or `duplicate`, messageId) of each whole line; nothing without a file."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line.endswith("\n"):
                at, status, message_id = line[:-1].split(" ", 2)
                yield float(at), status, message_id


def _on_one_line(message_id: str) -> str:
    if message_id.isprintable():
        return message_id
    return message_id.encode("unicode_escape").decode()


def _end_of_last_line(path: Path) -> int:
    """Where the last whole line ends. A torn tail belongs to a request that was never answered."""
    end = path.stat().st_size
    with path.open("rb") as file:
        while end:
            begin = max(0, end - 65_536)
            file.seek(begin)
            newline = file.read(end - begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            end = begin
    return 0
