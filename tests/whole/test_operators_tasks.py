"""What the operations page has an operator do with a database that holds events: its blocks are run as they stand."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from currents_admin.supervisor import postgres
from tests.support.factories import event
from tests.support.serving import database_url, serving, surroundings

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
_EVENTS = "SELECT coalesce(sum(end_event - first_event), 0)::int FROM exporter_eventbatch"


@dataclass
class Installation:
    """A database of its own, its owner's address and that of the role the product runs as."""

    owner: str
    app: str

    def manage(self, *words: str, **variables: str) -> str:
        given = {"DATABASE_URL": self.app, "DATABASE_OWNER_URL": self.owner, **variables}
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=surroundings() | given,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2_000:]
        return done.stdout

    def events(self) -> int:
        with psycopg.connect(self.owner) as line:
            row = line.execute(_EVENTS).fetchone()
        assert row is not None
        return int(row[0])

    def with_password(self, password: str) -> Installation:
        return Installation(self.owner, self.app.replace(":old-one@", f":{password}@"))


@pytest.fixture
def installation() -> Iterator[Installation]:
    """Prepared, with a workspace `shop`; its owner may do what the page lets it."""
    name = f"operated_{secrets.token_hex(4)}"
    owner, app = f"{name}_owner", f"{name}_app"
    place = database_url(name).rpartition("@")[2]
    with psycopg.connect(database_url(), autocommit=True) as line:
        _run(line, f"CREATE ROLE {owner} LOGIN CREATEROLE CREATEDB PASSWORD 'made-up'")
        try:
            _run(line, f"CREATE DATABASE {name} OWNER {owner}")
            made = Installation(
                f"postgresql://{owner}:made-up@{place}", f"postgresql://{app}:old-one@{place}"
            )
            made.manage("prepare")
            made.manage("create_workspace", "--slug", "shop", "--name", "Shop", "--admin", "you@example.com")
            yield made
        finally:
            for database in (name, "currents_restored"):
                _run(line, f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            for role in (app, owner):
                _run(line, f"DROP ROLE IF EXISTS {role}")


def _run(line: psycopg.Connection, statement: str) -> None:
    line.execute(sql.SQL(statement))


def block(heading: str) -> str:
    """The first block for a shell below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def post(port: int, token: str, number: int) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        body = json.dumps({"events": [event(number)]})
        line.request("POST", "/api/v1/events", body, {"Authorization": f"Bearer {token}"})
        return line.getresponse().status
    finally:
        line.close()


def test_a_dump_is_restored_by_the_pages_commands(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps([event(number) for number in range(50)]))
    installation.manage("import_events", "--workspace", "shop", str(tmp_path / "one.json"))
    assert installation.events() == 50
    restored = urlsplit(installation.owner)._replace(path="/currents_restored").geturl()
    programs = f"{postgres._programs()}:/usr/bin:/bin"
    addresses = {"DATABASE_OWNER_URL": installation.owner, "RESTORED_URL": restored, "PATH": programs}
    done = subprocess.run(
        ["sh", "-e"],
        input=block("Backup and restore"),
        cwd=tmp_path,
        env=addresses,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    there = Installation(restored, installation.app.rpartition("/")[0] + "/currents_restored")
    there.manage("prepare")
    there.manage("check_ledger")
    assert there.events() == 50


def test_the_databases_password_is_rotated_beside_a_running_web(
    installation: Installation, tmp_path: Path
) -> None:
    token = installation.manage("create_intake_token", "--workspace", "shop", "Braze").split()[-1]
    after = installation.with_password("new-one")
    with serving(tmp_path, DATABASE_URL=installation.app) as web:
        assert post(web.port, token, 1) == 202
        after.manage("prepare")
        assert post(web.port, token, 2) == 202, "open connections stay"
    with pytest.raises(psycopg.OperationalError), psycopg.connect(installation.app, connect_timeout=5):
        pass
    with serving(tmp_path, DATABASE_URL=after.app) as web:
        assert post(web.port, token, 3) == 202
    assert installation.events() == 3
