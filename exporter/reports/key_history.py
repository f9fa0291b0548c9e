"""Which write key was in use when, and how the destination answered it; told from revisions and attempts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.models import Connector
from connectors.ports import KeyAnswer
from exporter import sql
from exporter.destinations.answer import Verdict

_SPANS = """
WITH changes AS (
    SELECT id, write_key_id, created_at, lag(write_key_id) OVER (ORDER BY id) AS before
      FROM exporter_revision WHERE connector_id = %(connector)s
), spans AS (
    SELECT write_key_id, created_at AS since, lead(created_at) OVER (ORDER BY id) AS until
      FROM changes WHERE before IS DISTINCT FROM write_key_id
)
"""
_IN_USE = f"""{_SPANS}
SELECT s.write_key_id, k.last4, s.since, s.until
  FROM spans s JOIN connectors_writekey k ON k.id = s.write_key_id
 ORDER BY s.since
"""  # noqa: S608 - constants of ours
_ANSWERS = f"""{_SPANS}
SELECT DISTINCT ON (s.write_key_id) s.write_key_id, a.at, a.status, a.verdict
  FROM spans s JOIN exporter_delivery d ON d.connector_id = %(connector)s AND d.kind = 'live'
  CROSS JOIN LATERAL (
       SELECT at, status, verdict FROM exporter_attempt
        WHERE delivery_id = d.id AND at >= s.since AND (s.until IS NULL OR at < s.until)
          AND verdict IN (%(accepted)s, %(rejected)s)
        ORDER BY at DESC LIMIT 1) a
 ORDER BY s.write_key_id, a.at DESC
"""  # noqa: S608 - constants of ours


@dataclass(frozen=True, slots=True)
class InUse:
    """A key while it was in use, from `since` to `until`; `until` is None for the one in use now."""

    key_id: int
    last4: str
    since: datetime
    until: datetime | None


def keys_in_use(connector: Connector) -> list[InUse]:
    """Every key in the order of use; one that came back stands twice."""
    return [InUse(*row) for row in sql.execute(_IN_USE, {"connector": connector.pk})]


def in_use_at(history: list[InUse], moment: datetime) -> InUse | None:
    """The key of a moment; None before the launch."""
    return next((span for span in reversed(history) if span.since <= moment), None)


def last_answers(connector: Connector) -> dict[int, KeyAnswer]:
    """The last answer that told something of a key, by its id; attempts are kept for a week."""
    terms = {
        "connector": connector.pk,
        "accepted": Verdict.ACCEPTED.value,
        "rejected": Verdict.KEY_REJECTED.value,
    }
    return {
        key: KeyAnswer(at, status, verdict == Verdict.ACCEPTED)
        for key, at, status, verdict in sql.execute(_ANSWERS, terms)
    }
