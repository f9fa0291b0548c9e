"""What a provider says about a person, made fit for storing: text that PostgreSQL can hold, and a valid subject.

A subject is at most 255 ASCII characters (OpenID Connect Core 1.0, section 2); allauth
keeps 191.
"""

from __future__ import annotations

from typing import Any

from connectors.web.storable_text import storable, storable_value


class BadSubject(Exception):
    """The provider names no subject by which a person could be recognised for good."""


def clean(claims: dict[str, Any], longest_subject: int) -> dict[str, Any]:
    """The claims with texts that can be stored and shown.

    Raises:
        BadSubject: `sub` is missing, no text, too long, or not what was sent once it is cleaned.
    """
    subject = claims.get("sub")
    if (
        not isinstance(subject, str)
        or not 0 < len(subject) <= longest_subject
        or storable(subject) != subject
    ):
        raise BadSubject
    cleaned: dict[str, Any] = storable_value(claims)
    return cleaned
