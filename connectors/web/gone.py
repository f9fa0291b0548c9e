"""What somebody else deletes or archives while a request is about it: not found, as it would be a moment later, and no
fault."""

from __future__ import annotations

from django.core.exceptions import ObjectDoesNotExist
from psycopg.errors import ForeignKeyViolation

from connectors.workspaces.archived import Archived


def is_gone(error: Exception) -> bool:
    """Whether it says that a row is not there any more: when it was asked for again, or, at the commit, when something
    was written that belongs to it."""
    return isinstance(error, ObjectDoesNotExist | Archived) or isinstance(
        error.__cause__, ForeignKeyViolation
    )
