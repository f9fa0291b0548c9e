"""Settings of the web server (gunicorn), used by `make run` and the container image alike.

One process: each has its own appender, and one does more than the product promises. The application is loaded
in the worker, after the fork (no preloading): it starts threads, and those do not survive a fork.
"""

import os
import signal
import threading
from pathlib import Path
from typing import Any

from currents_admin.postgresql.patience import PATIENCE

workers = 1
worker_class = "currents_admin.front.worker.FrontWorker"
threads = 20
preload_app = False
timeout = 60
# Less than the 15 s after which supervisor and compose end a process by force.
graceful_timeout = 12
keepalive = 75
backlog = 2048
sendfile = False
umask = 0o077
accesslog = None
# gunicorn would let whoever is on this machine set the path and scheme of the application by headers, and a proxy there
# passes on what its clients say. SITE_URL and CURRENTS_TRUSTED_PROXIES decide.
forwarded_allow_ips = ""
forwarder_headers = ""
logger_class = "currents_admin.front.log.FrontLog"
# Its default lies in the home folder.
control_socket_disable = True
# The worker's heartbeat is a change to a file, which a busy disk would delay.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


# Pages ask for what takes milliseconds; if PostgreSQL is silent for this long, people are told.
_DATABASE_SECONDS = 4.0


def post_worker_init(worker: Any) -> None:
    # Only now: Django's settings are there.
    from exporter.dispatch.garbage import spare_collector

    spare_collector()
    PATIENCE.seconds = _DATABASE_SECONDS
    _look_at_database(worker)
    _start_heartbeat()


def _look_at_database(worker: Any) -> None:
    """No request is taken before this version's migrations are there. While the database is away it is of use: it says
    so in words; should migrations turn out to be missing then, it starts again and waits for them."""
    from exporter.operations import pooler, schema

    def wanted() -> bool:
        worker.notify()
        return bool(worker.alive)

    if not schema.await_prepared(wanted, database_too=False):
        schema.look_once_it_answers(lambda: os.kill(os.getpid(), signal.SIGTERM))
    pooler.look_at_start()


def _start_heartbeat() -> None:
    from exporter.dispatch import durations, heartbeats

    durations.watch()
    work = (["web"], threading.Event(), durations.store)
    threading.Thread(target=heartbeats.keep, args=work, name="heartbeat", daemon=True).start()
