"""From the log to bodies: read → select → transform → pack.

Batches whose types are all unselected or unsupported are counted from their `type_counts`; their payload is not
read. A batch is converted once, however many bodies its events end up in.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from connectors.catalogue.catalogue import CATALOGUE
from exporter.delivery.body import Body, Rejection
from exporter.delivery.conversion.converter import PATIENCE_SECONDS, Answer, NotConverted, converter, give_up
from exporter.destinations.packing import Limits, how_many_fit
from exporter.destinations.segment.transform import Judged, Plan, convert
from exporter.ledger.outcomes import Outcome
from exporter.log import damage, event_log
from exporter.log.batches import OTHER
from exporter.log.damage import Damaged, check_counts
from exporter.log.event_log import Header

# Batches read ahead at once. Headers are small; payloads are read only of batches with something to send.
LOOK_AHEAD = 8
# A converter is asked where so many events lie ahead, and for so many batches at a time.
MUCH = 4_000
ASKED_AHEAD = 3
# A range without a single call is settled after so many batches at the latest.
MOST_SKIPPED_BATCHES = 400


@dataclass(slots=True)
class _Batch:
    header: Header
    minute: datetime
    payload: bytes | None
    judged: list[Judged] = field(default_factory=list)
    asked: Answer | None = None

    @property
    def count(self) -> int:
        return self.header.end_event - self.header.first_event


class Reader:
    """Reads one workspace's log under one plan; of a backlog, with the help of a converter where it is `helped`.

    Making or extending a body raises `log.damage.Damaged` where the very next events cannot be read.
    """

    def __init__(self, workspace_id: int, plan: Plan, revision_id: int, *, helped: bool = False) -> None:
        self.workspace_id = workspace_id
        self.plan = plan
        self.revision_id = revision_id
        self._helped = helped
        self._batches: deque[_Batch] = deque()
        # Behind this number it was looked for more batches already.
        self._looked_at = -1

    def hold(self, batches: Iterable[tuple[Header, bytes]]) -> None:
        """Takes neighbouring batches that were read already; nothing beyond them may be asked for."""
        for header, payload in batches:
            minute = header.received_at.replace(second=0, microsecond=0)
            self._batches.append(_Batch(header, minute, payload))

    def make(self, first: int, stop: int | None, limits: Limits) -> Body:
        """One body from `first` up to `stop` or the head; without calls if nothing there is to be sent."""
        body = Body(first, first, self.revision_id)
        self.extend(body, stop, limits)
        return body

    def extend(self, body: Body, stop: int | None, limits: Limits) -> None:
        """Adds what follows `body.end`, until the body is full or the log ends. What stands before a damage still
        goes: only a body that would begin with it raises."""
        try:
            self._extend(body, stop, limits)
        except Damaged:
            if body.end == body.first:
                raise
            body.full = True

    def _extend(self, body: Body, stop: int | None, limits: Limits) -> None:
        skipped = 0
        while not body.full and (stop is None or body.end < stop):
            batch = self._at(body.end)
            if batch is None:
                return
            upto = batch.header.end_event if stop is None else min(batch.header.end_event, stop)
            whole = body.end == batch.header.first_event and upto == batch.header.end_event
            if whole and not self._sends(batch.header):
                self._skip(body, batch)
                skipped += 1
                body.full = skipped >= MOST_SKIPPED_BATCHES
            elif skipped and not body.calls:
                body.full = True
            else:
                self._take(body, batch, upto, limits)

    def header(self, number: int) -> Header | None:
        """The batch that holds `number`, or the first one behind it; None at the end."""
        return next(iter(self._headers(number)), None)

    def prepare(self, headers: list[Header]) -> None:
        """Called with the batches that are read next, before their payloads are."""

    def _judge(self, header: Header, lines: list[bytes]) -> list[Judged]:
        return [convert(line, self.plan) for line in lines]

    def _converts(self, header: Header) -> bool:
        """Whether a converter can do what `_judge` does with this batch, up to `_chosen`."""
        return True

    def _chosen(self, header: Header, judged: list[Judged]) -> list[Judged]:
        """What becomes of the converted events of a whole batch; nothing where that cannot be told of them alone."""
        return judged

    def _sends(self, header: Header) -> bool:
        return any(name in self.plan.selected for name in header.type_counts)

    def _headers(self, number: int) -> list[Header]:
        return event_log.headers(self.workspace_id, number, LOOK_AHEAD)

    def _head(self) -> int:
        return event_log.head(self.workspace_id)

    def _payloads(self, batch_ids: Sequence[int]) -> dict[int, bytes]:
        return event_log.payloads(batch_ids)

    def _at(self, number: int) -> _Batch | None:
        """The batch that holds `number`, from the read-ahead or the log."""
        while len(self._batches) > 1 and self._batches[1].header.end_event <= number:
            self._batches.popleft()
        for batch in self._batches:
            if batch.header.first_event <= number < batch.header.end_event:
                if self._helped:
                    self._look_ahead()
                return batch
        # The log is read with the driver's own cursor; a turn must see its errors in Django's classes, or a broken
        # connection would end it without settling what was accepted.
        with connection.wrap_database_errors:
            headers = self._headers(number)
            head = number if headers else self._head()
            if head > number:  # or it came just now
                headers = self._headers(number)
        held = headers[0].first_event if headers else head
        if held > number:
            raise Damaged(self.workspace_id, number, held, "are no longer in the log")
        self._batches.clear()
        self._load(headers)
        if self._helped:
            self._ask()
        return self._batches[0] if self._batches else None

    def _load(self, headers: list[Header]) -> None:
        self.prepare(headers)
        with connection.wrap_database_errors:
            payloads = self._payloads([header.id for header in headers if self._sends(header)])
        for header in headers:
            minute = header.received_at.replace(second=0, microsecond=0)
            self._batches.append(_Batch(header, minute, payloads.get(header.id)))

    def _look_ahead(self) -> None:
        """Loads the next batches while the last ones are still to be packed: the converter must not wait for them."""
        last = self._batches[-1].header.end_event
        if (
            len(self._batches) <= ASKED_AHEAD
            and self._batches[-1].asked is not None
            and last != self._looked_at
        ):
            self._looked_at = last
            with connection.wrap_database_errors:
                headers = self._headers(last)
            if headers and headers[0].first_event == last:
                self._load(headers)
        self._ask()

    def _ask(self) -> None:
        """Asks the converter for the batches that are packed next."""
        if sum(batch.count for batch in self._batches) < MUCH:
            return
        ahead = [batch for batch in self._batches if not batch.judged and batch.payload is not None]
        for batch in ahead[:ASKED_AHEAD]:
            if batch.asked is not None or batch.payload is None or not self._converts(batch.header):
                continue
            if (helper := converter()) is not None:
                batch.asked = helper.submit(batch.payload, self.plan)

    def _read(self, batch: _Batch) -> list[Judged]:
        """The batch's judged events. A batch with nothing to send is read ahead without its payload; if the cursor has
        partly passed it, the payload is read here."""
        if not batch.judged and batch.asked is not None:
            batch.judged = self._chosen(batch.header, _converted(batch, batch.asked))
        if not batch.judged:
            payload = batch.payload
            if payload is None:
                with connection.wrap_database_errors:
                    payload = self._payloads([batch.header.id]).get(batch.header.id)
            lines = damage.read(self.workspace_id, batch.header, payload)
            batch.judged = self._judge(batch.header, lines)
        batch.payload = None
        return batch.judged

    def _skip(self, body: Body, batch: _Batch) -> None:
        check_counts(self.workspace_id, batch.header)
        for name, (count, _anonymous) in batch.header.type_counts.items():
            outcome = Outcome.UNSELECTED if name in CATALOGUE.by_name else Outcome.UNSUPPORTED
            body.left[batch.minute, name, outcome] += count
        body.end = batch.header.end_event

    def _take(self, body: Body, batch: _Batch, upto: int, limits: Limits) -> None:
        header = batch.header
        judged = self._read(batch)[body.end - header.first_event : upto - header.first_event]
        calls = [one.call for one in judged if one.call is not None]
        fitting = how_many_fit(body.size, len(body.calls), calls, limits)
        if fitting < len(calls):
            body.full = True
            judged, calls = _before_call(judged, fitting), calls[:fitting]
        if len(calls) == len(judged):
            body.numbers.extend(range(body.end, body.end + len(calls)))
            sent = Counter([one.event_type for one in judged])
        else:
            sent = self._take_mixed(body, batch, judged)
        for name, count in sent.items():
            body.sent[batch.minute, name, Outcome.DELIVERED] += count
        body.size += sum(map(len, calls)) + len(calls) - (1 if calls and not body.calls else 0)
        body.calls += calls
        body.end += len(judged)
        if calls:
            received = header.received_at.timestamp()
            body.received.append((received, len(calls)))
            if body.oldest is None:
                body.oldest = received

    def _take_mixed(self, body: Body, batch: _Batch, judged: list[Judged]) -> Counter[str]:
        """Takes the numbers of those that are sent, and counts the others; returns how many of each type are sent."""
        known, sent = batch.header.type_counts, Counter[str]()
        for number, (event_type, outcome, call, reason) in enumerate(judged, body.end):
            if call is not None:
                body.numbers.append(number)
                sent[event_type] += 1
                continue
            name = event_type if event_type in known else OTHER
            body.left[batch.minute, name, outcome] += 1
            if outcome == Outcome.REJECTED:
                body.rejections.append(Rejection(number, name, reason, batch.minute))
        return sent


def _converted(batch: _Batch, asked: Answer) -> list[Judged]:
    """What the converter made of a batch; nothing where it is not as many events as the batch says it has."""
    try:
        judged = asked.result(PATIENCE_SECONDS)
    except NotConverted:
        return []
    except TimeoutError:
        give_up()
        return []
    return judged if len(judged) == batch.count else []


def _before_call(judged: list[Judged], place: int) -> list[Judged]:
    """What stands before the call of this place among the calls."""
    at = [number for number, one in enumerate(judged) if one.call is not None][place]
    return judged[:at]
