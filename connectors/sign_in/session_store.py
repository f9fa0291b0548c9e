"""Sessions in the database, looked up only by keys that Django could have made. Those of nobody end soon: anybody may
begin as many as they like, by setting out for the OpenID Connect provider."""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

OF_NOBODY_SECONDS = 3600


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key: str | None) -> bool:
        """A cookie may hold anything, U+0000 too, which the database refuses with an error."""
        return key is not None and key.isascii() and key.isalnum() and 8 <= len(key) <= 40

    def get_session_cookie_age(self) -> int:
        age: int = super().get_session_cookie_age()
        return age if SESSION_KEY in self else min(age, OF_NOBODY_SECONDS)
