"""The faults that may be put into the core, and a sample of them."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

# `a | b` is mostly an annotation, where nothing runs; the operators on variables want to be told which.
_LEFT_OUT = ("core/ReplaceBinaryOperator_BitOr", "core/Variable")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: the `occurrence`-th of an operator in a module, at `line`."""

    module: str
    operator: str
    occurrence: int
    line: int

    def code(self, root: Path) -> str | None:
        source = (root / self.module).read_text()
        mutated: str | None = MutationVisitor.mutate_code(source, _operator(self.operator), self.occurrence)
        return mutated


def every(root: Path, modules: list[str]) -> list[Mutant]:
    return [mutant for module in modules for mutant in _of(root, module)]


def sample(mutants: list[Mutant], size: int, seed: int) -> list[Mutant]:
    return random.Random(seed).sample(mutants, min(size, len(mutants)))


def _of(root: Path, module: str) -> list[Mutant]:
    source = (root / module).read_text()
    silent = _silent_lines(source)
    tree = get_ast(source)
    found = []
    for name in operator_names():
        if name.startswith(_LEFT_OUT):
            continue
        for occurrence, line in enumerate(_positions(tree, _operator(name))):
            if line not in silent:
                found.append(Mutant(module, name, occurrence, line))
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
    """Lines where nothing happens that a test could see: annotations, docstrings, imports, and what is logged."""
    silent: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if _is_silent(node):
            silent |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))  # type: ignore[attr-defined]
    return silent


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or ast.unparse(node).startswith("log.")
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, ast.Import | ast.ImportFrom)
