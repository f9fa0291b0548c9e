"""What generated traffic promises: the same seed gives the same events, of every kind, and intake takes them
all."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from connectors.catalogue.catalogue import CATALOGUE
from exporter.intake.normalise import normalise
from exporter.samples.generator import generate
from tests.support.factories import IntakeTokenFactory

_JSON_TYPES: dict[str, type] = {"string": str, "boolean": bool, "int": int, "array of string": list}


def test_the_same_seed_gives_the_same_events_and_another_does_not() -> None:
    assert list(generate(7, 50)) == list(generate(7, 50))
    assert list(generate(7, 50)) != list(generate(8, 50))


@pytest.mark.parametrize("shape", ["flat", "custom_http"])
def test_every_event_is_accepted_and_ids_are_its_own(shape: str) -> None:
    made = [normalise(json.dumps(event).encode()) for event in generate(1, 2_000, shape=shape)]
    assert len({event.id for event in made}) == 2_000


def test_both_shapes_hold_the_same_facts() -> None:
    flat = [json.loads(normalise(json.dumps(event).encode()).line) for event in generate(3, 300)]
    nested = [
        json.loads(normalise(json.dumps(event).encode()).line)
        for event in generate(3, 300, shape="custom_http")
    ]
    assert flat == nested


def test_fields_and_types_are_the_catalogues() -> None:
    for event in generate(2, 3_000):
        storage = CATALOGUE.by_name[event["event_type"]].storage
        for name, value in event.items():
            if name != "event_type":
                assert type(value) is _JSON_TYPES[storage[name].split(" ", 1)[1]], name


def test_the_mix_is_like_life() -> None:
    events = list(generate(5, 20_000, anonymous_share=0.2))
    actions = Counter(event["event_type"].rpartition(".")[2] for event in events)
    assert actions["Send"] > actions["Delivery"] > actions["Open"] > actions["Click"] > 0
    assert len({event["event_type"] for event in events}) > 40
    share = sum("external_user_id" not in event for event in events) / len(events)
    assert 0.15 < share < 0.25
    people = Counter(event["user_id"] for event in events).most_common()
    assert people[0][1] > 20 * people[-1][1]
    size = sum(len(json.dumps(event, ensure_ascii=False)) for event in events) / len(events)
    assert 700 < size < 950


def test_times_run_over_the_span() -> None:
    times = [event["time"] for event in generate(1, 100, start=1_000, span=50)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (1_000, 1_049)


def test_the_command_writes_ndjson(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    call_command("generate_events", count=25, seed=4, start=1_000.0, span=10.0, output=path, body_size=10)
    lines = path.read_bytes().splitlines()
    assert [json.loads(line) for line in lines] == list(generate(4, 25, start=1_000, span=10))


@pytest.mark.django_db(transaction=True)
def test_the_command_posts_to_an_intake(
    live_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = IntakeTokenFactory.create()
    (tmp_path / "token").write_text(f"cur_{token.prefix}_test\n")
    options: dict[str, Any] = {
        "count": 30,
        "start": 1_000.0,
        "post": f"{live_server.url}/api/v1/events",
        "token_file": tmp_path / "token",
        "body_size": 10,
    }
    out = io.StringIO()
    call_command("generate_events", stdout=out, **options)
    call_command("generate_events", stdout=out, shape="custom_http", **options)
    assert out.getvalue().splitlines() == [
        "30 accepted, 0 duplicates, 0 rejected",
        "0 accepted, 30 duplicates, 0 rejected",
    ]
    (tmp_path / "token").write_text("cur_unknown_test")
    with pytest.raises(CommandError, match="401"):
        call_command("generate_events", stdout=out, **options)
    monkeypatch.delenv("CURRENTS_TOKEN", raising=False)
    with pytest.raises(CommandError, match="CURRENTS_TOKEN"):
        call_command("generate_events", stdout=out, **(options | {"token_file": None}))
