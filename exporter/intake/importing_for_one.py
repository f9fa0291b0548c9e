"""Importing for one connector: a file's events become batches that only one replay reads.

They never enter the log, so no other connector gets them, nobody's received events grow, and they can be found nowhere
but in that replay's ledger. An event that the file holds twice counts as a duplicate; one that the log has as well does
not, because whoever imports for one connector wants it sent to that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from django.db import transaction

from exporter import sql
from exporter.intake import refusals
from exporter.intake.duplicates import WINDOW_EVENTS, IdWindow, Segment
from exporter.intake.importing import Overtaken
from exporter.intake.refusals import Refusal
from exporter.intake.store import Receipt
from exporter.log import batches, imported_batches, lookup
from exporter.log.events import Incoming
from exporter.models import Replay

_GROW = """
UPDATE exporter_replay SET events = events + %s, until = clock_timestamp()
 WHERE id = %s AND state IN ('waiting', 'paused') RETURNING id
"""


class _Window(IdWindow):
    """The latest events that were imported for one delivery."""

    def __init__(self, workspace_id: int, delivery_id: int) -> None:
        super().__init__(workspace_id)
        self.delivery_id = delivery_id
        self.head = imported_batches.head(delivery_id)
        stored = imported_batches.id_hashes(delivery_id, self.head - WINDOW_EVENTS)
        self.remember(Segment(*row) for row in stored)

    def _stored(self, numbers: Iterable[int]) -> list[bytes]:
        return [stored.line for stored in lookup.read_imported(self.delivery_id, numbers).values()]


class ReplayLog:
    """What is imported for one replay; appends as `appender.append_now` does."""

    def __init__(self, workspace_id: int, replay: Replay) -> None:
        self.workspace_id = workspace_id
        self.replay = replay
        self._window = _Window(workspace_id, replay.delivery_id)

    def append(
        self, incoming: Sequence[Incoming], refused: Sequence[Refusal], extra: Callable[[], None]
    ) -> Receipt:
        """Stores in a transaction of its own that includes `extra`.

        Raises:
            Overtaken: the replay was cancelled or deleted.
            psycopg.Error, django.db.Error: nothing was stored.
        """
        with transaction.atomic(durable=True):
            cursor = sql.cursor()
            # First the delivery, then the upload (`extra`), then the replay: so does whoever deletes the connector.
            if not imported_batches.hold(cursor, self.replay.delivery_id):
                raise Overtaken
            extra()
            (kept,) = self._window.fresh([incoming])
            made = batches.cut(kept)
            for batch in made:
                batch.rename_types(batch.unknown_types())
            if cursor.execute(_GROW, (len(kept), self.replay.pk)).fetchone() is None:
                raise Overtaken
            placed = imported_batches.append(cursor, self.replay.delivery_id, made)
            refusals.keep(cursor, self.workspace_id, refused)
        self._window.remember(Segment(*row) for row in placed)
        return Receipt(len(kept), len(incoming) - len(kept))
