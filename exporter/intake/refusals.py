"""Refusals: events that the intake refused, kept as they were received so that somebody can look at them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import psycopg

from exporter.intake.normalise import EventRefused, RawEvent, normalise, normalise_record
from exporter.log.events import Incoming

# Longer ones are cut: enough to see what is wrong.
MOST_BYTES = 32_000
MOST_A_DAY = 10_000
_LONGEST_ID = 99
_LONGEST_TYPE = 200
_LONGEST_REASON = 500


class Refusal(NamedTuple):
    """A refused event of a body: its place, its bytes, the reason in a sentence, and its id if it has one."""

    place: int
    raw: bytes
    reason: str
    id: str | None


class _Named(msgspec.Struct):
    event_type: Any = None


_decode_named = msgspec.json.Decoder(_Named).decode


def sort_out(raws: Sequence[bytes]) -> tuple[list[Incoming], list[Refusal]]:
    """Normalises raw events; returns the accepted and the refused ones."""
    accepted: list[Incoming] = []
    refused: list[Refusal] = []
    for place, raw in enumerate(raws):
        try:
            accepted.append(normalise(raw))
        except EventRefused as error:
            refused.append(Refusal(place, raw, error.reason, error.id))
    return accepted, refused


def judge(raw: RawEvent, place: int) -> Incoming | Refusal:
    """One event of a file."""
    try:
        return normalise(raw) if isinstance(raw, bytes) else normalise_record(raw)
    except EventRefused as error:
        kept = raw if isinstance(raw, bytes) else msgspec.json.encode(raw)
        return Refusal(place, kept, error.reason, error.id)


def keep(sql: psycopg.Cursor[Any], workspace_id: int, refusals: Sequence[Refusal]) -> None:
    """Counts the refusals and stores as many as the day's quota allows, in the caller's transaction. If the same
    event is refused again for the same reason, it is only counted."""
    if not refusals:
        return
    sql.execute(
        "INSERT INTO exporter_refusalcount AS old (workspace_id, day, count, kept) "
        "VALUES (%s, (clock_timestamp() AT TIME ZONE 'UTC')::date, %s, 0) "
        "ON CONFLICT (workspace_id, day) DO UPDATE SET count = old.count + excluded.count "
        "RETURNING day, kept",
        (workspace_id, len(refusals)),
    )
    row = sql.fetchone()
    if row is None or row[1] >= MOST_A_DAY:
        return
    kept = _insert(sql, workspace_id, refusals[: MOST_A_DAY - row[1]])
    if kept:
        sql.execute(
            "UPDATE exporter_refusalcount SET kept = kept + %s WHERE workspace_id = %s AND day = %s",
            (kept, workspace_id, row[0]),
        )


def _insert(sql: psycopg.Cursor[Any], workspace_id: int, refusals: Sequence[Refusal]) -> int:
    sql.execute(
        "INSERT INTO exporter_rejectedevent "
        "(workspace_id, event_id, event_type, event, cut, id_hash, reason, at) "
        "SELECT %s, i, t, e, c, h, r, clock_timestamp() FROM unnest(%b::text[], %b::text[], %b::bytea[], "
        "%b::boolean[], %b::bytea[], %b::text[]) AS n(i, t, e, c, h, r) ON CONFLICT DO NOTHING",
        (
            workspace_id,
            [_plain(refusal.id or "", _LONGEST_ID) for refusal in refusals],
            [_event_type(refusal.raw) for refusal in refusals],
            [refusal.raw[:MOST_BYTES] for refusal in refusals],
            [len(refusal.raw) > MOST_BYTES for refusal in refusals],
            [_hash(refusal) for refusal in refusals],
            [_plain(refusal.reason, _LONGEST_REASON) for refusal in refusals],
        ),
    )
    return sql.rowcount


def _hash(refusal: Refusal) -> bytes:
    named = refusal.id.encode("utf-8", "replace") if refusal.id else refusal.raw
    return blake2b(named, digest_size=8).digest()


def _event_type(raw: bytes) -> str:
    """The event's type, if it can be recognised; a guess for the list of refused events on which nothing depends."""
    try:
        event_type = _decode_named(raw).event_type
    except (ValueError, RecursionError):
        return ""
    return _plain(event_type, _LONGEST_TYPE) if isinstance(event_type, str) else ""


def _plain(text: str, longest: int) -> str:
    """Text that PostgreSQL can hold: without U+0000 and halves of surrogate pairs."""
    return text[:longest].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
