"""The table by event type: sorted as asked, with a mark at selected types that are unusually silent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exporter.ledger.outcomes import Outcome
from exporter.reports.balance import Balance, Rejected
from exporter.reports.silent_types import Silence
from exporter.reports.windows import TypeFlow, type_flow

MOST_SILENT = 3


class Sort(NamedTuple):
    """A column to sort by: `name` is its name in the URL; names sort ascending, numbers and times descending."""

    name: str
    label: str | Promise
    key: Callable[[TypeRow], Any]


@dataclass(frozen=True, slots=True)
class TypeRow:
    flow: TypeFlow
    rejected: Rejected
    silence: Silence | None


def _count(outcome: Outcome) -> Callable[[TypeRow], Any]:
    return lambda row: -row.flow.outcomes[outcome.value]


def _last(row: TypeRow) -> float:
    return -row.flow.last_received_at.timestamp() if row.flow.last_received_at else 0.0


def _name(row: TypeRow) -> str:
    return (row.flow.title or row.flow.event_type).casefold()


RECEIVED = Sort("received", _("Received"), lambda row: -row.flow.received)
SORTS = (
    Sort("name", _("Event in Segment"), _name),
    RECEIVED,
    Sort("delivered", _("Accepted"), _count(Outcome.DELIVERED)),
    Sort("unselected", _("Not selected"), _count(Outcome.UNSELECTED)),
    Sort("anonymous", _("No user ID"), _count(Outcome.ANONYMOUS)),
    Sort("unsupported", _("Unsupported"), _count(Outcome.UNSUPPORTED)),
    Sort("too_large", _("Too large to send"), lambda row: -row.rejected.too_large),
    Sort("would_be_dropped", _("Would be dropped"), lambda row: -row.rejected.would_be_dropped),
    Sort("rejected", _("Rejected by Segment"), lambda row: -row.rejected.by_segment),
    Sort("expired", _("Expired"), _count(Outcome.EXPIRED)),
    Sort("pending", _("Waiting"), lambda row: -row.flow.pending),
    Sort("last", _("Last seen"), _last),
)


@dataclass(frozen=True, slots=True)
class Table:
    """`hidden` is how many more rows there are, `more_silent` how many silent types are not told."""

    sorts: tuple[Sort, ...]
    shown: list[TypeRow]
    hidden: int
    more_silent: int
    last_received_at: datetime | None


def choose(name: str) -> Sort:
    return next((sort for sort in SORTS if sort.name == name), RECEIVED)


def table(ledger: Balance, silent: Sequence[Silence], sort: Sort, most: int | None) -> Table:
    """The table with at most `most` rows, and then with the longest silences alone; None means all."""
    told = silent if most is None else silent[:MOST_SILENT]
    quiet = {one.event_type: one for one in told}
    known = {row.event_type for row in ledger.types}
    everything = [*ledger.types, *(_nothing(one) for one in told if one.event_type not in known)]
    rows = [
        TypeRow(flow, ledger.rejected_by_type.get(flow.event_type, Rejected()), quiet.get(flow.event_type))
        for flow in everything
    ]
    rows.sort(key=lambda row: (sort.key(row), _name(row)))
    shown = [row for place, row in enumerate(rows) if most is None or place < most or row.silence]
    moments = [flow.last_received_at for flow in everything if flow.last_received_at]
    return Table(SORTS, shown, len(rows) - len(shown), len(silent) - len(told), max(moments, default=None))


def _nothing(silence: Silence) -> TypeFlow:
    """The row of a type of which nothing was received in the window."""
    return type_flow(silence.event_type, 0, {outcome.value: 0 for outcome in Outcome}, silence.since)
