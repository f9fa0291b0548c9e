"""A pooler that does not carry prepared statements is told at the start, and with what to do."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections

from exporter.operations import doctor, pooler
from exporter.operations.doctor import Level
from exporter.operations.pooler import Pooling
from tests.support.log_lines import lines_of
from tests.support.serving import free_port, wait_until_open

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="pgbouncer is not installed"),
]
_SETTINGS = """
[databases]
{name} = host={host} port={port} dbname={name} user={user} password='{password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
{more}
"""


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's database through the distribution's pgbouncer, with transaction pooling."""
    given, listen, user = connection.settings_dict, free_port(), getpass.getuser()
    if user == "root":
        user = "nobody"
        tmp_path.chmod(0o777)
    text = _SETTINGS.format(
        name=given["NAME"],
        host=given["HOST"],
        port=given["PORT"] or 5432,
        user=given["USER"],
        password=given["PASSWORD"],
        listen=listen,
        more=f"user = {user}" if user == "nobody" else "",
    )
    (tmp_path / "pgbouncer.ini").write_text(text)
    process = subprocess.Popen(["pgbouncer", "-q", str(tmp_path / "pgbouncer.ini")])
    params = connection.get_connection_params()
    params |= {"host": "127.0.0.1", "port": listen}
    monkeypatch.setattr(connections["default"], "get_connection_params", lambda: dict(params))
    try:
        wait_until_open(listen, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_without_a_pooler_there_is_nothing_to_say() -> None:
    assert pooler.look() is Pooling.NONE


def is_old() -> bool:
    """Until 1.24 none carries prepared statements unless it is told to."""
    told = subprocess.run(["pgbouncer", "--version"], capture_output=True, text=True, check=True).stdout
    return [int(part) for part in told.split()[1].split(".")[:2]] < [1, 24]


def test_what_a_pooler_carries_is_found_out(behind: None) -> None:
    assert pooler.look() is (Pooling.LOSES_STATEMENTS if is_old() else Pooling.FITS)


def test_an_old_pgbouncer_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pooler, "look", lambda: Pooling.LOSES_STATEMENTS)
    pooler._tell()
    (line,) = lines_of(caplog, "pooler.loses_statements")
    assert "CURRENTS_PREPARED_STATEMENTS=0" in line["next"]
    (found,) = [one for one in doctor._pooler() if one.level is Level.BAD]
    assert "CURRENTS_PREPARED_STATEMENTS=0" in found.remedy


def test_with_the_setting_it_fits(behind: None, monkeypatch: pytest.MonkeyPatch) -> None:
    params: dict[str, Any] = connection.get_connection_params() | {"prepare_threshold": None}
    with monkeypatch.context() as patched:
        patched.setattr(connections["default"], "get_connection_params", lambda: dict(params))
        assert pooler.look() is Pooling.FITS
