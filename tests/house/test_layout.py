"""Templates, style sheets and scripts are laid out for people to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import layout


def test_no_line_of_ours_is_too_wide_or_too_full() -> None:
    assert [fault for file in layout.written_here() for fault in layout.faults(file)] == []


def test_the_check_reads_all_three_kinds() -> None:
    assert {file.suffix for file in layout.written_here()} == {".html", ".css", ".js"}


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("wide.html", "x" * 121, 1),
        ("fits.html", "x" * 120, 0),
        ("crowded.css", ".a { color: red; margin: 0; padding: 0; border: 0; }", 1),
        ("three.css", ".a { color: red; margin: 0; background: url(data:;a;b;c;d); }", 0),
        ("wide.js", "y" * 121, 1),
    ],
)
def test_a_fault_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, found: int
) -> None:
    monkeypatch.setattr(layout, "ROOT", tmp_path)
    file = tmp_path / name
    file.write_text(text)
    assert len(list(layout.faults(file))) == found
