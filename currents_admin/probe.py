"""Asks a web process, as a rule the one on this machine, how it is.

`python -m currents_admin.probe` is the health check of a container.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from currents_admin import env


def status(port: int, path: str, *, seconds: float = 5, host: str = "127.0.0.1") -> int:
    """The HTTP status of the answer, 0 without one."""
    connection = HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(status(env.whole("PORT", 8000, least=1, most=65535), "/healthz") != 200)
