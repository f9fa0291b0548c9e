"""The settings in force are a connector's newest revision: how every statement finds it."""

from __future__ import annotations


def newest_revision(connector: str) -> str:
    """SQL for the id of a connector's newest revision; `connector` is SQL for the connector's.

    By a range and not by `=`, so that only the index of a connector's revisions gives the order asked for: else
    PostgreSQL may walk back through everybody's until it meets one of this connector's.
    """
    return f"""(SELECT newest.id FROM exporter_revision newest
         WHERE newest.connector_id >= {connector} AND newest.connector_id <= {connector}
         ORDER BY newest.connector_id, newest.id DESC LIMIT 1)"""  # noqa: S608 - constants of ours
