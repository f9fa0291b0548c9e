"""The table by event type: sorted as asked, with a mark at selected types that are unusually silent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exporter.ledger.outcomes import Outcome
from exporter.reports.silent_types import Silence
from exporter.reports.windows import TypeFlow, type_flow


class Sort(NamedTuple):
    """A column to sort by: `name` is its name in the URL; names sort ascending, numbers and times descending."""

    name: str
    label: str | Promise
    key: Callable[[TypeFlow], Any]


def _count(outcome: Outcome) -> Callable[[TypeFlow], Any]:
    return lambda row: -row.outcomes[outcome.value]


def _last(row: TypeFlow) -> float:
    return -row.last_received_at.timestamp() if row.last_received_at else 0.0


def _name(row: TypeFlow) -> str:
    return (row.segment_event or row.event_type).casefold()


RECEIVED = Sort("received", _("Received"), lambda row: -row.received)
SORTS = (
    Sort("name", _("Event in Segment"), _name),
    RECEIVED,
    Sort("delivered", _("Accepted"), _count(Outcome.DELIVERED)),
    Sort("unselected", _("Not selected"), _count(Outcome.UNSELECTED)),
    Sort("anonymous", _("No user ID"), _count(Outcome.ANONYMOUS)),
    Sort("unsupported", _("Unsupported"), _count(Outcome.UNSUPPORTED)),
    Sort("rejected", _("Rejected"), _count(Outcome.REJECTED)),
    Sort("expired", _("Expired"), _count(Outcome.EXPIRED)),
    Sort("pending", _("Waiting"), lambda row: -row.pending),
    Sort("last", _("Last seen"), _last),
)


@dataclass(frozen=True, slots=True)
class TypeRow:
    flow: TypeFlow
    silence: Silence | None


@dataclass(frozen=True, slots=True)
class Table:
    """`hidden` is how many more rows there are. Silent types are always shown."""

    sorts: tuple[Sort, ...]
    shown: list[TypeRow]
    hidden: int
    last_received_at: datetime | None


def choose(name: str) -> Sort:
    return next((sort for sort in SORTS if sort.name == name), RECEIVED)


def table(types: Sequence[TypeFlow], silent: Sequence[Silence], sort: Sort, most: int | None) -> Table:
    """The table with at most `most` rows; None means all."""
    quiet = {one.event_type: one for one in silent}
    known = {row.event_type for row in types}
    everything = [*types, *(_nothing(one) for one in silent if one.event_type not in known)]
    rows = [
        TypeRow(flow, quiet.get(flow.event_type))
        for flow in sorted(everything, key=lambda row: (sort.key(row), _name(row)))
    ]
    shown = [row for place, row in enumerate(rows) if most is None or place < most or row.silence]
    moments = [flow.last_received_at for flow in everything if flow.last_received_at]
    return Table(SORTS, shown, len(rows) - len(shown), max(moments, default=None))


def _nothing(silence: Silence) -> TypeFlow:
    """The row of a type of which nothing was received in the window."""
    return type_flow(silence.event_type, 0, {outcome.value: 0 for outcome in Outcome}, silence.since)
