"""The product's parts as processes of our own, each of which can be killed, frozen, stopped and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from currents_admin import local, probe
from currents_admin.supervisor import parts, port, postgres, redis
from currents_admin.supervisor.part import ROOT, Part
from tests.faults.waiting import NotInTime, until

LEASE_SECONDS = 5
# What the surroundings may set and a run of faults must not see.
_FOREIGN = (
    *(
        "DATABASE_URL",
        "REDIS_URL",
        "REDIS_KEY_PREFIX",
        "SECRET_KEY",
        "WRITE_KEY_ENCRYPTION_KEYS",
        "ALLOWED_HOSTS",
    ),
    *(
        "SITE_URL",
        "DEBUG",
        "CURRENTS_EXPIRY_HOURS",
        "CURRENTS_RETENTION_HOURS",
        "CURRENTS_INTAKE_RATE",
        "EMAIL_URL",
    ),
)
SERVICES = ("postgres", "redis", "sandbox")
USERS = ("web", "worker", "retry-worker", "beat")
_PATIENCE = 60.0


class House:
    """Everything the parts write lies in `folder`, what proves the outcome in `records`; both are made anew."""

    def __init__(self, folder: Path, records: Path) -> None:
        self.folder, self.records = folder, records
        self.parts: dict[str, Part] = {}
        self.web_ports: dict[str, int] = {}
        self.ids_file = records / "ids"
        self.bug_file = records / "bug"
        self.sandbox_host, self.sandbox_port, self.bucket_port = port.HOST, 0, 0
