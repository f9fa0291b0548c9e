"""The settings in force are a connector's newest revision: how every statement finds it.

By a range and not by `=`, so that only the index of a connector's revisions gives the order asked for: else PostgreSQL
may walk back through everybody's until it meets one of this connector's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import OuterRef, QuerySet

if TYPE_CHECKING:
    from exporter.models import Revision


def newest_revision(connector: str) -> str:
    """SQL for the id of a connector's newest revision; `connector` is SQL for the connector's."""
    return f"""(SELECT newest.id FROM exporter_revision newest
         WHERE newest.connector_id >= {connector} AND newest.connector_id <= {connector}
         ORDER BY newest.connector_id, newest.id DESC LIMIT 1)"""  # noqa: S608 - constants of ours


def newest_first(revisions: QuerySet[Revision], connector: int | OuterRef) -> QuerySet[Revision]:
    """Of these, a connector's revisions, the one in force first."""
    own = revisions.filter(connector_id__gte=connector, connector_id__lte=connector)
    return own.order_by("connector_id", "-pk")
