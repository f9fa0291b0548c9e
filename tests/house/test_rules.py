"""Rules of the house that an import checker cannot see."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [
    path
    for room in ("connectors", "exporter", "currents_admin")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "migrations" not in path.parts
]


def files_that_say(pattern: str) -> set[str]:
    return {
        str(path.relative_to(ROOT)) for path in PYTHON if re.search(pattern, path.read_text(), re.IGNORECASE)
    }


def test_only_delivery_moves_a_cursor() -> None:
    assert files_that_say(r"\bcursor = %\(new\)s") == {"exporter/delivery/settle_sql.py"}
    assert files_that_say(r"update\(.*\bcursor=") == set()


def test_only_delivery_writes_outcomes() -> None:
    tables = "delivery(count|total|hour|delay)"
    writers = files_that_say(rf"(INSERT INTO|UPDATE|DELETE FROM) exporter_{tables}\b")
    assert {name for name in writers if not name.startswith("exporter/delivery/")} <= {
        "exporter/maintenance/rollup.py",  # merges minutes into hours; sums stay
        "exporter/samples/history.py",  # made-up history for demonstrations and measurements
        "exporter/reports/rejected.py",  # a retry moves an event from rejected to delivered
    }


def test_a_write_key_is_opened_in_one_place() -> None:
    opened = files_that_say(r"\.decrypt\(") & files_that_say("ciphertext")
    assert opened == {"connectors/vault/sealing.py"}


def test_nothing_is_sent_to_celery_but_ids() -> None:
    assert files_that_say(r"\.delay\(|apply_async\(") == set()
    assert files_that_say(r"send_task\(") == {"exporter/dispatch/wakeup.py"}


def test_no_lock_of_a_workspace_holds_up_what_names_it() -> None:
    """A lock for a new key waits for each row that is written with the workspace's key meanwhile, and those wait for
    it: rejected events, members. Joined rows are locked with the first where `of` names none."""
    assert files_that_say(r"Workspace\.objects\.select_for_update\((?!no_key=True)") == set()
    joined = r"select_for_update\((?![^)]*of=)[^)]*\)\s*\.(select_related|filter\(\w+__)"
    assert files_that_say(joined + r"|select_related\([^)]*\)\s*\.select_for_update\((?![^)]*of=)") == set()


def test_no_view_is_longer_than_forty_lines() -> None:
    views = [path for path in PYTHON if path.parent.name == "views"]
    assert len(views) > 10
    for path in views:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 40, f"{path.name}: {node.name}"


def test_the_parts_with_tight_rules_have_no_catch_all_names() -> None:
    assert not [
        path.name for path in PYTHON if path.name in ("utils.py", "helpers.py", "common.py", "misc.py")
    ]


def test_no_variable_and_no_tag_of_a_template_spans_two_lines() -> None:
    """The template engine takes one that does for text, and shows it."""
    broken = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "templates").rglob("*.*"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"\{\{[^}]*$|\{%[^%]*$", line)
    ]
    assert broken == []


def test_a_pin_has_the_extras_it_is_asked_for_with() -> None:
    """With hashes, pip takes an extra that has no pin of its own from the newest release, and stops there."""
    asked = set(re.findall(r'"([a-z-]+)\[', (ROOT / "pyproject.toml").read_text()))
    assert asked >= {"psycopg", "celery"}
    pins = (ROOT / "requirements" / "dev.txt").read_text()
    assert {name for name in asked if f"\n{name}[" not in f"\n{pins}"} == set()
    assert "\ncoverage[toml]==" in pins, "asked for by a dependency"
