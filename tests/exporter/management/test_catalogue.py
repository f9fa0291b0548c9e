"""`manage.py catalogue`: what the catalogue knows, and samples checked against it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

SAMPLES = Path(__file__).parents[2] / "samples"


def run(*paths: Path) -> tuple[str, int]:
    out, status = StringIO(), 0
    try:
        call_command("catalogue", *map(str, paths), stdout=out)
    except SystemExit as stop:
        status = int(stop.code or 0)
    return out.getvalue(), status


def test_it_prints_every_type_with_its_name_in_segment() -> None:
    text, status = run()
    assert status == 0
    lines = [line.split(None, 1) for line in text.splitlines()]
    assert ["users.messages.email.Open", "Email Opened"] in lines
    assert ["users.behaviors.CustomEvent", "named by its name  (since 2)"] in lines
    assert ["users.UserOrphan", "no Segment form"] in lines
    assert len([line for line in lines if line[0].startswith("users.")]) == 102 + 4


def test_samples_that_follow_it_pass(tmp_path: Path) -> None:
    clean = {"event_type": "users.messages.email.Open", "id": "a", "time": 1, "campaign_name": "x"}
    (tmp_path / "one.json").write_text(json.dumps(clean))
    assert run(tmp_path) == ("Events checked: 1; findings: 0.\n", 0)


def test_what_it_does_not_know_is_told_once_with_its_number(tmp_path: Path) -> None:
    odd = {"event_type": "users.messages.email.Open", "id": "a", "time": 1, "shoe_size": 1, "esp": 7}
    new = {"event_type": "users.somewhere.New", "id": "b", "time": 1}
    (tmp_path / "some.json").write_text(json.dumps([odd, odd, new, {"id": "no type"}]))
    text, status = run(tmp_path)
    assert status == 1
    assert "users.messages.email.Open: unknown field shoe_size (2)" in text
    assert "users.messages.email.Open: esp is not string, as Braze describes it (2)" in text
    assert "users.somewhere.New: unknown event type\n" in text
    assert "some.json: refused: event_type is missing" in text
    with pytest.raises(CommandError, match="There is no"):
        run(tmp_path / "nothing.json")
