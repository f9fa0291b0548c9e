"""A pooler that does not carry prepared statements is told at the start, and with what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import ProgrammingError, connection, connections

from currents_admin.postgresql import base
from exporter.operations import doctor, pooler
from exporter.operations.doctor import Level
from exporter.operations.pooler import Pooling
from exporter.prepared_statements import PreparedStatements
from tests.support import pgbouncer
from tests.support.log_lines import lines_of
from tests.support.serving import free_port, wait_until_open

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's database through the distribution's pgbouncer, with transaction pooling."""
    if not pgbouncer.is_installed():
        pytest.skip("pgbouncer is not installed; CI installs it")
    given, listen = connection.settings_dict, free_port()
    command = pgbouncer.command(
        tmp_path,
        listen,
        host=given["HOST"],
        port=given["PORT"] or 5432,
        name=given["NAME"],
        user=given["USER"],
        password=given["PASSWORD"],
    )
    process = subprocess.Popen(command)
    params = connection.get_connection_params()
    params |= {"host": "127.0.0.1", "port": listen}
    monkeypatch.setattr(connections["default"], "get_connection_params", lambda: dict(params))
    try:
        wait_until_open(listen, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def unprepared(monkeypatch: pytest.MonkeyPatch) -> PreparedStatements:
    """What this process knows of prepared statements, forgotten after the test."""
    fresh = PreparedStatements()
    for place in (pooler, base):
        monkeypatch.setattr(place, "PREPARED", fresh)
    return fresh


def test_without_a_pooler_there_is_nothing_to_say() -> None:
    assert pooler.look() is Pooling.NONE


def is_old() -> bool:
    """Until 1.24 none carries prepared statements unless it is told to."""
    told = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True, check=True).stdout
    return [int(part) for part in told.split()[1].split(".")[:2]] < [1, 24]


def test_what_a_pooler_carries_is_found_out(behind: None) -> None:
    assert pooler.look() is (Pooling.LOSES_STATEMENTS if is_old() else Pooling.FITS)


def test_an_old_pgbouncer_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, unprepared: PreparedStatements
) -> None:
    monkeypatch.setattr(pooler, "look", lambda: Pooling.LOSES_STATEMENTS)
    pooler.look_at_start()
    (line,) = lines_of(caplog, "pooler.loses_statements")
    assert "CURRENTS_PREPARED_STATEMENTS=0" in line["next"]
    (found,) = [one for one in doctor._pooler() if one.level is Level.BAD]
    assert "CURRENTS_PREPARED_STATEMENTS=0" in found.remedy


def test_from_the_first_lost_statement_on_none_is_prepared(
    caplog: pytest.LogCaptureFixture, unprepared: PreparedStatements
) -> None:
    """Whether or not the look at the start has found it out."""
    connection.ensure_connection()
    another = connection.copy()
    another.ensure_connection()
    assert connection.connection.prepare_threshold is not None
    with pytest.raises(ProgrammingError), connection.wrap_database_errors:
        connection.connection.execute("EXECUTE nobody_prepared_this")
    assert connection.connection.prepare_threshold is None
    connection.close()
    try:
        connection.ensure_connection()
        assert connection.connection.prepare_threshold is None, "nor on a new connection"
        another.connection.execute("SELECT 1")
        assert another.connection.prepare_threshold is None, "nor on one that was open already"
    finally:
        connection.close()
        another.close()
    unprepared.are_lost()
    assert len(lines_of(caplog, "pooler.loses_statements")) == 1, "told once"


def test_with_the_setting_it_fits(behind: None, monkeypatch: pytest.MonkeyPatch) -> None:
    params: dict[str, Any] = connection.get_connection_params() | {"prepare_threshold": None}
    with monkeypatch.context() as patched:
        patched.setattr(connections["default"], "get_connection_params", lambda: dict(params))
        assert pooler.look() is Pooling.FITS
