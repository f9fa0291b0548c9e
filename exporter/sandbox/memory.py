"""What the sandbox got: counts, the latest calls and requests, and every messageId ever accepted."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from exporter.sandbox.id_file import IdFile, read_ids
from exporter.sandbox.offer import BATCH_CALLS, Call, Offer, drop_reason, last4

LATEST_REQUESTS = 200
LATEST_CALLS = 2_000


class KeptCall(NamedTuple):
    """A call and what became of it. `reason` is `duplicate` or a drop reason; None when accepted."""

    at: float
    request: int
    reason: str | None
    key4: str
    call: Call
    raw: msgspec.Raw

    def shown(self) -> dict[str, Any]:
        content = msgspec.json.decode(self.raw)
        content.pop("writeKey", None)
        status = {None: "accepted", "duplicate": "duplicate"}.get(self.reason, "dropped")
        return {
            "received_at": self.at,
            "request": self.request,
            "status": status,
            "reason": self.reason if status == "dropped" else None,
            "key4": self.key4,
            "call": content,
        }


class KeptRequest(msgspec.Struct):
    """A request and its answer. `status` is None where none was sent; `rule` is the rule it met."""

    number: int
    at: float
    path: str
    key4: str
    bytes: int
    calls: int
    first_message_id: str | None
    sent_at: str | None
    status: int | None
    answer: str
    rule: int | None
    milliseconds: float


class Memory:
    """Safe for threads. Ids are kept as 8-byte hashes: among 5 million, two collide once in 10^6 runs."""

    def __init__(self, calls: int = LATEST_CALLS, ids_file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._calls: deque[KeptCall] = deque(maxlen=calls)
        self._requests: deque[KeptRequest] = deque(maxlen=LATEST_REQUESTS)
        self._ids: set[int] = set()
        self._id_file: IdFile | None = None
        if ids_file is not None:
            self._ids.update(hash(message_id) for _, _, message_id in read_ids(ids_file))
            self._id_file = IdFile(ids_file)
        self._dropped: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._received = self._accepted = self._duplicates = 0
        self._numbers = self._bytes = self._injected = 0
        self._in_flight = self._max_in_flight = 0
        self._started = time.time()

    def close(self) -> None:
        with self._lock:
            if self._id_file is not None:
                self._id_file.close()
                self._id_file = None

    def enter(self) -> int:
        """A request has begun; returns its number."""
        with self._lock:
            self._numbers += 1
            self._in_flight += 1
            self._max_in_flight = max(self._max_in_flight, self._in_flight)
            return self._numbers

    def leave(self) -> None:
        with self._lock:
            self._in_flight -= 1

    def keep(self, number: int, offer: Offer, *, known: bool) -> None:
        """Take the calls of a request that was not refused; their ids are in the file when this returns.

        Raises OSError when the file cannot be written, and then has kept nothing.
        """
        now = time.time()
        overall = None if known else "unknown_source"
        if len(offer.calls) > BATCH_CALLS:
            overall = "too_many_events"
        reasons = [overall or drop_reason(call) for call in offer.calls]
        key4 = last4(offer.key)
        with self._lock:
            self._note(now, offer, reasons)
            self._count(reasons)
            for reason, call, raw in zip(reasons, offer.calls, offer.raws, strict=True):
                self._calls.append(KeptCall(now, number, reason, key4, call, raw))

    def _note(self, now: float, offer: Offer, reasons: list[str | None]) -> None:
        """Mark the duplicates in `reasons`, remember the new ids."""
        noted: list[tuple[str, str]] = []
        fresh: list[int] = []
        for index, call in enumerate(offer.calls):
            if reasons[index] is not None or not call.message_id:
                continue
            hashed = hash(call.message_id)
            if hashed in self._ids:
                reasons[index] = "duplicate"
            else:
                self._ids.add(hashed)
                fresh.append(hashed)
            noted.append((reasons[index] or "accepted", call.message_id))
        if self._id_file is None or not noted:
            return
        try:
            self._id_file.write(now, noted)
        except OSError:
            self._ids.difference_update(fresh)
            raise

    def _count(self, reasons: list[str | None]) -> None:
        counts = Counter(reasons)
        self._received += len(reasons)
        self._accepted += counts.pop(None, 0)
        self._duplicates += counts.pop("duplicate", 0)
        self._dropped.update({str(reason): count for reason, count in counts.items()})

    def record(self, request: KeptRequest) -> None:
        """Remember a request with its answer, before the answer is sent."""
        with self._lock:
            self._requests.append(request)
            self._bytes += request.bytes
            self._answers["none" if request.status is None else str(request.status)] += 1
            self._injected += request.rule is not None

    def stats(self) -> dict[str, Any]:
        """Counts since the start: calls received = accepted + duplicates + the sum of dropped."""
        with self._lock:
            return {
                "started_at": self._started,
                "requests": self._numbers,
                "answers": dict(self._answers),
                "injected": self._injected,
                "bytes": self._bytes,
                "received": self._received,
                "accepted": self._accepted,
                "duplicates": self._duplicates,
                "dropped": dict(self._dropped),
                "distinct_ids": len(self._ids),
                "in_flight": self._in_flight,
                "max_in_flight": self._max_in_flight,
            }

    def calls(
        self, *, limit: int | None = None, event: str = "", message_id: str = "", key4: str = ""
    ) -> list[dict[str, Any]]:
        """The latest calls that fit, in order of arrival."""
        with self._lock:
            latest = list(self._calls)
        fitting = list(_narrowed(latest, event, message_id, key4))
        return [
            kept.shown() for kept in (fitting if limit is None else fitting[max(0, len(fitting) - limit) :])
        ]

    def requests(self) -> list[dict[str, Any]]:
        """The latest requests with their answers, in order of their ends."""
        with self._lock:
            return [msgspec.to_builtins(request) for request in self._requests]

    def remembers_everything(self) -> bool:
        with self._lock:
            return len(self._calls) == self._received


def _narrowed(kept: list[KeptCall], event: str, message_id: str, key4: str) -> Iterator[KeptCall]:
    for each in kept:
        if event and each.call.event != event:
            continue
        if message_id and each.call.message_id != message_id:
            continue
        if key4 and each.key4 != key4:
            continue
        yield each
