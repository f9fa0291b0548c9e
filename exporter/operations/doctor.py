"""What is wrong with an installation, part by part, each with what to do. Sends no event and no key anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import psycopg
from django.conf import settings
from django.core import mail
from django.db import DatabaseError, connection
from redis import RedisError

from connectors.models import WriteKey
from connectors.vault import sealing
from exporter.destinations import endpoint
from exporter.destinations.connection import CONNECT_SECONDS, connect, fault_name
from exporter.destinations.http_answer import Broken
from exporter.dispatch import heartbeats, queues
from exporter.models import Source
from exporter.operations import pooler, schema
from exporter.prepared_statements import REMEDY

_OLDEST_POSTGRESQL = 150_000
_MOST_SKEW_SECONDS = 2.0
_MANY_MESSAGES = 10_000


class Level(Enum):
    """How bad a finding is."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is what was found, `remedy` what to do about it (empty where nothing)."""

    part: str
    level: Level
    what: str
    remedy: str = ""


def examine(letter_to: str = "") -> Iterator[Finding]:
    """Every part in turn; with an address, a test letter is sent to it. Never raises: what breaks is a finding."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("database", _database),
        ("pooler", _pooler),
        ("broker", _broker),
        ("workers and beat", _parts),
        ("clocks", _clocks),
        ("write keys", _keys),
        ("mail", lambda: _mail(letter_to)),
        ("way to Segment", _ways),
        ("sources", _sources),
    ]
    for part, check in checks:
        try:
            yield from check()
        except DatabaseError:
            remedy = "Start PostgreSQL, and look at DATABASE_URL."
            yield Finding(part, Level.BAD, "cannot be told while the database does not answer", remedy)


def _database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
        number, version = cursor.fetchone()
    if number < _OLDEST_POSTGRESQL:
        yield Finding("database", Level.BAD, f"PostgreSQL {version}", "Upgrade it to 15 or newer.")
    else:
        yield Finding("database", Level.GOOD, f"PostgreSQL {version} answers")
    if missing := schema.missing():
        yield Finding("database", Level.BAD, f"{missing} migrations are missing", "Run manage.py prepare.")


def _pooler() -> Iterator[Finding]:
    try:
        pooling = pooler.look()
    except psycopg.Error as error:
        remedy = "Start PostgreSQL, and look at DATABASE_URL."
        yield Finding("pooler", Level.BAD, f"cannot be told ({type(error).__name__})", remedy)
        return
    if pooling is pooler.Pooling.LOSES_STATEMENTS:
        yield Finding("pooler", Level.BAD, pooling.value, REMEDY)
    else:
        yield Finding("pooler", Level.GOOD, pooling.value)


def _broker() -> Iterator[Finding]:
    try:
        found = queues.look()
    except (RedisError, OSError, ValueError) as error:
        what = f"does not answer ({type(error).__name__})"
        yield Finding(
            "broker", Level.BAD, what, "Start Redis, and look at REDIS_URL. No event is lost meanwhile."
        )
        return
    said = ", ".join(f"{queue.name} {queue.length:,}" for queue in found)
    if max(queue.length for queue in found) > _MANY_MESSAGES:
        remedy = (
            "Is a worker running for that queue? The messages may be deleted, the sweep finds the work again."
        )
        yield Finding("broker", Level.WARNING, f"many messages wait: {said}", remedy)
    else:
        yield Finding("broker", Level.GOOD, f"answers; messages waiting: {said}")


def _parts() -> Iterator[Finding]:
    ages = heartbeats.ages()
    wanted = {
        f"worker:{queue}": f"celery -A currents_admin worker -P threads -Q {queue}" for queue in queues.QUEUES
    }
    wanted["beat"] = "celery -A currents_admin beat"
    for part, command in wanted.items():
        age = ages.get(part)
        if age is None or age > heartbeats.SILENT_SECONDS:
            what = "never seen" if age is None else f"silent for {age:.0f} s"
            yield Finding(part, Level.BAD, what, f"Start it: {command}.")
        else:
            yield Finding(part, Level.GOOD, f"last heartbeat {age:.0f} s ago")


def _clocks() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT host, max(abs(skew_ms)) FROM exporter_heartbeat WHERE skew_ms IS NOT NULL "
            "AND at > clock_timestamp() - interval '1 minute' GROUP BY host ORDER BY host"
        )
        skews = cursor.fetchall()
    for host, skew in skews:
        if skew > 1000 * _MOST_SKEW_SECONDS:
            what = f"{host} is {skew / 1000:.1f} s away from the database's clock"
            yield Finding(
                "clocks", Level.WARNING, what, "Let NTP set the clocks of this host and the database's."
            )
        else:
            yield Finding("clocks", Level.GOOD, f"{host} agrees with the database to {skew / 1000:.1f} s")


def _keys() -> Iterator[Finding]:
    unreadable = []
    keys = WriteKey.objects.filter(activated_at__isnull=False, retired_at__isnull=True)
    for key in keys.select_related("connector__workspace"):
        try:
            sealing.unseal(key)
        except sealing.SecretUnreadable:
            unreadable.append(f"{key.connector.workspace.slug} › {key.connector.name}")
    if unreadable:
        what = f"{len(unreadable)} cannot be read: {', '.join(unreadable[:5])}"
        remedy = "Put the key that sealed them back into WRITE_KEY_ENCRYPTION_KEYS, or enter those write keys anew."
        yield Finding("write keys", Level.BAD, what, remedy)
    else:
        yield Finding("write keys", Level.GOOD, f"all {keys.count()} in use can be read")


def _sources() -> Iterator[Finding]:
    rows = Source.objects.filter(paused=False).select_related("workspace").order_by("workspace__slug", "url")
    failing = [one for one in rows if one.trouble]
    for one in failing:
        what = f"{one.workspace.slug}: {one.url} cannot be read: {one.trouble}"
        yield Finding("sources", Level.WARNING, what, "Look at its page, Settings › Sources.")
    if rows and not failing:
        yield Finding("sources", Level.GOOD, "all can be read")


def _mail(letter_to: str) -> Iterator[Finding]:
    try:
        with mail.get_connection() as server:
            if letter_to:
                subject, text = "Currents Admin: a test letter", "Mail from this installation arrives.\n"
                mail.EmailMessage(subject, text, to=[letter_to], connection=server).send()
    except (OSError, ValueError) as error:
        yield Finding(
            "mail", Level.BAD, f"{type(error).__name__}: {error}", "Look at EMAIL_URL and DEFAULT_FROM_EMAIL."
        )
        return
    done = (
        f"a test letter went to {letter_to}" if letter_to else "the mail server answers (no letter was sent)"
    )
    yield Finding("mail", Level.GOOD, done)


def _ways() -> Iterator[Finding]:
    """Name, connection, TLS and proxy; nothing is asked of the other side."""
    for region, url in settings.SEGMENT_URLS.items():
        place = endpoint.endpoint(url)
        via = f" through the proxy {place.proxy.host}:{place.proxy.port}" if place.proxy else ""
        began = time.monotonic()
        try:
            connect(place, began + 2 * CONNECT_SECONDS).close()
        except (OSError, Broken) as error:
            what = f"{region}: {place.host}:{place.port}{via}: {fault_name(error, connecting=True)}"
            remedy = "Let this host reach that address (DNS, firewall), or set HTTPS_PROXY."
            yield Finding("way to Segment", Level.BAD, what, remedy)
            continue
        took = 1000 * (time.monotonic() - began)
        yield Finding("way to Segment", Level.GOOD, f"{region}: {place.host} reached{via} in {took:.0f} ms")
