"""Tokens in use: who may send or read with a bearer token, remembered for seconds so that a body costs no
query."""

from __future__ import annotations

import hmac
import os
import threading
import time
from dataclasses import dataclass
from hashlib import sha256

from django.db import connection

from connectors.models import IntakeToken
from connectors.workspaces import tokens

# A revoked token ends within five seconds.
_REMEMBERED = 4.0
_MOST_REMEMBERED = 10_000
_WRITE_EVERY = 60.0
_PREFIX = "cur_"


class BadToken(Exception):
    """There is no token, or not a valid one; the text is a sentence for who sent it."""


class WrongScope(Exception):
    """The token is valid for something else."""


@dataclass(frozen=True, slots=True)
class Token:
    id: int
    workspace_id: int
    scopes: frozenset[str]


_remembered: dict[bytes, tuple[Token, float]] = {}
_used: set[int] = set()
_written: dict[int, float] = {}
_guard = threading.Lock()


def _forget_after_fork() -> None:
    global _guard
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)


def check(authorization: str, scope: str) -> Token:
    """The token of an `Authorization` header, if it has the scope.

    Raises:
        BadToken: none, unknown or revoked.
        WrongScope: valid, but not for this.
        django.db.Error: it cannot be told now.
    """
    scheme, _, plain = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not plain.strip():
        raise BadToken("Send a token of this workspace as “Authorization: Bearer <token>”.")
    digest = sha256(plain.strip().encode("utf-8", "surrogateescape")).digest()
    token, until = _remembered.get(digest, (None, 0.0))
    if token is None or until < time.monotonic():
        token = _find(plain.strip(), digest)
    if scope not in token.scopes:
        raise WrongScope(f"This token does not have the scope “{scope}”. Create one that does.")
    _note_use(token)
    return token


def forget() -> None:
    """Forgets what is remembered: the next check asks the database."""
    _remembered.clear()
    _written.clear()


def _find(plain: str, digest: bytes) -> Token:
    _remembered.pop(digest, None)
    prefix = plain.removeprefix(_PREFIX).partition("_")[0]
    rows = []
    if plain.startswith(_PREFIX) and prefix.isascii() and prefix.isalnum():
        rows = list(IntakeToken.objects.filter(tokens.works(), prefix=prefix[:12]))
    for row in rows:
        if hmac.compare_digest(bytes(row.hash), digest):
            token = Token(row.pk, row.workspace_id, frozenset(row.scopes))
            if len(_remembered) >= _MOST_REMEMBERED:
                _remembered.clear()
            _remembered[digest] = (token, time.monotonic() + _REMEMBERED)
            return token
    raise BadToken("This token is unknown or was revoked. Create a new one in the workspace's settings.")


def _note_use(token: Token) -> None:
    """Marks the use for `write_down`, at most once a minute."""
    now = time.monotonic()
    if now - _written.get(token.id, -_WRITE_EVERY) >= _WRITE_EVERY:
        with _guard:
            _written[token.id] = now
            _used.add(token.id)


def write_down() -> None:
    """Notes in the database which tokens were used; called by the nudger's thread, off the request path."""
    if not _used:
        return
    with _guard:
        ids = sorted(_used)
        _used.clear()
    with connection.cursor() as sql:
        sql.execute(
            "UPDATE connectors_intaketoken SET last_used_at = clock_timestamp() WHERE id = ANY(%s) "
            "AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')",
            [ids],
        )
