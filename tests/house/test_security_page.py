"""The security page names what is there: every test it leans on, every file and every setting."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
TESTS = {file.name: file.read_text() for file in (ROOT / "tests").rglob("test_*.py")}


def test_every_test_it_names_exists() -> None:
    named = re.findall(r"`(?:tests/\S*/)?(test_\w+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 40
    assert [
        one for one in named if one[0] not in TESTS or f"def {one[1]}" not in TESTS[one[0]] + "def "
    ] == []


def test_every_row_of_the_requirements_names_a_test_or_a_command() -> None:
    rows = re.findall(r"^\| (V\d+\S* .*) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 20
    for row in rows:
        proof = row.split(" | ")[2]
        assert re.search(r"`(test_|tests/|make )", proof), row


def test_every_place_and_setting_it_names_exists() -> None:
    for place in re.findall(r"`((?:connectors|exporter|currents_admin|tests|docs)/[\w/.]+)`", PAGE):
        assert (ROOT / place).exists(), place
    settings = (ROOT / "README.md").read_text()
    for name in re.findall(r"`(CURRENTS_[A-Z_]+|METRICS_TOKEN|SITE_URL|ALLOWED_HOSTS)`", PAGE):
        assert f"`{name}`" in settings, name
