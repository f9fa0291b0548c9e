"""Runs a command beside services of its own: what `make test` uses."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from types import FrameType

from cryptography.fernet import Fernet
from redis import Redis

from currents_admin import env, local
from currents_admin.supervisor import leftovers, port
from currents_admin.supervisor.claim import claimed
from currents_admin.supervisor.failure import Stopping
from currents_admin.supervisor.house import House
from currents_admin.supervisor.run import start_postgres, start_redis


def run(command: list[str], *, durable: bool) -> int:
    """The command's exit status. Given services are used instead of embedded ones, secrets are throwaway
    ones, and nothing it starts can reach the real Segment by accident."""
    os.environ["CURRENTS_VAR"] = str(local.folder())
    with claimed():
        house = House()
        house.listen()
        try:
            leftovers.clear()
            given_redis = env.text("REDIS_URL")
            surroundings = {
                "DATABASE_URL": env.text("DATABASE_URL") or start_postgres(house, durable=durable),
                "REDIS_URL": given_redis or start_redis(house),
                **_throwaway(),
            }
            status = _run(command, surroundings)
            if given_redis:
                _forget(given_redis, surroundings["REDIS_KEY_PREFIX"])
        except Stopping:
            status = 130
        finally:
            house.stop()
    return status


def _throwaway() -> dict[str, str]:
    nowhere = f"http://{port.HOST}:9"
    fresh = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "WRITE_KEY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
        "SITE_URL": f"http://{port.HOST}:8000",
        "SEGMENT_US_URL": nowhere,
        "SEGMENT_EU_URL": nowhere,
        "REDIS_KEY_PREFIX": f"test-{secrets.token_hex(4)}-",
    }
    return {name: env.text(name) or value for name, value in fresh.items()}


def _run(command: list[str], surroundings: dict[str, str]) -> int:
    """In our own process group, so that Ctrl-C reaches the command too; we wait for it to end by itself."""
    process = subprocess.Popen(command, env={**os.environ, **surroundings})

    def hand_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, hand_on)
    signal.signal(signal.SIGHUP, hand_on)
    status = process.wait()
    return status if status >= 0 else 128 - status


def _forget(redis_url: str, prefix: str) -> None:
    """Removes what the command left in a Redis that is not ours."""
    client = Redis.from_url(redis_url, socket_timeout=5)
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)
    client.close()
