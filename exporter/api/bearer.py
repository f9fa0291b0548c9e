"""Bearer tokens: who may send or read with one, remembered for seconds so that a body costs no query."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import structlog
from django.db import Error
from django.db.models.functions import Now
from django.utils import timezone

from connectors.models import IntakeToken, Scope
from connectors.workspaces import tokens

log = structlog.get_logger(__name__)

# A revoked token ends within five seconds.
_REMEMBERED = 4.0
_MOST_REMEMBERED = 10_000
_WRITTEN_EVERY = timedelta(minutes=1)
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
    digest = _digest(plain)
    token, until = _remembered.get(digest, (None, 0.0))
    if token is None or until < time.monotonic():
        token = _find(plain.strip(), digest)
    if scope not in token.scopes:
        raise WrongScope(f"This token does not have the scope “{scope}”. Create one that does.")
    return token


def is_remembered(authorization: str) -> bool:
    """Whether the token was good for the intake within the last seconds; asks nobody."""
    _scheme, _, plain = authorization.strip().partition(" ")
    token, until = _remembered.get(_digest(plain), (None, 0.0))
    return token is not None and Scope.INTAKE in token.scopes and until >= time.monotonic()


def forget() -> None:
    """Forgets what is remembered: the next check asks the database."""
    _remembered.clear()


def _digest(plain: str) -> bytes:
    return sha256(plain.strip().encode("utf-8", "surrogateescape")).digest()


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
            _note_use(row)
            return token
    raise BadToken("This token is unknown or was revoked. Create a new one in the workspace's settings.")


def _note_use(row: IntakeToken) -> None:
    """Writes down when the token was last used, to the minute: each use is within seconds of such a look-up."""
    if row.last_used_at is not None and timezone.now() - row.last_used_at < _WRITTEN_EVERY:
        return
    try:
        IntakeToken.objects.filter(pk=row.pk).update(last_used_at=Now())
    except Error as error:
        # A note for people: no event is refused for its sake.
        log.warning("token.use_not_noted", token=row.pk, error=type(error).__name__)
