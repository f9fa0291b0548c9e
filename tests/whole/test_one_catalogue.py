"""The catalogue's file is the only list of event types: one entry more, and everything knows the type."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "connectors" / "catalogue" / "catalogue.json"
SAYS = ROOT / "tests" / "support" / "catalogue_of_tomorrow.py"
# Files that name an example or two; a list would name more.
EXAMPLES = 2


def test_no_other_file_lists_event_types() -> None:
    events = json.loads(FILE.read_text())["events"]
    names = {name for event in events for name in (event["event_type"], *event["aliases"])}
    called = {event["segment_event"] for event in events if " " in event["segment_event"]}
    for folder in ("connectors", "exporter", "currents_admin", "templates", "static", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if path == FILE or path.suffix not in (
                ".py",
                ".json",
                ".html",
                ".txt",
                ".js",
                ".css",
                ".md",
                ".yml",
            ):
                continue
            text = path.read_text()
            named = names & set(re.findall(r"users[._][\w.]+\w", text))
            assert len(named) <= EXAMPLES, f"{path} lists {sorted(named)}"
            said = {name for name in called if f'"{name}"' in text}
            assert len(said) <= EXAMPLES, f"{path} lists {sorted(said)}"


@pytest.fixture(scope="module")
def tomorrow() -> Any:
    """What the product says of a type that only an entry of the file has, told by a process of its own."""
    told = subprocess.run([sys.executable, SAYS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_the_form_offers_it_among_the_newer_ones_and_takes_it(tomorrow: Any) -> None:
    assert (
        '<input type="checkbox" name="selected_events" value="users.messages.hologram.Wave">'
        in tomorrow["picker"]
    )
    assert "Someone waves back at a hologram." in " ".join(tomorrow["page"].split())
    assert "properties.gesture" in tomorrow["page"]
    assert tomorrow["chosen"] == ["users.messages.hologram.Wave"]


def test_the_intake_stores_it_as_known_and_reads_its_files(tomorrow: Any) -> None:
    assert tomorrow["stored"].startswith(
        '{"event_type":"users.messages.hologram.Wave","id":"w-1","time":1767225600'
    )
    assert tomorrow["unknown_types"] == []
    assert tomorrow["type_of_file"] == "users.messages.hologram.Wave"


def test_segment_gets_exactly_what_the_entry_says(tomorrow: Any) -> None:
    call = tomorrow["call"]
    assert call.pop("context").pop("traits") == {"email": "ada@example.com"}
    assert call == {
        "type": "track",
        "event": "Hologram Waved At",
        "messageId": "w-1",
        "userId": "ada",
        "anonymousId": "u-1",
        "timestamp": "2026-01-01T00:00:00Z",
        "properties": {"gesture": "both hands"},
    }


def test_personal_data_is_hidden_and_test_events_can_be_made(tomorrow: Any) -> None:
    assert tomorrow["masked"]["email_address"] != "ada@example.com"
    assert tomorrow["masked"]["gesture"] == "both hands"
    assert tomorrow["test_event"]["event_type"] == "users.messages.hologram.Wave"


def test_documents_and_translations_follow(tomorrow: Any) -> None:
    assert re.search(
        r"users\.messages\.hologram\.Wave +Hologram Waved At +\(since \d+\)", tomorrow["printed"]
    )
    assert {"Hologram", "Wave", "Someone waves back at a hologram."} <= set(tomorrow["to_translate"])
