"""Each command of the container files, as a process with exactly the environment that it has there: together they are
ready, and each ends in good order."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from psycopg import sql
from redis import Redis

from currents_admin import probe
from tests.house.running import until
from tests.house.test_container import COMPOSE, ROOT, commands
from tests.support.serving import database_url, free_port

pytestmark = pytest.mark.django_db(transaction=True)
_GIVEN = re.compile(r"\$\{([A-Z_]+)(?::[-?]([^}]*))?\}")
STAY = ("web", "worker", "retry-worker", "beat")


@pytest.fixture
def database() -> Iterator[tuple[str, str]]:
    """An empty database, by the addresses of its owner and of a role that is not there yet."""
    name, owner = f"compose_{secrets.token_hex(4)}", database_url()
    parts = urlsplit(database_url(name))
    app = parts._replace(netloc=f"{name}:made-up@{parts.netloc.rpartition('@')[2]}").geturl()
    place = sql.Identifier(name)
    with psycopg.connect(owner, autocommit=True) as line:
        line.execute(sql.SQL("CREATE DATABASE {}").format(place))
        try:
            yield parts.geturl(), app
        finally:
            line.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(place))
            line.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(place))


def image_environment(var: Path) -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = re.findall(r"^ENV (.+)$", text, re.MULTILINE)
    found = dict(word.split("=", 1) for line in lines for word in line.split())
    return found | {"PATH": os.environ["PATH"], "CURRENTS_VAR": str(var)}


def environment(service: str, values: dict[str, str], folder: Path) -> dict[str, str]:
    """What compose hands to a service: variables of `.env` filled in, and secrets as files where it says so."""
    found = image_environment(folder / f"var-{service}")
    for name, given in COMPOSE["services"][service]["environment"].items():
        plain = name.removesuffix("_FILE")
        if name != plain:
            file = folder / f"{plain}.secret"
            file.write_text(values.get(plain, ""))
            found[name] = str(file)
        elif name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
            found[name] = values[name]
        else:
            found[name] = _GIVEN.sub(lambda use: values.get(use[1], _default(use[0], use[2])), str(given))
    return found


def _default(use: str, words: str | None) -> str:
    return (words or "") if ":-" in use else ""


def start(service: str, port: int, values: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    command = [word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in commands()[service]]
    given: dict[str, Any] = {"cwd": ROOT, "env": environment(service, values, folder)}
    with (folder / f"{service}.log").open("wb") as log:
        return subprocess.Popen([sys.executable, *command[1:]], stdout=log, stderr=log, **given)


def test_the_stand_in_for_segment_listens_where_the_others_look(tmp_path: Path) -> None:
    port, command = free_port(), COMPOSE["services"]["sandbox"]["command"]
    words = [{"0.0.0.0": "127.0.0.1", "9000": str(port)}.get(word, word) for word in command[1:]]
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, env=image_environment(tmp_path))
    try:
        until(lambda: probe.status(port, "/stats") == 200, seconds=30)
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_together_they_are_ready_and_each_ends_in_good_order(
    tmp_path: Path, database: tuple[str, str]
) -> None:
    owner, app = database
    values = {
        "DATABASE_OWNER_URL": owner,
        "DATABASE_URL": app,
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_KEY_PREFIX": f"compose-{secrets.token_hex(4)}-",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "WRITE_KEY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ALLOWED_HOSTS": "currents.example.com",
        "SITE_URL": "https://currents.example.com",
        "EMAIL_URL": "smtp://user:password@mail.example.com:587?tls=1",
        "DEFAULT_FROM_EMAIL": "currents@example.com",
    }
    port = free_port()
    assert start("migrate", port, values, tmp_path).wait(120) == 0, (tmp_path / "migrate.log").read_text()
    with ExitStack() as stack:
        running = {name: start(name, port, values, tmp_path) for name in STAY}
        for process in running.values():
            stack.callback(process.kill)
        until(lambda: probe.status(port, "/readyz") == 200, seconds=90)
        with Redis.from_url(settings.REDIS_URL) as redis:
            # Another installation may share this Redis: everything of ours bears our prefix.
            assert [*redis.scan_iter(f"{values['REDIS_KEY_PREFIX']}*")]
            assert [*redis.scan_iter("_kombu*"), *redis.scan_iter("unacked*")] == []
        for process in running.values():
            process.send_signal(signal.SIGTERM)
        ended = {name: process.wait(30) for name, process in running.items()}
    logs = {name: (tmp_path / f"{name}.log").read_text()[-2_000:] for name in STAY}
    assert ended == dict.fromkeys(STAY, 0), logs
