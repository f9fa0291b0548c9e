"""Names of event types outside the catalogue: a workspace may use 200 a day, so that nobody's mistake fills the
counts with names."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.db import connection, transaction

MOST_A_DAY = 200


class TypeNames:
    """Remembers which unknown names a workspace may use today. Not for several threads."""

    def __init__(self) -> None:
        self._admitted: dict[int, tuple[date, set[str]]] = {}

    def refused(self, workspace_id: int, names: set[str]) -> set[str]:
        """The names beyond the day's limit; the others are recorded. Commits by itself."""
        today = datetime.now(UTC).date()
        day, admitted = self._admitted.get(workspace_id, (today, set()))
        if day != today:
            admitted = set()
        if names - admitted and len(admitted) < MOST_A_DAY:
            admitted = _admit(workspace_id, names - admitted)
            self._admitted[workspace_id] = (today, admitted)
        return names - admitted


def _admit(workspace_id: int, names: set[str]) -> set[str]:
    """Notes as many of the names as there is room for; answers all names of the day. The lock on the log
    keeps two processes from overfilling the day together."""
    with transaction.atomic(), connection.cursor() as sql:
        sql.execute(
            "SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '5s', true)"
        )
        sql.execute(
            "SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date FROM exporter_eventlog "
            "WHERE workspace_id = %s FOR UPDATE",
            [workspace_id],
        )
        row = sql.fetchone()
        if row is None:
            return set()
        sql.execute(
            "INSERT INTO exporter_unknowntype (workspace_id, day, event_type) "
            "SELECT %(workspace)s, %(day)s, name FROM unnest(%(names)s::text[]) AS name WHERE NOT EXISTS ("
            "SELECT 1 FROM exporter_unknowntype WHERE workspace_id = %(workspace)s AND day = %(day)s "
            "AND event_type = name) ORDER BY name LIMIT greatest(0, %(most)s - (SELECT count(*) "
            "FROM exporter_unknowntype WHERE workspace_id = %(workspace)s AND day = %(day)s))",
            {"workspace": workspace_id, "day": row[0], "names": sorted(names), "most": MOST_A_DAY},
        )
        sql.execute(
            "SELECT event_type FROM exporter_unknowntype WHERE workspace_id = %s AND day = %s",
            [workspace_id, row[0]],
        )
        return {name for (name,) in sql.fetchall()}
