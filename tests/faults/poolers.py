"""The product behind pgbouncer with transaction pooling: while events flow a key is rotated, PostgreSQL is restarted
and pgbouncer is killed."""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from urllib.parse import urlsplit

from currents_admin.supervisor import port
from currents_admin.supervisor.house import say
from currents_admin.supervisor.part import Part
from tests.faults.house import USERS
from tests.faults.person import Person
from tests.faults.row import NOTHING, Row
from tests.faults.stage import Stage
from tests.faults.stream import Target
from tests.faults.waiting import NotInTime, until
from tests.support import pgbouncer

NAME = "pgbouncer"
# Of PostgreSQL, for everybody together; the product opens more to the pooler.
CONNECTIONS = 12
TARGETS = 5
# Each process may lose a statement on each connection it had before it saw that none is carried.
MOST_LOST = 40
# Once PostgreSQL is back; by its default pgbouncer would leave it alone for 15 s.
GOES_ON_SECONDS = 5.0
# Rows by their name, and what the address says of the pooler.
_ROWS = {
    "pgbouncer SIGKILL, told not to prepare": "?pgbouncer=true",
    "pgbouncer SIGKILL, not told": "",
}
_LOST = ("DuplicatePreparedStatement", "InvalidSqlStatementName")
_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'currents %%@%%'"


def behind_pooler(stage: Stage) -> list[Row]:
    """A row with the setting for a pooler that does not carry prepared statements, and one without it."""
    if stage.short:
        say("pooler: left to the long form.")
        return []
    if pgbouncer.is_installed():
        return [_play(stage, name, query) for name, query in _ROWS.items()]
    if os.environ.get("CI"):
        return [Row(name, NOTHING, troubles=["pgbouncer is not installed"]) for name in _ROWS]
    say("pooler: left out, pgbouncer is not installed.")
    return []


def _play(stage: Stage, name: str, query: str) -> Row:
    row, house = Row(name, NOTHING), stage.house
    address = urlsplit(house.postgres.url)
    listen = port.free()
    house.parts[NAME] = _pooler(stage, address.username, address.password, address.path.strip("/"), listen)
    house.start(NAME)
    read = {part: house.parts[part].log.stat().st_size for part in USERS}
    account = address.netloc.rpartition("@")[0]
    # Before the address changes: whoever makes them keeps the one it read first.
    targets = [stage.target() for _ in range(TARGETS)]
    try:
        until(lambda: port.answers(listen), 20, "pgbouncer answers")
        _move(stage, address._replace(netloc=f"{account}@{port.HOST}:{listen}").geturl() + query)
        with closing(Person()) as person:
            _under_load(stage, row, person, targets)
    finally:
        _move(stage, house.postgres.url)
        house.stop(NAME)
        del house.parts[NAME]
    _count_lost(stage, row, read)
    return row


def _pooler(stage: Stage, user: str | None, password: str | None, database: str, listen: int) -> Part:
    folder = stage.house.folder / NAME
    folder.mkdir(exist_ok=True)
    command = pgbouncer.command(
        folder,
        listen,
        host=port.HOST,
        port=stage.house.postgres.port,
        name=database,
        user=user or "",
        password=password or "",
        connections=CONNECTIONS,
    )
    return Part(NAME, command, stage.house.folder / "log" / f"{NAME}.log")


def _move(stage: Stage, database_url: str) -> None:
    """Every part again, with another address of the database."""
    house = stage.house
    house.stop(*USERS)
    house.tell_addresses(database_url)
    house.start(*USERS)
    until(lambda: house.status("web", "/readyz") == 200, 60, "every part is ready")


def _under_load(stage: Stage, row: Row, person: Person, targets: list[Target]) -> None:
    house = stage.house
    stream = stage.stream(targets, events=stage.size(2_000, 10_000), rate=1_000, body=50)
    try:
        stage.await_arrivals(stream, 1_000)
        person.rotate(targets[0], region="us", key=f"no-real-key-{secrets.token_hex(6)}-new")
        stage.await_arrivals(stream, 1_000)
        house.stop("postgres")
        house.start("postgres")
        stage.await_arrivals(stream, 1, seconds=GOES_ON_SECONDS)
        stage.await_arrivals(stream, 1_000)
        (ours,) = house.query(_OURS)
        before = house.kill(NAME)
        row.bound, row.bound_is = (
            stage.unsettled(targets, 0.0).events,
            "what was sent and not settled at the kill",
        )
        house.start(NAME)
        if ours[0] <= CONNECTIONS:
            row.proof = f"pgbouncer {before}→{house.pid(NAME)}, {ours[0]} connections of its to PostgreSQL"
    except NotInTime as late:
        row.troubles.append(str(late))
        house.revive()
    stage.finish(stream, row)


def _count_lost(stage: Stage, row: Row, read: dict[str, int]) -> None:
    """Lines about statements that were not carried, from where the logs were read last."""
    lines = 0
    for name, size in read.items():
        with stage.house.parts[name].log.open("rb") as log:
            log.seek(size)
            lines += sum(any(word in line for word in _LOST) for line in log.read().decode().splitlines())
    row.notes.append(f"{lines} lines about prepared statements that were not carried")
    if lines > MOST_LOST:
        row.troubles.append(f"{lines} lines about prepared statements, at most {MOST_LOST} are told")
