"""Which files are meant: those named, and in folders, in the order of their names, those that hold events."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exporter.intake.avro_file import MAGIC

_ENDINGS = (".avro", ".json", ".ndjson", ".jsonl", ".avro.gz", ".json.gz", ".ndjson.gz", ".jsonl.gz")
STANDARD_INPUT = Path("-")


@dataclass(slots=True)
class Walk:
    """`passed_over` counts files in folders that hold no events by their names, such as `_SUCCESS`, and links to
    folders; `closed` are folders that could not be looked into."""

    given: Sequence[Path]
    passed_over: int = 0
    closed: list[OSError] = field(default_factory=list)

    def files(self) -> Iterator[Path]:
        for path in self.given:
            if path != STANDARD_INPUT and _is_folder(path):
                yield from self._below(path)
            else:
                yield path

    def _below(self, folder: Path) -> Iterator[Path]:
        for name, folders, files in os.walk(folder, onerror=self.closed.append):
            folders.sort()
            folders[:] = [one for one in folders if not one.startswith(".")]
            # Links to folders are not followed: they may lead in circles.
            self.passed_over += sum(Path(name, one).is_symlink() for one in folders)
            for file in sorted(files):
                path = Path(name, file)
                if _holds_events(path):
                    yield path
                else:
                    self.passed_over += 1


def _is_folder(path: Path) -> bool:
    """A name that is too long, or in a closed folder, is none; opening it as a file tells so."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_event_name(name: str) -> bool:
    """Whether a file or object of this name holds events."""
    last = name.rpartition("/")[2]
    return not last.startswith((".", "_")) and last.lower().endswith(_ENDINGS)


def _holds_events(path: Path) -> bool:
    if path.name.startswith((".", "_")):
        return False
    if is_event_name(path.name):
        return True
    try:
        # Files of programs that name theirs by numbers alone.
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def shown(path: Path) -> str:
    """The path as text; a name that is not UTF-8 shows U+FFFD in the places of what is none."""
    return os.fsencode(path).decode("utf-8", "replace")
