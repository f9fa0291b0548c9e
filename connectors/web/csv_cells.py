"""Cells of a CSV file that people open in a spreadsheet."""

from __future__ import annotations

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection"); it knows the full-width signs, too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "−", "＝", "＋", "－", "＠")


def plain(cell: str) -> str:
    """The cell as text, whatever it begins with: an apostrophe in front where it would become a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) or cell.lstrip().startswith(_FORMULA) else cell
