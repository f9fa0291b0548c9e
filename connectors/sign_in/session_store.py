"""Sessions in the database, looked up only by keys that Django could have made."""

from __future__ import annotations

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key: str | None) -> bool:
        """A cookie may hold anything, U+0000 too, which the database refuses with an error."""
        return key is not None and key.isascii() and key.isalnum() and 8 <= len(key) <= 40
