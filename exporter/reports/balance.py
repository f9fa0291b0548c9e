"""The balance a page shows: received = Σ outcomes + waiting, within a window or since launch, and whether it adds
up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exporter.reports import rejected, volume, windows
from exporter.reports import summary as status
from exporter.reports.summary import Summary
from exporter.reports.windows import Flow, TypeFlow


class Choice(NamedTuple):
    """What a reader can choose: a window of `exporter.reports.windows` by its name, or everything since launch."""

    name: str
    label: str | Promise


ALL = Choice("all", gettext_lazy("Since launch"))
CHOICES = (
    Choice("1h", gettext_lazy("1 h")),
    Choice("24h", gettext_lazy("24 h")),
    Choice("7d", gettext_lazy("7 d")),
    ALL,
)
USUAL = CHOICES[1]


class Rejected(NamedTuple):
    """Three things that are never one number: what Segment rejected, what never left because it is over 32 KB, and
    what never left because Segment accepts and drops it."""

    by_segment: int = 0
    too_large: int = 0
    would_be_dropped: int = 0

    @property
    def not_sent(self) -> int:
        return self.too_large + self.would_be_dropped


_NONE_REJECTED = Rejected()


@dataclass(frozen=True, slots=True)
class Balance:
    """`since` is where the count begins: the window or, where that is later, the launch. `carried_in` came in before
    and waits still, beside what is counted here. `change` is words, empty where there is nothing to compare with.

    `rejected` tells the outcome `rejected` apart, and `rejected_by_type` that of each type that has one. `told_apart`
    is false where only the sum is known of some, which are too old or could not be read; all then count as rejected by
    Segment. `not_sent_by_unit` is when those that never left were received, to the minute or hour. `fell_since` is when
    what is received fell to a fifth of the window before or less; None while it has not.
    """

    since: datetime
    received: int
    outcomes: dict[str, int]
    pending: int
    carried_in: int
    off_by: int
    change: str
    types: list[TypeFlow]
    rejected: Rejected = _NONE_REJECTED
    rejected_by_type: dict[str, Rejected] = field(default_factory=dict)
    told_apart: bool = True
    not_sent_by_unit: Mapping[datetime, int] = field(default_factory=dict)
    fell_since: datetime | None = None


def choose(name: str) -> Choice:
    """The choice of that name, or the usual one."""
    return next((choice for choice in CHOICES if choice.name == name), USUAL)


def balance(summary: Summary, choice: Choice) -> Balance:
    """One statement, two where events were rejected."""
    counted = _since_launch(summary) if choice is ALL else _within(summary, choice)
    if not counted.outcomes["rejected"]:
        return counted
    window = windows.WINDOWS.get(choice.name, windows.WEEK)
    found = rejected.not_sent(summary.connector, counted.since, timedelta(seconds=window.unit))
    return _tell_apart(counted, found)


def _tell_apart(counted: Balance, found: list[rejected.NotSent]) -> Balance:
    wrong = {
        flow.event_type: flow.outcomes["rejected"] for flow in counted.types if flow.outcomes["rejected"]
    }
    too_large, dropped, kept, units = Counter[str](), Counter[str](), Counter[str](), Counter[datetime]()
    for one in found:
        too_large[one.event_type] += one.too_large
        dropped[one.event_type] += one.would_be_dropped
        kept[one.event_type] += one.kept
        units[one.unit] += one.too_large + one.would_be_dropped
    total = counted.outcomes["rejected"]
    # Events that cannot be read count under no type that was received.
    if sum(wrong.values()) < total or any(kept[name] < count for name, count in wrong.items()):
        whole = {name: Rejected(count) for name, count in wrong.items()}
        return replace(counted, rejected=Rejected(total), rejected_by_type=whole, told_apart=False)
    parts = {name: _apart(count, too_large[name], dropped[name]) for name, count in wrong.items()}
    summed = Rejected(*(sum(column) for column in zip(*parts.values(), strict=True)))
    return replace(counted, rejected=summed, rejected_by_type=parts, not_sent_by_unit=units)


def _apart(count: int, too_large: int, dropped: int) -> Rejected:
    """The rows are read a moment after the counts, so there may be more of them."""
    too_large = min(too_large, count)
    would_be_dropped = min(dropped, count - too_large)
    return Rejected(count - too_large - would_be_dropped, too_large, would_be_dropped)


def _within(summary: Summary, choice: Choice) -> Balance:
    flow = windows.flow(summary.connector, windows.WINDOWS[choice.name], summary.now)
    return Balance(
        max(flow.since, summary.connector.created_at),
        flow.received,
        flow.outcomes,
        flow.pending,
        flow.carried_in,
        flow.off_by,
        _change(flow, choice),
        flow.types,
        fell_since=volume.fell_since(summary.connector, flow),
    )


def _since_launch(summary: Summary) -> Balance:
    types = status.by_type(summary.connector)
    off_by = abs(summary.received - sum(summary.outcomes.values()) - summary.pending)
    launched = summary.connector.created_at
    return Balance(launched, summary.received, summary.outcomes, summary.pending, 0, off_by, "", types)


def _change(flow: Flow, choice: Choice) -> str:
    """`3.1% more than the 24 h before`."""
    if flow.change is None:
        return ""
    percent = abs(100 * flow.change)
    terms = {"percent": number_format(percent, 1 if percent < 100 else 0), "window": choice.label}
    if percent < 0.05:
        return _("as many as in the %(window)s before") % terms
    if flow.change > 0:
        return _("%(percent)s%% more than in the %(window)s before") % terms
    return _("%(percent)s%% fewer than in the %(window)s before") % terms
