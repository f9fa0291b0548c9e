"""What belongs to one installation: the folder `var/`, the addresses of embedded services, generated secrets.

`CURRENTS_VAR` names another folder than `var/` (the tests use `var/test`). Only the supervisor writes
`services.json`; everything else reads it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from currents_admin import env

# Only to let the settings load without services (`makemigrations --check`): connecting fails at once.
NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
# Set by the command line for the commands that change tables.
AS_OWNER = "_CURRENTS_AS_OWNER"
NO_BROKER = "redis://127.0.0.1:1/0"
# A peer that is gone without a word is noticed within 6 s: after so many seconds of rest it is asked, that often and so
# many seconds apart, and for what was sent to it so many milliseconds are given.
ASKED_AFTER, ASKED_APART, ASKED_TIMES, UNANSWERED_MS = 3, 1, 3, 5_000
# The same for a TCP connection to Redis. What a system does not know is left out.
NO_HALF_OPEN = {
    getattr(socket, name): value
    for name, value in (
        ("TCP_KEEPIDLE", ASKED_AFTER),
        ("TCP_KEEPINTVL", ASKED_APART),
        ("TCP_KEEPCNT", ASKED_TIMES),
        ("TCP_USER_TIMEOUT", UNANSWERED_MS),
    )
    if hasattr(socket, name)
}

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = (_PACKAGE / "templates").is_dir()
# Templates, static files and translations lie beside this package in a checkout and within it once installed.
FILES = _PACKAGE if _INSTALLED else _PACKAGE.parent
# What is written goes to the checkout; an installed product writes where it is started, not among its packages.
HOME = Path.cwd() if _INSTALLED else _PACKAGE.parent


def folder() -> Path:
    """The folder that holds everything a run writes."""
    return Path(env.text("CURRENTS_VAR", str(HOME / "var"))).resolve()


@dataclass(frozen=True, slots=True)
class Services:
    """Addresses of the embedded services; an empty one is not running. `database_url` is the owner's, for
    `manage.py prepare` and for people; the product runs as the role of `runs_as_url`."""

    database_url: str = ""
    runs_as_url: str = ""
    redis_url: str = ""
    sandbox_url: str = ""

    @classmethod
    def read(cls) -> Services:
        try:
            found = json.loads((folder() / "services.json").read_text())
        except (OSError, ValueError):
            return cls()
        return cls(**{name: str(found.get(name, "")) for name in cls.__slots__})

    def write(self) -> None:
        """Replaces `services.json` in one step, readable by its owner only (the addresses hold passwords)."""
        write_private(folder() / "services.json", json.dumps(asdict(self)))


def keep_to_ourselves() -> None:
    """What this process and its children write from now on is its owner's alone."""
    os.umask(0o077)


def close_to_others() -> None:
    """Takes everybody else's rights to what earlier versions wrote below `var/`. What PostgreSQL needs as another
    system user is given to it afterwards."""
    for place in (folder(), *(folder() / name for name in ("log", "mail", "redis", "secrets", "static"))):
        if place.is_dir() and place.stat().st_uid == os.geteuid() and not place.stat().st_mode & stat.S_ISVTX:
            place.chmod(0o700)


def write_private(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(path)


def secret(name: str, *, required: bool) -> str:
    """The variable; where it is not required and not given, a value made once and kept in `var/secrets/`."""
    given = env.text(name)
    if given:
        return given
    if required:
        raise env.BadEnvironment(f"{name} must be set in production: give it a long random value.")
    return kept(name, secrets.token_urlsafe(48))


def key_list(name: str, *, required: bool) -> list[str]:
    """Fernet keys, newest first; made and kept like `secret` where none is given.

    Raises:
        BadEnvironment: a key is not 32 bytes in URL-safe base64.
    """
    keys = env.words(name)
    if not keys and required:
        raise env.BadEnvironment(
            f"{name} must be set in production: one Fernet key or several, newest first."
        )
    keys = keys or [kept(name, Fernet.generate_key().decode())]
    for place, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            raise env.BadEnvironment(
                f"Key {place} of {name} cannot be used: a key is 32 random bytes in URL-safe base64."
            ) from None
    return keys


def kept(name: str, fresh: str) -> str:
    """The value kept in `var/secrets/` under this name, its owner's alone; `fresh` if there is none yet."""
    path = folder() / "secrets" / name.lower()
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # Two processes may start at once: the first to create the file decides, the other reads it.
            with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(fresh)
        except FileExistsError:
            pass
    return path.read_text().strip()
