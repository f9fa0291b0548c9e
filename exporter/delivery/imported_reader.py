"""What the replay of an import reads: the batches that were imported for it, all of them; and which reader a replay
has."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.delivery.lease import Lease
from exporter.delivery.reader import LOOK_AHEAD, Reader
from exporter.delivery.replay_reader import ReplayReader, Scope, Was, renamed
from exporter.destinations.segment.transform import Judged, Plan
from exporter.log import imported_batches
from exporter.log.event_log import Header
from exporter.models import DeliveryKind, Replay


class ImportedReader(Reader):
    """Reads the batches of one delivery. `was` is empty: no other delivery knows these events."""

    def __init__(
        self, workspace_id: int, plan: Plan, revision_id: int, delivery_id: int, scope: Scope
    ) -> None:
        super().__init__(workspace_id, plan, revision_id, helped=True)
        self.delivery_id = delivery_id
        self.scope = scope
        self.was: dict[int, Was] = {}

    def _headers(self, number: int) -> list[Header]:
        return imported_batches.headers(self.delivery_id, number, LOOK_AHEAD)

    def _head(self) -> int:
        return imported_batches.head(self.delivery_id)

    def _payloads(self, batch_ids: Sequence[int]) -> dict[int, bytes]:
        return imported_batches.payloads(batch_ids)

    def _converts(self, header: Header) -> bool:
        return self.scope.same_ids

    def _judge(self, header: Header, lines: list[bytes]) -> list[Judged]:
        if not self.scope.same_ids:
            lines = [renamed(line, self.scope.replay_id) for line in lines]
        return super()._judge(header, lines)


def reader_of(lease: Lease, replay: Replay, plan: Plan, revision_id: int) -> ReplayReader | ImportedReader:
    """What this replay reads, under these settings."""
    scope = Scope.of(replay)
    if lease.kind == DeliveryKind.IMPORT:
        return ImportedReader(lease.workspace_id, plan, revision_id, lease.delivery_id, scope)
    return ReplayReader(lease.workspace_id, plan, revision_id, lease.connector_id, scope)
