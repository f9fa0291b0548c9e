"""Re-encrypts every sealed secret with the newest encryption key, while everything keeps running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import QuerySet

from connectors.models import WriteKey
from connectors.vault import sealing

BATCH = 500

# What else is sealed: a name for its rows, the rows, and their sealed column.
_others: list[tuple[str, Callable[[], QuerySet[Any]], str]] = []


def also(name: str, rows: Callable[[], QuerySet[Any]], column: str) -> None:
    """Has a sealed column of another application moved along. For its start."""
    _others.append((name, rows, column))


@dataclass(slots=True)
class Result:
    """How many secrets were re-encrypted, and the names of those that no key opens."""

    moved: int
    unreadable: list[str]


def reseal_everything() -> Result:
    """Goes row by row and replaces a secret only if it is still the one that was read, so nothing is locked and nothing
    newer is lost. It may be interrupted and run again. Secrets that cannot be read stay as they are."""
    result = Result(0, [])
    for key in _rows(WriteKey.objects.filter(destroyed_at__isnull=True)):
        _move(result, f"write key {key.pk} (••••{key.last4})", partial(_write_key, key))
    for factor in _rows(Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN)):
        _move(result, f"second factor {factor.pk}", partial(_factor, factor))
    for name, rows, column in _others:
        for row in _rows(rows()):
            _move(result, f"{name} {row.pk}", partial(_column, row, column))
    return result


def _column(row: Any, column: str) -> int:
    old = bytes(getattr(row, column))
    moved: int = type(row).objects.filter(pk=row.pk, **{column: old}).update(**{column: sealing.reseal(old)})
    return moved


def _rows(rows: QuerySet[Any]) -> Iterator[Any]:
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield from batch
        last = batch[-1].pk


def _move(result: Result, name: str, move: Callable[[], int]) -> None:
    try:
        result.moved += move()
    except sealing.SecretUnreadable:
        result.unreadable.append(name)


def _write_key(key: WriteKey) -> int:
    old = bytes(key.ciphertext)
    return WriteKey.objects.filter(pk=key.pk, ciphertext=old).update(ciphertext=sealing.reseal(old))


def _factor(factor: Authenticator) -> int:
    """The secret of a code generator, the seed or the list of recovery codes."""
    fresh = {name: _resealed(value) for name, value in factor.data.items()}
    moved: int = Authenticator.objects.filter(pk=factor.pk, data=factor.data).update(data=fresh)
    return moved


def _resealed(value: Any) -> Any:
    if isinstance(value, list):
        return [_resealed(each) for each in value]
    # How Fernet tokens begin; everything else beside them is a mask or a count.
    if isinstance(value, str) and value.startswith("gAAAAA"):
        return sealing.reseal(value.encode()).decode()
    return value
