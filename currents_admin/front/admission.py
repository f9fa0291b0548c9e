"""Who may send how much: a stranger's body is small, a large one needs a token that is known before it is taken, and
all bodies together have a room that ends."""

from __future__ import annotations

from currents_admin.front.connection import ClientConnection
from currents_admin.front.framing import Head, Malformed

INTAKE = ("/api/v1/events", "/api/v1/events/")
MOST_BODY = 10_000_000
MOST_FORM = 1_000_000
# Up to here it costs less to take a body than to ask whose it is.
_SMALL = 65_536
_ROOM = 256_000_000
_STRANGERS_ROOM = 64_000_000


def most(head: Head) -> int:
    """The most bytes a body of this request may have on the wire."""
    return MOST_BODY if head.path in INTAKE else MOST_FORM


def needs_token(head: Head) -> bool:
    """Whether the body is so large that its sender has to be known first."""
    return head.path in INTAKE and (head.length > _SMALL or head.chunked)


def is_known(head: Head) -> bool:
    """Whether the token was good a moment ago, without asking the database."""
    from exporter.api import bearer

    return bearer.is_remembered(head.authorization)


def look_up(head: Head) -> bool:
    """Whether the token opens the intake; in a thread.

    Raises:
        django.db.Error: it cannot be told now.
    """
    from django.db import close_old_connections

    from exporter.api import bearer

    close_old_connections()
    try:
        bearer.check(head.authorization, "intake")
    except bearer.WrongScope:
        # The application has the words.
        return True
    except bearer.BadToken:
        return False
    return True


class Rooms:
    """How many bytes of large bodies are here, declared or come: of senders with a good token, and of strangers. One
    sender takes half of their room at most."""

    def __init__(self) -> None:
        self._taken: dict[tuple[bool, str], int] = {}

    def enter(self, conn: ClientConnection, head: Head, *, trusted: bool) -> None:
        """Raises:
        Malformed: 503, there is no room.
        """
        conn.room = (trusted, head.authorization if trusted else "")
        self._reserve(conn, head.length)

    def grow(self, conn: ClientConnection, head: Head) -> None:
        """A chunked body says its length at its end; its frame may take half as much again.

        Raises:
            Malformed: 413, it is too large, or 503.
        """
        size = len(conn.buffer) - conn.body_at
        if size > 1.5 * most(head):
            raise Malformed(413)
        self._reserve(conn, size)

    def leave(self, conn: ClientConnection) -> None:
        if conn.reserved:
            self._change(conn, 0)

    def _reserve(self, conn: ClientConnection, size: int) -> None:
        if size <= _SMALL:
            return
        trusted, _sender = conn.room
        self._change(conn, size)
        everybody = sum(taken for (known_one, _), taken in self._taken.items() if known_one == trusted)
        full = everybody > (_ROOM if trusted else _STRANGERS_ROOM)
        if full or (trusted and self._taken[conn.room] > _ROOM // 2):
            self.leave(conn)
            raise Malformed(503)

    def _change(self, conn: ClientConnection, size: int) -> None:
        left = self._taken.get(conn.room, 0) + size - conn.reserved
        conn.reserved = size
        if left:
            self._taken[conn.room] = left
        else:
            self._taken.pop(conn.room, None)
