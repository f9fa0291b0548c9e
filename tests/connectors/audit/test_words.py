"""The audit log in words: whatever an entry says changed has a name in the reader's language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from connectors.audit.words import FIELDS

_RECORDING = {"record", "_record", "record_change"}


def _written() -> Iterator[tuple[str, str]]:
    """Where an entry is written, and each field that is named there."""
    for room in ("connectors", "exporter"):
        for path in sorted((Path(settings.BASE_DIR) / room).rglob("*.py")):
            for made in ast.walk(ast.parse(path.read_text())):
                if isinstance(made, ast.FunctionDef):
                    for name in _fields(made):
                        yield f"{path.name}:{made.name}", name


def _fields(made: ast.FunctionDef) -> set[str]:
    calls = [
        one
        for one in ast.walk(made)
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") in _RECORDING
    ]
    told = [word.value for call in calls for word in call.keywords if word.arg in ("before", "after")]
    names = {one.id for value in told for one in ast.walk(value) if isinstance(one, ast.Name)}
    told += [
        one.value
        for one in ast.walk(made)
        if isinstance(one, ast.Assign) and any(getattr(goal, "id", "") in names for goal in one.targets)
    ]
    return {
        key.value
        for value in told
        for one in ast.walk(value)
        if isinstance(one, ast.Dict)
        for key in one.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def test_every_field_that_is_written_down_has_a_name() -> None:
    found = list(_written())
    assert {"kept_hours", "objects", "bytes"} <= {name for _place, name in found}, "they are found"
    assert [one for one in found if one[1] not in FIELDS] == []
