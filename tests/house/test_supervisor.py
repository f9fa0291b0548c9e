"""`make run` keeps its promises: it is ready, repairs itself, ends in good order, and survives being killed.

The tests of this file share one folder and follow one another, as the days of an installation do.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from currents_admin import local
from currents_admin.supervisor import system_user
from tests.house.running import PARTS, ROOT, Running, until


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    folder = local.folder() / f"house-{os.getpid()}"
    running = Running(folder)
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()
    subprocess.run(["rm", "-rf", str(folder), str(running.output)], check=True)


def test_the_first_start_prints_a_password_that_signs_in(house: Running) -> None:
    assert set(house.parts()) == PARTS
    assert house.login_page() == 200
    said = house.said()
    assert house.address in said
    password = said.split("Password", 1)[1].split()[0]
    assert house.sign_in("admin@demo.example", password)
    assert not house.sign_in("admin@demo.example", password + "x")
    assert not any(password in log.read_text() for log in (house.folder / "log").iterdir())


def test_only_its_owner_reads_what_is_secret(house: Running) -> None:
    for secret in (house.folder / "services.json", *(house.folder / "secrets").iterdir()):
        assert secret.stat().st_mode & 0o077 == 0, secret
    # Of what is open to pass through, for PostgreSQL as another system user, nothing inside is open.
    for place in (house.folder, *house.folder.rglob("*")):
        if "postgres" not in place.relative_to(house.folder).parts and not place.is_symlink():
            assert place.stat().st_mode & 0o066 == 0, place
    command_lines = [" ".join(process.cmdline()) for process in house.descendants()]
    for password in (house.folder / "secrets").iterdir():
        assert not any(password.read_text().strip() in line for line in command_lines)


def test_postgresql_keeps_what_it_confirmed(house: Running) -> None:
    with psycopg.connect(house.services()["database_url"]) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute(f"SHOW {setting}").fetchone()
            assert row == ("on",), setting


def test_a_second_start_in_the_same_folder_is_refused_in_one_sentence(house: Running) -> None:
    done = house.supervisor("run")
    assert done.returncode == 1
    assert "already runs" in done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 1


@pytest.mark.parametrize("name", ["beat", "worker", "retry-worker", "sandbox", "web", "redis", "postgres"])
def test_a_part_that_dies_is_started_again_within_two_seconds(house: Running, name: str) -> None:
    before, addresses = house.parts(), house.services()
    os.kill(before[name], signal.SIGKILL)
    until(lambda: house.parts().get(name, before[name]) != before[name], seconds=2)
    assert house.services() == addresses
    assert house.parts() | {name: 0} == before | {name: 0}
    until(lambda: house.login_page() == 200, seconds=20)


def test_a_repaired_house_still_answers(house: Running) -> None:
    until(house.database_answers, seconds=20)
    with psycopg.connect(house.services()["database_url"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'through a kill' AS what")
    assert house.login_page() == 200


def test_after_a_kill_of_everything_the_next_start_takes_over(house: Running) -> None:
    house.kill_everything()
    house.start()
    assert house.login_page() == 200
    with psycopg.connect(house.services()["database_url"]) as connection:
        assert connection.execute("SELECT what FROM kept").fetchone() == ("through a kill",)


def test_without_its_supervisor_nothing_keeps_running(house: Running) -> None:
    left = house.descendants()
    house.stop(signal.SIGKILL)
    _, alive = psutil.wait_procs(left, timeout=20)
    assert alive == []


def test_a_postgresql_that_outlived_its_supervisor_is_stopped_before_the_next_starts(house: Running) -> None:
    command, user = house.commands()["postgres"], system_user.needed()
    with subprocess.Popen(
        command, stderr=subprocess.DEVNULL, user=user, group=user, extra_groups=[] if user else None
    ) as orphan:
        until(house.database_answers, seconds=20)
        house.start()
        assert orphan.wait(1) is not None
    assert house.login_page() == 200


def test_sigterm_ends_every_part_within_thirty_seconds(house: Running) -> None:
    processes = house.descendants()
    assert house.stop() == 0
    assert [process for process in processes if process.is_running()] == []
    assert set(house.services().values()) == {""}


def test_a_port_in_use_is_one_sentence(house: Running) -> None:
    with socket.create_server(("127.0.0.1", house.port)):
        done = house.supervisor("run")
    assert done.returncode == 1
    assert done.stderr == f"Port {house.port} is in use; set PORT to another one.\n"


def test_a_folder_that_cannot_be_written_is_one_sentence(house: Running) -> None:
    done = house.supervisor("run", CURRENTS_VAR="/proc/no-such-folder")
    assert done.returncode == 1
    assert done.stderr.startswith("/proc/no-such-folder: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_command_beside_services_gets_them_and_decides_the_exit_status(house: Running) -> None:
    script = (
        "import os, psycopg, redis; from django.conf import settings;"
        "psycopg.connect(os.environ['DATABASE_URL'], autocommit=True).execute('CREATE DATABASE another');"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping();"
        "assert settings.PRODUCTION and 'segment' not in settings.SEGMENT_URLS['us'];"
        "raise SystemExit(7)"
    )
    done = house.supervisor(
        *("services", "--fast", "--", sys.executable, "-W", "ignore", "-c", script),
        DJANGO_SETTINGS_MODULE="currents_admin.settings",
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_everything_was_written_into_its_own_folder(house: Running) -> None:
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"], cwd=ROOT, capture_output=True, text=True
    )
    assert not [
        line for line in status.stdout.splitlines() if line.endswith((".pid", ".sock", ".ctl", ".db", ".log"))
    ]
    assert {path.name for path in house.folder.iterdir()} >= {"log", "postgres", "redis", "secrets"}
