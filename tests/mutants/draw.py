"""The faults that may be put into the core, and a sample of them."""

from __future__ import annotations

import ast
import hashlib
import random
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

# Faults in delivery lose or repeat events: of it twice as many are drawn as its size would give.
WEIGHTS = {"delivery": 2, "destinations": 1, "intake": 1, "log": 1, "ledger": 1, "maintenance": 1}
ROOMS = tuple(WEIGHTS)
# `a | b` is mostly an annotation, where nothing runs; the operators on variables want to be told which; `== None` means
# what `is None` does; and what an `is` between numbers answers depends on which of them the interpreter keeps.
_LEFT_OUT = re.compile(
    r"core/(ReplaceBinaryOperator_BitOr|Variable|ReplaceComparisonOperator_("
    r"Is_Eq|IsNot_NotEq|(Eq|NotEq|Lt|LtE|Gt|GtE)_Is(Not)?$))"
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: the `occurrence`-th of an operator in a module, at `line`. `key` names it by what the line says, so
    that a change elsewhere in the module leaves it the same."""

    module: str
    operator: str
    occurrence: int
    line: int
    key: str

    @property
    def room(self) -> str:
        return self.module.split("/")[1]

    def code(self, root: Path) -> str:
        source = (root / self.module).read_text()
        mutated = MutationVisitor.mutate_code(source, _operator(self.operator), self.occurrence)
        if mutated is None:
            raise ValueError(f"{self.module}:{self.line} has no place for {self.operator}.")
        return str(mutated)


def sample(root: Path, size: int, seed: int) -> list[Mutant]:
    """`size` faults over all rooms, always the same for a seed: an edit changes only the draw of what it touches."""
    candidates = {room: _of_room(root, room) for room in ROOMS}
    shares = _shares({room: len(found) * WEIGHTS[room] for room, found in candidates.items()}, size)
    drawn = []
    for room, found in candidates.items():
        ranked = sorted(found, key=lambda mutant: _rank(mutant, seed))
        chosen = list(islice((mutant for mutant in ranked if _compiles(mutant.code(root))), shares[room]))
        # In no order of files, so that a run that is cut short has seen something of all.
        drawn += random.Random(seed).sample(chosen, len(chosen))
    return drawn


def _compiles(code: str) -> bool:
    """Whether it is Python at all; Cosmic Ray takes the stars of `f(**names)` for a power."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(code)
    except SyntaxError:
        return False
    return True


def _rank(mutant: Mutant, seed: int) -> bytes:
    return hashlib.sha256(f"{seed} {mutant.key}".encode()).digest()


def _shares(weights: dict[str, int], size: int) -> dict[str, int]:
    """`size` divided by weight, by largest remainder."""
    exact = {room: size * weight / sum(weights.values()) for room, weight in weights.items()}
    shares = {room: int(share) for room, share in exact.items()}
    by_remainder = sorted(exact, key=lambda room: shares[room] - exact[room])
    for room in by_remainder[: size - sum(shares.values())]:
        shares[room] += 1
    return shares


def _of_room(root: Path, room: str) -> list[Mutant]:
    paths = sorted((root / "exporter" / room).rglob("*.py"))
    return [mutant for path in paths for mutant in _of(root, str(path.relative_to(root)))]


def _of(root: Path, module: str) -> list[Mutant]:
    source = (root / module).read_text()
    texts = source.splitlines()
    silent = _silent_lines(source)
    tree = get_ast(source)
    found = []
    for name in operator_names():
        if _LEFT_OUT.match(name):
            continue
        alike: Counter[str] = Counter()
        for occurrence, line in enumerate(_positions(tree, _operator(name))):
            if line in silent:
                continue
            text = f"{module} {name} {texts[line - 1].strip()}"
            alike[text] += 1
            found.append(Mutant(module, name, occurrence, line, f"{text} #{alike[text]}"))
    return found


def _operator(name: str) -> Operator:
    operator: Operator = get_operator(name)()
    return operator


def _positions(tree: object, operator: Operator) -> list[int]:
    """The line of each place where the operator applies, in the order in which it counts them."""
    lines: list[int] = []

    class _Noting(MutationVisitor):  # type: ignore[misc]
        def visit(self, node):  # type: ignore[no-untyped-def]
            lines.extend(begin[0] for begin, _end in self.operator.mutation_positions(node))
            return node

    _Noting(0, operator).walk(tree)
    return lines


def _silent_lines(source: str) -> set[int]:
    """Lines where nothing happens that a test could see: annotations, docstrings, imports, what is logged, and
    `slots` and `frozen` of a dataclass, which only keep other code from being written."""
    silent: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            silent |= {line for mark in node.decorator_list for line in _span(mark)}
        elif _is_silent(node):
            silent |= set(_span(node))
    return silent


def _span(node: ast.AST) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)  # type: ignore[attr-defined]


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or ast.unparse(node).startswith("log.")
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, ast.Import | ast.ImportFrom)
