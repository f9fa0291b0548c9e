"""How often somebody may guess a password: growing delays instead of a lock, so that nobody locks out anybody else.

Counted are tries of one address from one client (5 at once, then a wait that doubles from a minute to an hour), of one
client at all addresses (20, then from 15 s to 5 min), and of one address by all clients together (50, then from a
minute to an hour). A try counts before the password is looked at, in one transaction: a hundred at once are a hundred.
A right password takes its own try back. Who has the mail of an address gets tries of their own by a link.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from django.db import connection, transaction
from django.utils import timezone

from connectors.sign_in.models import SignInTries


@dataclass(frozen=True, slots=True)
class Rule:
    """So many tries are free; then waits double from `first` to `longest` seconds."""

    name: str
    free: int
    first: int
    longest: int


PAIR = Rule("pair", 5, 60, 3600)
CLIENT = Rule("client", 20, 15, 300)
ADDRESS = Rule("address", 50, 60, 3600)
UNLOCKED = Rule("unlocked", 5, 60, 3600)
# A count is forgotten after so long without a try.
_FORGOTTEN = "24 hours"

_CONSUME = f"""
INSERT INTO connectors_signintries AS known (key, count, free_at, expires_at)
VALUES (%(key)s, 1, clock_timestamp(), clock_timestamp() + interval '{_FORGOTTEN}')
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN known.expires_at <= clock_timestamp() THEN 1 ELSE known.count + 1 END,
    free_at = CASE
        WHEN known.expires_at > clock_timestamp() AND known.count + 1 >= %(free)s
        THEN clock_timestamp() + make_interval(secs =>
            least(%(longest)s, %(first)s * power(2, least(20, known.count + 1 - %(free)s))))
        ELSE known.free_at END,
    expires_at = excluded.expires_at
WHERE known.free_at <= clock_timestamp()
RETURNING count
"""  # noqa: S608 - of constants alone


class TooMany(Exception):
    """Nothing was counted: `seconds` is how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


Tries = list[tuple[Rule, str]]


def of(address: str, client: str | None, unlocked_by: str = "") -> Tries:
    """What a try counts for. `client` is None where it cannot be told; `unlocked_by` is a link from a mail."""
    address = fold(address)
    if unlocked_by:
        return [(UNLOCKED, _key(UNLOCKED, address, unlocked_by))]
    meant = [(PAIR, _key(PAIR, address, client or "")), (ADDRESS, _key(ADDRESS, address))]
    return [*meant, (CLIENT, _key(CLIENT, client))] if client else meant


def fold(address: str) -> str:
    """One mailbox under one name: `Ada+x@Example.com` is `ada@example.com`."""
    name, _at, host = address.strip().lower().rpartition("@")
    return f"{name.partition('+')[0]}@{host}"


def consume(tries: Tries) -> None:
    """Raises:
    TooMany: one of them has to wait.
    """
    # In one order, so that two at once never wait for each other.
    with transaction.atomic(), connection.cursor() as cursor:
        for rule, key in sorted(tries, key=lambda entry: entry[1]):
            meant: dict[str, str | int] = {
                "key": key,
                "free": rule.free,
                "first": rule.first,
                "longest": rule.longest,
            }
            cursor.execute(_CONSUME, meant)
            if cursor.fetchone() is None:
                raise TooMany(_seconds_left(key))


def succeeded(tries: Tries) -> None:
    """Takes this try back; the pair's count is forgotten."""
    with transaction.atomic(), connection.cursor() as cursor:
        for rule, key in sorted(tries, key=lambda entry: entry[1]):
            if rule in (PAIR, UNLOCKED):
                cursor.execute("DELETE FROM connectors_signintries WHERE key = %s", [key])
            else:
                cursor.execute(
                    "UPDATE connectors_signintries SET count = greatest(0, count - 1), "
                    "free_at = least(free_at, clock_timestamp()) WHERE key = %s",
                    [key],
                )


def forget(tries: Iterable[tuple[Rule, str]]) -> None:
    SignInTries.objects.filter(key__in=[key for _, key in tries]).delete()


def _seconds_left(key: str) -> int:
    free_at = SignInTries.objects.filter(key=key).values_list("free_at", flat=True).first()
    return max(1, round((free_at - timezone.now()).total_seconds())) if free_at else 1


def _key(*parts: object) -> str:
    return sha256("\0".join(str(getattr(part, "name", part)) for part in parts).encode()).hexdigest()
