"""Following a source: a look for new objects, then their events into the log, each object once.

An object's progress moves in the transaction that appends its events, so kills, two workers and listings that repeat
themselves store nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from io import BufferedReader

from django.db.models import F, Q
from django.db.models.functions import Now
from psycopg.errors import ForeignKeyViolation

from connectors.web.storable_text import storable
from exporter import sql
from exporter.intake import importing
from exporter.intake.files import EventFile, Unpacked
from exporter.intake.importing import Overtaken, Tally
from exporter.intake.unreadable import FileUnreadable
from exporter.models import Source, SourceObject
from exporter.models.sources import Taken
from exporter.sources import store as stores
from exporter.sources.listing import FoundObject, Listing
from exporter.sources.store import Gone, Store, Trouble

LOOK_EVERY = timedelta(seconds=60)
_HOLD = "60 seconds"
_SECONDS = 20.0
# Of one object; Braze's have some megabytes.
MOST_UNPACKED = 5_000_000_000
_LONGEST_WAIT = 300


class FollowTurn(Enum):
    """How a turn ended."""

    HELD = "held"  # somebody else works on it, or it is paused or gone
    BEHIND = "behind"  # objects wait
    IDLE = "idle"
    FAILED = "failed"


def due() -> list[int]:
    """Sources to look at now."""
    free = Q(held_until=None) | Q(held_until__lt=Now())
    looked = Q(next_look_at=None) | Q(next_look_at__lte=Now())
    rows = Source.objects.filter(free, looked, paused=False, workspace__archived_at=None)
    return list(rows.values_list("pk", flat=True))


def follow(source_id: int, seconds: float = _SECONDS) -> FollowTurn:
    """One turn of about so many seconds. Must not be called inside a transaction.

    Raises:
        What `appender.append_now` raises; what was done stays done.
    """
    if not _take(source_id):
        return FollowTurn.HELD
    source = Source.objects.filter(pk=source_id).first()
    if source is None:
        return FollowTurn.HELD
    until = time.monotonic() + seconds
    try:
        store = stores.of(source)
        waiting = source.entries.filter(state=Taken.WAITING).order_by("modified_at", "name")
        if not waiting.exists():
            _look(source, store)
        while (one := waiting.first()) is not None and time.monotonic() < until:
            _import(source, store, one)
        behind = waiting.exists()
        _note(source, "", None if behind else sql.clock() + LOOK_EVERY)
        return FollowTurn.BEHIND if behind else FollowTurn.IDLE
    except Trouble as error:
        _note(source, str(error), None)
        return FollowTurn.FAILED
    except Overtaken:
        return FollowTurn.HELD
    finally:
        Source.objects.filter(pk=source_id).update(held_until=None)


def _take(source_id: int) -> bool:
    with sql.cursor() as cursor:
        cursor.execute(
            # Whoever has it locked may take long to remove it.
            "UPDATE exporter_source SET held_until = clock_timestamp() + %s::interval WHERE id = ("
            "SELECT id FROM exporter_source WHERE id = %s AND NOT paused "
            "AND (held_until IS NULL OR held_until < clock_timestamp()) FOR NO KEY UPDATE SKIP LOCKED)",
            [_HOLD, source_id],
        )
        return cursor.rowcount == 1


def _note(source: Source, trouble: str, next_look_at: datetime | None) -> None:
    """How the turn went; after trouble the next look waits, from 5 s doubling to 5 minutes. Trouble with credentials
    that were changed meanwhile says nothing of the new ones."""
    now, rows = sql.clock(), Source.objects.filter(pk=source.pk)
    failures = source.failures + 1 if trouble else 0
    if trouble:
        next_look_at = now + timedelta(seconds=min(_LONGEST_WAIT, 5 * 2 ** min(failures - 1, 10)))
        rows = rows.filter(credentials=source.credentials, options=source.options)
    rows.update(
        trouble=trouble[:500],
        failures=failures,
        failing_since=(source.failing_since or now) if trouble else None,
        next_look_at=next_look_at,
    )


def _look(source: Source, store: Store) -> None:
    now = sql.clock()
    listing = Listing(store, source, now)
    for page in listing.pages():
        _take_on(source)
        _remember(source, page)
    changes: dict[str, object] = {"looked_at": now, "folders": sorted(listing.folders)}
    if listing.whole:
        changes["listed_whole_at"] = now
    Source.objects.filter(pk=source.pk).update(**changes)


def _remember(source: Source, page: Sequence[FoundObject]) -> None:
    """Raises Overtaken where the source was removed."""
    columns = (
        [one.name[:1024] for one in page],
        [one.etag[:255] for one in page],
        [one.size for one in page],
        [one.modified_at for one in page],
    )
    try:
        with sql.cursor() as cursor:
            cursor.execute(
                "INSERT INTO exporter_sourceobject "
                "(source_id, name, etag, size, modified_at, state, position, trouble) "
                "SELECT %s, n, e, s, m, 'waiting', 0, '' FROM unnest(%s::text[], %s::text[], %s::bigint[], "
                "%s::timestamptz[]) AS u(n, e, s, m) ON CONFLICT DO NOTHING",
                [source.pk, *columns],
            )
    except ForeignKeyViolation:
        raise Overtaken from None


def _take_on(source: Source) -> None:
    """Raises Overtaken where it was removed."""
    with sql.cursor() as cursor:
        cursor.execute(
            "UPDATE exporter_source SET held_until = clock_timestamp() + %s::interval WHERE id = %s",
            [_HOLD, source.pk],
        )
        if cursor.rowcount != 1:
            raise Overtaken


def _import(source: Source, store: Store, one: SourceObject) -> None:
    """Raises Trouble, Overtaken, and what `appender.append_now` raises."""
    try:
        stream = BufferedReader(store.open(one.name, one.etag, one.size))
        opened = EventFile(stream, one.name, unpacked=Unpacked(MOST_UNPACKED))
    except Gone:
        # Overwritten, it is listed as another one; deleted, it is nobody's.
        one.delete()
        return
    except FileUnreadable as error:
        _end(source, one, Tally(trouble=str(error)))
        return

    def moved(before: int, after: int) -> Callable[[], None]:
        def move() -> None:
            # The source before its object, as for whoever changes it.
            _take_on(source)
            with sql.cursor() as cursor:
                cursor.execute(
                    "UPDATE exporter_sourceobject SET position = %s WHERE id = %s AND position = %s "
                    "AND state = 'waiting'",
                    [after, one.pk, before],
                )
                if cursor.rowcount != 1:
                    raise Overtaken

        return move

    tally = Tally()
    try:
        importing.append_all(source.workspace_id, opened.events(), one.position, moved, tally)
    except (Trouble, Overtaken):
        # What was stored before the line broke is counted; the object goes on from there.
        _count(source, tally)
        raise
    _end(source, one, tally)


def _end(source: Source, one: SourceObject, tally: Tally) -> None:
    state = Taken.SET_ASIDE if tally.trouble else Taken.DONE
    moved = SourceObject.objects.filter(pk=one.pk, state=Taken.WAITING)
    if not moved.update(state=state, trouble=storable(tally.trouble)[:500], done_at=Now()):
        return
    _count(source, tally)
    Source.objects.filter(pk=source.pk).update(
        objects_taken=F("objects_taken") + (0 if tally.trouble else 1),
        last_object=one.name,
        last_object_at=one.modified_at,
    )


def _count(source: Source, tally: Tally) -> None:
    Source.objects.filter(pk=source.pk).update(
        accepted=F("accepted") + tally.accepted,
        duplicates=F("duplicates") + tally.duplicates,
        refused=F("refused") + tally.refused,
    )
