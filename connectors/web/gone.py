"""What somebody else deletes or archives while a request is about it: not found, as it would be a moment later, and no
fault."""

from __future__ import annotations

import structlog
from django.core.exceptions import ObjectDoesNotExist
from psycopg.errors import ForeignKeyViolation

from connectors.workspaces.archived import Archived

log = structlog.get_logger(__name__)


def is_gone(error: Exception) -> bool:
    """Whether it says that a row is not there any more: when it was asked for again, or, at the commit, when something
    was written that belongs to it. The log says which, so that a fault of ours does not pass for one of these."""
    gone = isinstance(error, ObjectDoesNotExist | Archived) or isinstance(
        error.__cause__, ForeignKeyViolation
    )
    if gone:
        log.info("request.gone", error=type(error).__qualname__)
    return gone
