"""`import_events` says one line a file, whatever its name holds."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest

from connectors.models import Workspace
from exporter.intake import importing
from exporter.intake.importing import Tally
from exporter.management.commands.import_events import Command, Result


@pytest.mark.parametrize("trouble", ["", "It is damaged."])
def test_a_file_name_takes_one_line_whatever_is_in_it(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "import_file", lambda *given, **named: Tally(accepted=4, trouble=trouble))
    out, err = io.StringIO(), io.StringIO()
    command = Command(stdout=out, stderr=err, no_color=True)
    command._results, command._events = Counter(), Counter()
    path = tmp_path / "a\nb\x1b[2J\r.json"
    path.touch()
    assert command._import(Workspace(pk=1), path, "") is (Result.INCOMPLETE if trouble else Result.IMPORTED)
    shown = f"{tmp_path}/a\ufffdb\ufffd[2J\ufffd.json"
    assert out.getvalue() == f"{shown}: 4 accepted, 0 duplicates, 0 refused\n"
    assert err.getvalue() == (f"{shown}: {trouble}\n" if trouble else "")
