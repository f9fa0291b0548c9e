"""The event type of files whose events do not say it: it stands in the folder, the schema or the file's name, known to
the catalogue or not."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from connectors.catalogue.catalogue import CATALOGUE, KNOWN
from exporter.intake.normalise import LONGEST_TYPE
from exporter.intake.unreadable import FileUnreadable

# Currents writes its files into folders named after the type.
_IN_FOLDER = re.compile(r"event_type=([^/\\]+)")
# Currents' schemas are named for where they go: dataexport.S3.inner.users.messages.email.Open
_IN_SCHEMA = re.compile(r"(?:^dataexport\.[^.]+\.[^.]+\.|^(?:.+\.)?(?=users\.|agentconsole\.))(.+)$")
_LIKE_A_TYPE = re.compile(r"(?:users|agentconsole)(?:\.[A-Za-z0-9_]+)*\.[A-Z][A-Za-z0-9_]*")
# Control characters, and what a byte that is not UTF-8 becomes in a command's arguments.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NAMES = KNOWN | frozenset(CATALOGUE.by_name)
_LONGEST = max(map(len, _NAMES))
_BY_LETTERS = {name.lower(): name for name in sorted(_NAMES)}


def meant(name: str) -> str:
    """The known type that this name differs from in capitals alone; empty where it is known or like none."""
    return "" if name in _NAMES else _BY_LETTERS.get(name.lower(), "")


def checked(name: str) -> str:
    """The name, if it can be stored as an event's type.

    Raises:
        FileUnreadable.
    """
    if len(name) > LONGEST_TYPE or _UNFIT.search(name):
        raise FileUnreadable(
            f"Its event type cannot be one: it has {len(name)} characters of {LONGEST_TYPE} allowed, or one that "
            "is no text. Name another with --event-type."
        )
    return name


def of_file(path: str, schema: Any = None) -> str:
    """The type that folder, schema or name tell, empty where none does.

    Raises:
        FileUnreadable: it is spelled unlike a known one in capitals alone.
    """
    found = _of_folder(path) or _of_schema(schema) or _of_name(path)
    if known := meant(found):
        raise FileUnreadable(
            f"It is of the type “{found}”. Is {known} meant? Then say so with --event-type {known}."
        )
    return found


def _of_folder(path: str) -> str:
    found = _IN_FOLDER.search(path)
    return found.group(1) if found else ""


def _of_schema(schema: Any) -> str:
    name = str(schema.get("name") or "") if isinstance(schema, dict) else ""
    if name and "." not in name and schema.get("namespace"):
        name = f"{schema['namespace']}.{name}"
    known = _known_end(name)
    if known:
        return known
    found = _IN_SCHEMA.search(name)
    return found.group(1) if found else ""


def _of_name(path: str) -> str:
    """Of users.messages.email.Open.avro, and of users/messages/email/Open.json."""
    parts = list(PurePath(path).parts)
    if not parts:
        return ""
    stem = re.sub(r"(?:\.(?:avro|json|ndjson|jsonl|gz))+$", "", parts[-1], flags=re.IGNORECASE)
    if stem in _NAMES or _LIKE_A_TYPE.fullmatch(stem) or meant(stem):
        return stem
    return _known_end(".".join([*parts[:-1], stem]))


def _known_end(name: str) -> str:
    """The longest end of a dotted name that the catalogue knows."""
    if len(name) > _LONGEST:
        # What is cut in the middle of a word is none.
        name = name[-_LONGEST - 1 :].partition(".")[2]
    while name:
        if name in _NAMES:
            return name
        name = name.partition(".")[2]
    return ""
