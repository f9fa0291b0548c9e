"""What formatters do not hold: lines of templates, style sheets and scripts that a person can read.

`make lint` calls it. Prints each fault as `file:line: what is wrong` and exits with 1 where there is one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIDEST = 120
# More declarations than these get a line each.
ON_ONE_LINE = 3
_RULE = re.compile(r"\{([^{}]*)\}")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'|\([^()]*\)")


def written_here() -> Iterator[Path]:
    """Templates, style sheets and scripts of ours; what lies in `vendor` is somebody else's."""
    yield from sorted((ROOT / "templates").rglob("*.html"))
    yield from sorted((ROOT / "static" / "css").glob("*.css"))
    yield from sorted((ROOT / "static" / "js").glob("*.js"))


def faults(file: Path) -> Iterator[str]:
    """Each line of a file that is too wide or, in a style sheet, holds too much."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        place = f"{file.relative_to(ROOT)}:{number}"
        if len(line) > WIDEST:
            yield f"{place}: {len(line)} columns, at most {WIDEST} are read easily"
        if file.suffix == ".css" and _crowded(line):
            yield f"{place}: more than {ON_ONE_LINE} declarations, give each a line"


def _crowded(line: str) -> bool:
    rules = _RULE.findall(_STRING.sub("", line))
    return any(len([part for part in rule.split(";") if part.strip()]) > ON_ONE_LINE for rule in rules)


if __name__ == "__main__":
    found = [fault for file in written_here() for fault in faults(file)]
    sys.stderr.writelines(f"{fault}\n" for fault in found)
    sys.exit(bool(found))
