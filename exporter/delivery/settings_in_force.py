"""The settings a body is made with: selected events, rule for anonymous users, region and write key. They are read at
the start of a turn and compared before each body is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.conf import settings

from connectors.models import WriteKey
from connectors.vault import sealing
from exporter.delivery.newest_revision import newest_revision
from exporter.destinations import sender
from exporter.destinations.segment.transform import Plan
from exporter.destinations.sender import Endpoint
from exporter.sql import execute

_CURRENT = f"""
SELECT c.state, r.id, r.selected_events, r.include_anonymous, r.region, r.write_key_id
  FROM connectors_connector c JOIN exporter_revision r ON r.id = {newest_revision("c.id")}
 WHERE c.id = %(connector)s
"""  # noqa: S608 - constants of ours
_STAMP = f"""
SELECT c.state, {newest_revision("c.id")} FROM connectors_connector c WHERE c.id = %(connector)s
"""  # noqa: S608 - constants of ours


class Gone(Exception):
    """The connector was deleted."""


class KeyUnreadable(Exception):
    """The stored write key cannot be decrypted; `revision_id` is the revision that holds it."""


@dataclass(frozen=True, slots=True)
class Current:
    """A connector's current revision, ready for use."""

    revision_id: int
    live: bool
    plan: Plan
    endpoint: Endpoint
    authorization: bytes = field(repr=False)
    write_key_id: int

    @property
    def stamp(self) -> tuple[bool, int]:
        return self.live, self.revision_id


def current(connector_id: int) -> Current:
    """Raises:
    Gone: the connector was deleted.
    KeyUnreadable: its write key cannot be decrypted.
    """
    rows = execute(_CURRENT, {"connector": connector_id})
    if not rows:
        raise Gone
    state, revision_id, selected, anonymous, region, key_id = rows[0]
    try:
        key = sealing.unseal(WriteKey.objects.get(pk=key_id))
    except sealing.SecretUnreadable as error:
        raise KeyUnreadable(str(error)) from None
    plan = Plan(frozenset(selected), anonymous)
    endpoint = sender.endpoint(f"{settings.SEGMENT_URLS[region]}/v1/batch")
    return Current(revision_id, state == "live", plan, endpoint, sender.basic(key), key_id)


def rules(connector_id: int) -> tuple[int, Plan]:
    """The current revision's id and plan, without its write key: for what is settled without being sent.

    Raises:
        Gone: the connector was deleted.
    """
    rows = execute(_CURRENT, {"connector": connector_id})
    if not rows:
        raise Gone
    _state, revision_id, selected, anonymous, _region, _key_id = rows[0]
    return revision_id, Plan(frozenset(selected), anonymous)


def stamp(connector_id: int) -> tuple[bool, int] | None:
    """A value that changes whenever bodies packed before must no longer be sent; None once the connector is deleted."""
    rows = execute(_STAMP, {"connector": connector_id})
    return (rows[0][0] == "live", rows[0][1]) if rows else None
