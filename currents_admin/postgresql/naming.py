"""The name under which a process is seen in `pg_stat_activity`: its part and its host."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

# PostgreSQL cuts what is longer.
_MOST_BYTES = 63


def application_name(arguments: Sequence[str] | None = None, host: str = "") -> str:
    """Such as `currents worker@host-2`; a command by its own name, such as `currents status@host-2`."""
    part = _part(list(sys.argv if arguments is None else arguments))
    name = f"currents {part}@{host or socket.gethostname()}"
    return name.encode("ascii", "replace").decode()[:_MOST_BYTES]


def _part(words: list[str]) -> str:
    program = "/".join(Path(words[0] if words else "").parts[-2:])
    if "gunicorn" in program:
        return "web"
    if "celery" not in program:
        return words[1] if len(words) > 1 and not words[1].startswith("-") else "command"
    if "beat" in words:
        return "beat"
    names = [after for word, after in pairwise(words) if word in ("-n", "--hostname")]
    return names[0].partition("@")[0] if names else "worker"
