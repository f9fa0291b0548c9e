"""Which tests run which line: measured once, kept, and measured again where tests or code have changed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from coverage import CoverageData

from tests.mutants import telling
from tests.mutants.draw import ROOMS

# What every test rests on: when it changes, all are measured anew.
_SUPPORT = ("tests/support", "tests/conftest.py")


@dataclass(slots=True)
class Measured:
    """`lines`: module → line → the tests that run it. `failed` failed already then, without any fault."""

    lines: dict[str, dict[int, set[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def tests_for(self, root: Path, module: str, line: int, most: float) -> list[str]:
        """The tests that run the line, the quickest first, at most as many as take `most` seconds; those of its module
        count as a third of their time. For a line that runs at import only: those that run a line with the names it
        gives, or else any line of the module, and those of its module."""
        by_line = self.lines.get(module, {})
        own = f"tests/{Path(module).parent}/test_{Path(module).stem}"
        found = by_line.get(line, set())
        if not found:
            found = self._of_names(root, module, line) or set().union(*by_line.values())
            found |= {test for test in self.seconds if test.startswith(f"{own}.py::")}

        def dear(test: str) -> float:
            return self.seconds.get(test, 1.0) / (3 if test.startswith(own) else 1)

        ordered = sorted(found, key=lambda test: (dear(test), test))
        spent = accumulate(self.seconds.get(test, 1.0) for test in ordered)
        return [test for test, seconds in zip(ordered, spent, strict=True) if seconds <= most]

    def _of_names(self, root: Path, module: str, line: int) -> set[str]:
        names = _names_given((root / module).read_text(), line)
        named = re.compile(rf"\b({'|'.join(names)})\b")
        found: set[str] = set()
        for other, by_line in self.lines.items():
            if not names or not (source := root / other).exists():
                continue
            for place, text in enumerate(source.read_text().splitlines(), start=1):
                if named.search(text):
                    found |= by_line.get(place, set())
        return found


def measure(root: Path, folder: Path, tests: Iterable[str]) -> Measured:
    """Runs with coverage the test files that have changed since they were measured, and those that run a changed module
    of their own room. What others ran of it is forgotten: fewer tests are asked, none in vain."""
    kept_at = folder / "measured.json"
    kept = json.loads(kept_at.read_text()) if kept_at.exists() else {}
    support = _digest(path for place in _SUPPORT for path in _files(root / place))
    if kept.get("support") != support:
        kept = {"support": support, "modules": {}, "files": {}}
    modules = {
        _name(root, path): _digest([path]) for room in ROOMS for path in _files(root / "exporter" / room)
    }
    changed = {name for name, before in kept["modules"].items() if modules.get(name) != before}
    files = {
        _name(root, path): _digest([path])
        for place in tests
        for path in _files(root / place)
        if path.name.startswith("test_")
    }
    stale = [name for name, digest in files.items() if _is_stale(name, digest, kept["files"], changed)]
    for found in kept["files"].values():
        found["lines"] = [one for one in found["lines"] if one[0] not in changed]
    if stale:
        for name, fresh in _run(root, folder, stale).items():
            kept["files"][name] = {"digest": files[name], **fresh}
        kept["modules"] = modules
        kept_at.write_text(json.dumps(kept))
    measured = Measured()
    for found in (kept["files"][name] for name in files if name in kept["files"]):
        measured.seconds |= found["seconds"]
        measured.failed += found["failed"]
        for module, line, names in found["lines"]:
            measured.lines[module][line].update(names)
    return measured


def _is_stale(name: str, digest: str, kept: dict[str, Any], changed: set[str]) -> bool:
    if name not in kept or kept[name]["digest"] != digest:
        return True
    own = name.removeprefix("tests/").split("/")[:2]
    return any(one[0] in changed and one[0].split("/")[:2] == own for one in kept[name]["lines"])


def _run(root: Path, folder: Path, files: list[str]) -> dict[str, dict[str, object]]:
    """What was measured, by test file."""
    data, told = folder / "coverage", folder / "told"
    data.unlink(missing_ok=True)
    told.write_text("")
    (folder / "coveragerc").write_text(f"[run]\ndata_file = {data}\nconcurrency = thread\n")
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *files, "-q", "--no-header"),
            *("-p", "no:cacheprovider", "-p", "tests.mutants.telling"),
            *(f"--cov=exporter/{room}" for room in ROOMS),
            *("--cov-context=test", "--cov-report=", f"--cov-config={folder / 'coveragerc'}"),
        ],
        cwd=root,
        env=os.environ | {telling.TOLD: str(told)},
        check=False,
    )
    seconds: dict[str, float] = defaultdict(float)
    failed: set[str] = set()
    for line in told.read_text().splitlines():
        if "test" in (what := json.loads(line)):
            seconds[what["test"]] += what["seconds"]
            failed |= {what["test"]} if what["outcome"] == "failed" else set()
    return _by_file(root, data, seconds, failed)


def _by_file(
    root: Path, data: Path, seconds: dict[str, float], failed: set[str]
) -> dict[str, dict[str, object]]:
    covered = CoverageData(basename=str(data))
    covered.read()
    lines: dict[str, list[tuple[str, int, list[str]]]] = defaultdict(list)
    for file in covered.measured_files():
        for line, contexts in covered.contexts_by_lineno(file).items():
            by_file: dict[str, list[str]] = defaultdict(list)
            # `tests/…::test_name[parameters]|run`
            for test in {one.rpartition("|")[0] for one in contexts if one.endswith("|run")}:
                by_file[test.partition("::")[0]].append(test)
            for name, tests in by_file.items():
                lines[name].append((_name(root, Path(file)), line, sorted(tests)))
    return {
        name: {
            "seconds": {test: took for test, took in seconds.items() if test.partition("::")[0] == name},
            "failed": sorted(test for test in failed if test.partition("::")[0] == name),
            "lines": lines[name],
        }
        for name in {test.partition("::")[0] for test in seconds}
    }


def _names_given(source: str, line: int) -> set[str]:
    """The names that the statement at this line gives a value at import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno <= line <= (node.end_lineno or 0):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return set()


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def _name(root: Path, path: Path) -> str:
    return str(path.relative_to(root))


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\n".encode() + path.read_bytes())
    return digest.hexdigest()
