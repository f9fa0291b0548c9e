"""`python -m benchmarks.follow_one SOURCE`: follows a source to its end in a process of its own; prints its highest
resident memory in MB, before and after."""

from __future__ import annotations

import resource
import sys

import django

django.setup()

from exporter.sources.following import follow  # noqa: E402 - Django first


def _highest() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


before = _highest()
follow(int(sys.argv[1]), seconds=3600)
print(before, _highest())
