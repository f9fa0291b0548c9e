"""Attempts: a connector's requests to Segment, by answer, and what they carried. They are kept for 7 days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from connectors.models import Connector
from exporter.destinations.answer import FAMILIES, WAIT_STATUSES
from exporter.log import lookup
from exporter.models import Attempt, DeliveryKind
from exporter.reports import masking
from exporter.reports.summary import Summary

PAGE = 50
FIRST_EVENTS = 3
# The families of `exporter.destinations.answer`, as conditions.
_WAITS = Q(status__gte=500) | Q(status__in=WAIT_STATUSES)
_BY_FAMILY = {
    "accepted": Q(status__gte=200, status__lt=300),
    "refused": Q(status__isnull=False) & ~Q(status__gte=200, status__lt=300) & ~_WAITS,
    "wait": _WAITS,
    "none": Q(status__isnull=True),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Attempts, the newest first; `more` is the `before` of the next page, None on the last. `deliveries` are those
    whose requests they are."""

    attempts: list[Attempt]
    more: int | None
    deliveries: list[int]


@dataclass(frozen=True, slots=True)
class Content:
    """What a request carried: its first events as the reader may see them. Between `first_event` and `last_event`
    there may be events that were not sent. `missing`: the log no longer holds them."""

    events: list[dict[str, Any]]
    missing: bool


@dataclass(frozen=True, slots=True)
class NextTry:
    attempt_id: int
    at: datetime


def page(connector: Connector, answer: str = "", before: int | None = None, limit: int = PAGE) -> Page:
    """Attempts of all deliveries; `answer` is a family (`exporter.destinations.answer.FAMILIES`) or a
    status code; anything else filters nothing. `before` is the id of the last attempt seen."""
    deliveries = _deliveries(connector)
    every = _of(deliveries)
    found = every.filter(_filter(answer))
    last = None if before is None else every.filter(pk=before).first()
    if last is not None:
        found = found.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk))
    rows = list(found.order_by("-at", "-pk")[: limit + 1])
    return Page(rows[:limit], rows[limit - 1].pk if len(rows) > limit else None, deliveries)


def next_try(summary: Summary, newest: Sequence[Attempt]) -> NextTry | None:
    """Which of the newest attempts is tried again, and when; None while nothing waits for its next try. Of earlier
    ones that is known no more: somebody may have pressed *Try again now* meanwhile."""
    last = next((one for one in newest if one.delivery_id == summary.delivery_id), None)
    due = summary.next_attempt_at
    if last is None or last.verdict == "accepted" or due is None or due <= summary.now:
        return None
    return NextTry(last.pk, due)


def find(connector: Connector, attempt_id: int) -> Attempt | None:
    """None if the attempt belongs to another connector or has been trimmed."""
    return _of(_deliveries(connector)).filter(pk=attempt_id).first()


def content(attempt: Attempt, *, personal: bool) -> Content:
    """The first events of the request's range; unless `personal`, personal data is masked."""
    kept = lines_of(attempt, 20 * FIRST_EVENTS)
    return Content([masking.shown(line, personal=personal) for line in kept[:FIRST_EVENTS]], not kept)


def lines_of(attempt: Attempt, most: int) -> list[bytes]:
    """The stored events of the first numbers of its range that are still there, in their order."""
    delivery, last = attempt.delivery, min(attempt.last_event, attempt.first_event + most)
    numbers = range(attempt.first_event, last + 1)
    if delivery.kind == DeliveryKind.IMPORT:
        found = lookup.read_imported(delivery.pk, numbers)
    else:
        found = lookup.read(delivery.workspace_id, numbers)
    return [found[number].line for number in sorted(found)]


def _deliveries(connector: Connector) -> list[int]:
    """Whose requests these are: the live delivery's, and those of retries and replays."""
    return list(connector.deliveries.values_list("pk", flat=True))


def _of(deliveries: list[int]) -> QuerySet[Attempt]:
    return Attempt.objects.select_related("delivery").filter(delivery_id__in=deliveries)


def _filter(answer: str) -> Q:
    if answer in FAMILIES:
        return _BY_FAMILY[answer]
    return Q(status=int(answer)) if answer.isdecimal() and len(answer) == 3 else Q()
