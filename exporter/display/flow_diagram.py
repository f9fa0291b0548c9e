"""The flow diagram of the status page: a band as thick as its count, with every exit drawn and counted.

The numbers are those of the ledger: received = accepted + what left on the way + what is waiting.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from exporter.reports.balance import Balance

WIDTH, TOP, FULL, FLOOR = 1040, 6, 64, 128
LEAST = 2.0
# Labels stand in columns of equal width, one for each exit before *Sent*, and the exit turns down in the middle of its
# own; the style sheet has the same columns. What is left is one for the last: *Sent* and *Accepted* need that much.
COLUMN = 104
BEFORE_SELECTED = ("pending", "unselected", "unsupported")
BEFORE_SENT = ("anonymous", "too_large", "would_be_dropped", "expired")
SELECTED_AT = COLUMN * len(BEFORE_SELECTED)
SENT_AT = SELECTED_AT + COLUMN * len(BEFORE_SENT)
# Where each exit turns down, in units of WIDTH.
TURNS = {name: COLUMN * place + COLUMN / 2 for place, name in enumerate(BEFORE_SELECTED + BEFORE_SENT)} | {
    "rejected": (SENT_AT + WIDTH) / 2
}
COLOURS = {"pending": "warn"} | dict.fromkeys(("too_large", "would_be_dropped", "expired", "rejected"), "bad")


@dataclass(frozen=True, slots=True)
class Band:
    x: float
    width: float
    thickness: float


@dataclass(frozen=True, slots=True)
class Exit:
    """A run along the lower edge of the band that turns down; `path` is SVG."""

    name: str
    count: int
    path: str
    thickness: float
    colour: str


@dataclass(frozen=True, slots=True)
class Gate:
    x: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Stream:
    """The counts at each station. `looked_at` are the events decided on: received minus waiting."""

    received: int
    looked_at: int
    selected: int
    sent: int
    accepted: int
    bands: list[Band]
    gates: list[Gate]
    exits: list[Exit]

    @property
    def selected_share(self) -> float:
        return _share(self.selected, self.looked_at)

    @property
    def sent_share(self) -> float:
        return _share(self.sent, self.selected)

    @property
    def accepted_share(self) -> float:
        return _share(self.accepted, self.sent)

    def width_of(self, count: int) -> float:
        return _share(count, self.received)


def draw(ledger: Balance) -> Stream:
    """What never left of the outcome `rejected` leaves the stream before *Sent*."""
    received, parts = ledger.received, ledger.rejected
    counts = {name: ledger.outcomes.get(name, 0) for name in TURNS} | {
        "pending": ledger.pending,
        "too_large": parts.too_large,
        "would_be_dropped": parts.would_be_dropped,
        "rejected": parts.by_segment,
    }
    looked_at = received - ledger.pending
    selected = looked_at - counts["unselected"] - counts["unsupported"]
    sent = selected - sum(counts[name] for name in BEFORE_SENT)
    accepted = sent - counts["rejected"]
    runs = [
        (2.0, SELECTED_AT, selected, BEFORE_SELECTED),
        (SELECTED_AT, SENT_AT, sent, BEFORE_SENT),
        (SENT_AT, WIDTH - 2.0, accepted, ("rejected",)),
    ]
    bands, gates, exits = [], [], []
    for start, end, through, leaving in runs:
        thickness = _thickness(through, received)
        bands.append(Band(start, end - start, thickness))
        edge = TOP + thickness
        for name in reversed(leaving):  # the one that leaves last lies next to the band
            wide = _thickness(counts[name], received)
            exits.append(_exit(name, counts[name], start, edge, wide))
            edge += wide
        gates.append(Gate(start, edge))
    gates.append(Gate(WIDTH - 2.0, TOP + _thickness(accepted, received)))
    return Stream(received, looked_at, selected, sent, accepted, bands, gates, exits)


def _exit(name: str, count: int, start: float, edge: float, wide: float) -> Exit:
    turn, middle = TURNS[name], edge + wide / 2
    if not count:
        return Exit(name, 0, f"M{turn} {edge + 6:.1f}V{FLOOR}", 0, "zero")
    bend = min(12 + wide / 2, FLOOR - middle, turn - start)
    path = f"M{start:g} {middle:.1f}H{turn - bend:.1f}Q{turn} {middle:.1f} {turn} {middle + bend:.1f}V{FLOOR}"
    return Exit(name, count, path, round(wide, 1), COLOURS.get(name, "neu"))


def _thickness(count: int, received: int) -> float:
    return round(max(FULL * count / received, LEAST), 1) if count > 0 and received > 0 else 0.0


def _share(part: int, whole: int) -> float:
    return 100 * part / whole if whole > 0 else 0.0


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A line of the diagram as a list, for screens too narrow to draw it; `width` is in percent."""

    label: str
    count: int
    width: float = 0
    colour: str = ""
    station: bool = False
    remark: str = ""


def rejected_word(balance: Balance) -> str:
    return _("rejected by Segment") if balance.told_apart else _("rejected, or could not be sent")


def rows_of(drawn: Stream, balance: Balance) -> list[FlowLine]:
    def station(label: str, count: int, remark: str = "") -> FlowLine:
        return FlowLine(label, count, round(drawn.width_of(count), 1), station=True, remark=remark)

    def leaving(label: str, count: int, colour: str = "") -> FlowLine:
        return FlowLine(label, count, colour=colour if count else "zero")

    lost = balance.outcomes
    return [
        station(_("Received from Braze"), drawn.received, balance.change),
        leaving(_("waiting"), balance.pending, "caution"),
        leaving(_("not selected"), lost["unselected"]),
        leaving(_("unsupported type"), lost["unsupported"]),
        station(_("Selected"), drawn.selected),
        leaving(_("no external user ID"), lost["anonymous"]),
        leaving(_("too large to send (limit 32 KB)"), balance.rejected.too_large, "trouble"),
        leaving(_("would be dropped"), balance.rejected.would_be_dropped, "trouble"),
        leaving(_("expired"), lost["expired"], "trouble"),
        station(_("Sent"), drawn.sent),
        leaving(rejected_word(balance), balance.rejected.by_segment, "trouble"),
        station(_("Accepted by Segment"), drawn.accepted),
    ]
