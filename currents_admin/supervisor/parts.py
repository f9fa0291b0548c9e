"""The parts that are the product: how web, workers, beat and the sandbox are started."""

from __future__ import annotations

import sys

from currents_admin import demo_keys, local
from currents_admin.supervisor import port
from currents_admin.supervisor.part import Part

_CELERY = ("-m", "celery", "-A", "currents_admin")
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def web(on_port: int) -> Part:
    return _python(
        "web",
        *("-m", "gunicorn", "-c", "currents_admin/web_server.py", "--bind", f"{port.HOST}:{on_port}"),
        "currents_admin.wsgi:application",
    )


def worker() -> Part:
    return _worker("worker", threads=16, queues="delivery")


def retry_worker() -> Part:
    """Threads of its own for connectors whose last attempt failed: they never hold up healthy ones."""
    return _worker("retry-worker", threads=8, queues="retry,chores")


def beat() -> Part:
    return _python("beat", *_CELERY, "beat")


def sandbox(on_port: int) -> Part:
    keys = ("--key", demo_keys.GOOD, "--unknown-key", "401") if demo_keys.wanted() else ()
    return _python("sandbox", "-m", "exporter.sandbox", "--port", str(on_port), *keys)


def demo_traffic() -> Part:
    return _python("demo-traffic", "-m", "currents_admin", "demo_traffic")


def _worker(name: str, *, threads: int, queues: str) -> Part:
    return _python(
        name,
        *_CELERY,
        *("worker", "-P", "threads", "-c", str(threads), "-Q", queues, "-n", f"{name}@%h"),
        *_ALONE,
    )


def _python(name: str, *arguments: str) -> Part:
    return Part(name=name, command=[sys.executable, *arguments], log=local.folder() / "log" / f"{name}.log")
