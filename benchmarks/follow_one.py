"""`python -m benchmarks.follow_one SOURCE`: follows a source to its end in a process of its own; prints its highest
resident memory in MB, before and after."""

from __future__ import annotations

import sys
from pathlib import Path

import django

django.setup()

from exporter.sources.following import follow  # noqa: E402 - Django first


def _highest() -> float:
    """What `getrusage` tells began with the process that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


before = _highest()
follow(int(sys.argv[1]), seconds=3600)
print(before, _highest())
