"""Events become batches that keep to the limits, in their order."""

from __future__ import annotations

import json

import pytest

from exporter.intake.normalise import normalise
from exporter.log import batches
from exporter.log.batches import MOST_BYTES, MOST_EVENTS
from exporter.log.events import Incoming
from tests.support.factories import event


def incoming(count: int, **fields: str) -> list[Incoming]:
    return [normalise(json.dumps(event(number, **fields)).encode()) for number in range(count)]


def test_no_events_make_no_batch() -> None:
    assert batches.cut([]) == []


def test_a_batch_holds_as_many_events_as_allowed_and_the_next_one_the_rest() -> None:
    assert [batch.count for batch in batches.cut(incoming(MOST_EVENTS))] == [MOST_EVENTS]
    assert [batch.count for batch in batches.cut(incoming(2 * MOST_EVENTS + 1))] == [
        MOST_EVENTS,
        MOST_EVENTS,
        1,
    ]


def test_a_batch_holds_no_more_bytes_than_allowed() -> None:
    events = incoming(5, campaign_name="x" * (MOST_BYTES // 2 - 1_000))
    made = batches.cut(events)
    assert [batch.count for batch in made] == [2, 2, 1]
    assert all(len(batch.text) <= MOST_BYTES for batch in made)
    assert b"\n".join(batch.text for batch in made) == b"\n".join(one.line for one in events)


def test_neighbours_are_joined_as_far_as_the_limits_allow() -> None:
    small = [batches.make(incoming(400)) for _ in range(5)]
    assert [batch.count for batch in batches.join(small)] == [800, 800, 400]
    large = [batches.make(incoming(1, campaign_name="x" * (MOST_BYTES // 2 - 1_000))) for _ in range(3)]
    assert [batch.count for batch in batches.join(large)] == [2, 1]


def padded(count: int, total: int) -> list[Incoming]:
    """So many events, with their line breaks exactly so many bytes together."""
    made = incoming(count, campaign_name="x" * (total // count - 1_000))
    short = total - sum(len(one.line) + 1 for one in made)
    line = made[0].line.replace(b"xxx", b"x" * (3 + short), 1)
    return [made[0]._replace(line=line), *made[1:]]


def one_by_one(events: list[Incoming]) -> list[bytes]:
    """The texts of their batches, by the rule and event by event."""
    runs: list[list[bytes]] = []
    for one in events:
        longer = [*runs[-1], one.line] if runs else [one.line]
        if runs and len(longer) <= MOST_EVENTS and sum(map(len, longer)) + len(longer) <= MOST_BYTES:
            runs[-1] = longer
        else:
            runs.append([one.line])
    return [b"\n".join(run) for run in runs]


@pytest.mark.parametrize(
    "events",
    [
        incoming(MOST_EVENTS),
        incoming(MOST_EVENTS + 1),
        padded(5, MOST_BYTES - 1),
        padded(5, MOST_BYTES),
        padded(5, MOST_BYTES + 1),
        [*padded(5, MOST_BYTES), *padded(5, MOST_BYTES)],
    ],
    ids=["full", "one too many", "a byte less", "to the byte", "a byte more", "twice to the byte"],
)
def test_what_is_seen_to_fit_at_once_is_cut_as_what_is_not(events: list[Incoming]) -> None:
    assert [batch.text for batch in batches.cut(events)] == one_by_one(events)
