"""A week of invented traffic for pictures: every count there is, and all of them add up."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import sin

import zstandard

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, User
from exporter.destinations.answer import Answer, classify
from exporter.ledger.delay_buckets import bucket
from exporter.models import (
    Attempt,
    AttemptCount,
    Delivery,
    DeliveryCount,
    DeliveryDelay,
    DeliveryHour,
    DeliveryTotal,
    EventBatch,
    EventLog,
    ReceivedCount,
    ReceivedTotal,
    RejectedEvent,
    Replay,
)
from tests.support.factories import event

TYPES = [event.event_type for event in CATALOGUE.events[28:42]]
HOURS, SILENT = 168, TYPES[6]
SHARES = [2.0**-place for place in range(len(TYPES))]
Counts = dict[tuple[datetime, str, str], int]


def weight(back: int) -> float:
    """How busy an hour so long ago was, in parts of a usual day."""
    return (1.3 + sin((datetime.now(UTC).hour - back - 8) / 24 * 6.283)) / 31.2


def settled(outcomes: dict[str, int], now: datetime, stopped_hours: int) -> Counts:
    """By hour, type and outcome; the last 24 hours hold about `outcomes`."""
    hour, counts = now.replace(minute=0, second=0, microsecond=0), Counts()
    for back in range(stopped_hours, HOURS):
        for outcome, count in outcomes.items():
            for place, name in enumerate(TYPES):
                if name == SILENT and back < 72:
                    continue
                share = SHARES[place] / sum(SHARES)
                part = round(count * weight(back) * share) if count > 100 else 0
                if count <= 100 and place == 0 and back in (5, 30):
                    part = count
                if part:
                    counts[hour - timedelta(hours=back), name, outcome] = part
    return counts


def live(
    connector: Connector, outcomes: dict[str, int], waiting: int, late: float = 1.2, **state: object
) -> None:
    now, stopped = datetime.now(UTC), int(late // 3_600)
    delivery = Delivery.objects.get(connector=connector)
    counts = settled(outcomes, now, stopped)
    Connector.objects.filter(pk=connector.pk).update(created_at=now - timedelta(days=102))
    done = sum(counts.values())
    received: Counter[tuple[datetime, str]] = Counter()
    for (hour, name, _outcome), count in counts.items():
        received[hour, name] += count
    for minute, name, count in wait(connector, done, waiting, late, now):
        received[minute, name] += count
    _totals(connector, delivery, counts, received, now)
    DeliveryCount.objects.bulk_create(
        DeliveryCount(delivery=delivery, minute=hour, event_type=name, outcome=outcome, count=count)
        for (hour, name, outcome), count in counts.items()
    )
    by_hour: Counter[tuple[datetime, str]] = Counter()
    for (hour, _name, outcome), count in counts.items():
        by_hour[hour, outcome] += count
    DeliveryHour.objects.bulk_create(
        DeliveryHour(delivery=delivery, hour=hour, outcome=outcome, count=count)
        for (hour, outcome), count in by_hour.items()
    )
    _requests(delivery, now, stopped, str(state.get("stopped", "")))
    EventLog.objects.filter(workspace=connector.workspace).update(
        next_event=done + waiting, last_received_at=now
    )
    Delivery.objects.filter(pk=delivery.pk).update(
        **{"cursor": done, "moved_at": now, "accepted_at": now} | state
    )


def wait(
    connector: Connector, first: int, waiting: int, late: float, now: datetime
) -> list[tuple[datetime, str, int]]:
    """Batches that wait, spread over the time since they wait."""
    parts = max(int(late // 3_600), 1) if waiting else 0
    rows = []
    for place in range(parts):
        count = waiting // parts + (waiting % parts if place == parts - 1 else 0)
        at = now - timedelta(seconds=late * (parts - place) / parts)
        kept = b"\n".join(json.dumps(event(number)).encode() for number in range(first, first + count))
        EventBatch.objects.create(
            workspace=connector.workspace,
            first_event=first,
            end_event=first + count,
            received_at=at,
            type_counts={},
            id_hashes=b"".join(
                blake2b(f"event-{number}".encode(), digest_size=8).digest()
                for number in range(first, first + count)
            ),
            payload=zstandard.compress(kept),
        )
        first += count
        rows.append((at.replace(second=0, microsecond=0), TYPES[0], count))
    return rows


def _totals(
    connector: Connector,
    delivery: Delivery,
    counts: Counts,
    received: Counter[tuple[datetime, str]],
    now: datetime,
) -> None:
    ReceivedCount.objects.bulk_create(
        ReceivedCount(workspace=connector.workspace, minute=minute, event_type=name, count=count)
        for (minute, name), count in received.items()
    )
    for place, name in enumerate(TYPES):
        last = now - (timedelta(days=3) if name == SILENT else timedelta(seconds=place**3))
        total = sum(count for (_minute, other), count in received.items() if other == name)
        if total:
            ReceivedTotal.objects.create(
                workspace=connector.workspace, event_type=name, count=total, last_received_at=last
            )
    totals: Counter[tuple[str, str]] = Counter()
    for (_hour, name, outcome), count in counts.items():
        totals[name, outcome] += count
    DeliveryTotal.objects.bulk_create(
        DeliveryTotal(delivery=delivery, event_type=name, outcome=outcome, count=count)
        for (name, outcome), count in totals.items()
    )


def _requests(delivery: Delivery, now: datetime, stopped: int, cause: str) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows, delays = [], []
    for back in range(HOURS):
        at = hour - timedelta(hours=back)
        answers = {"200": int(9_000 * weight(back)) + 1}
        if back < stopped:
            answers = {"401": 12} if cause else {}
        elif back == 51:
            answers |= {"503": 140, "none": 6}
        elif back % 19 == 0:
            answers |= {"429": 1, "400": 4}
        rows += [
            AttemptCount(delivery=delivery, minute=at, answer=answer, count=count)
            for answer, count in answers.items()
        ]
        if back >= stopped:
            slow = 4.0 if back == 9 else 1.0
            spread: Counter[int] = Counter()
            for seconds, count in ((0.7, 900), (1.6, 80), (2.9, 20)):
                spread[bucket(seconds * slow)] += count
            delays += [
                DeliveryDelay(delivery=delivery, minute=at, bucket=place, count=count)
                for place, count in spread.items()
            ]
    AttemptCount.objects.bulk_create(rows)
    DeliveryDelay.objects.bulk_create(delays)


def attempts(connector: Connector, *statuses: int) -> None:
    delivery, now = Delivery.objects.get(connector=connector), datetime.now(UTC)
    for place, status in enumerate(statuses):
        Attempt.objects.create(
            delivery=delivery,
            at=now - timedelta(seconds=5 * place),
            status=status,
            verdict=classify(Answer(status=status)),
            milliseconds=118 - place,
            events=14 + place,
            bytes=13_200,
            first_event=delivery.cursor - 20 * place,
            last_event=delivery.cursor + 17 - 20 * place,
            excerpt='{"success": true}' if status == 200 else '{"message": "no"}',
            next_attempt_at=None if status == 200 else now + timedelta(seconds=290),
        )


def reject(connector: Connector, count: int) -> None:
    cursor = Delivery.objects.get(connector=connector).cursor
    reasons = [
        "Segment answered 400 to this event alone: malformed",
        "The Segment call has 34120 bytes, 32000 at most.",
    ]
    for place in range(count):
        RejectedEvent.objects.create(
            workspace=connector.workspace,
            connector=connector,
            event_number=cursor + place,
            event_id=f"event-{place}",
            event_type=TYPES[0],
            id_hash=place.to_bytes(8, "big"),
            reason=reasons[place % 2],
        )


def keep(connector: Connector, hours: int) -> None:
    """As if the log held what the connector passed in so many hours."""
    cursor = Delivery.objects.get(connector=connector, kind="live").cursor
    EventBatch.objects.create(
        workspace=connector.workspace,
        first_event=0,
        end_event=cursor,
        received_at=datetime.now(UTC) - timedelta(hours=hours),
        type_counts={},
        id_hashes=b"",
        payload=zstandard.compress(b"{}"),
    )


def replayed(connector: Connector, by: User) -> Replay:
    """A replay of what expired, half way through."""
    now, live_one = datetime.now(UTC), Delivery.objects.get(connector=connector, kind="live")
    delivery = Delivery.objects.create(
        connector=connector,
        workspace=connector.workspace,
        kind="replay",
        start=0,
        cursor=live_one.cursor // 2,
        stop=live_one.cursor,
    )
    for outcome, count in (("delivered", 1204), ("unselected", 11), ("rejected", 2)):
        DeliveryTotal.objects.create(delivery=delivery, event_type=TYPES[0], outcome=outcome, count=count)
    return Replay.objects.create(
        connector=connector,
        delivery=delivery,
        state="running",
        since=now - timedelta(hours=160),
        until=now,
        outcomes=["expired", "rejected"],
        rate=1_000,
        events=2_507,
        created_by=by,
        created_at=now - timedelta(minutes=3),
        started_at=now - timedelta(minutes=3),
    )
