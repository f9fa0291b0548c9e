"""The matrices that run by `make` targets of their own begin: what they import needs no product that is set up."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "matrix", ["tests.faults", "tests.hosts", "tests.mutants", "benchmarks", "benchmarks.guard"]
)
def test_a_matrix_begins(matrix: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", matrix, "--help"], capture_output=True, text=True, check=False
    )
    assert (asked.returncode, "usage:" in asked.stdout) == (0, True), asked.stderr
