"""Lines for the log: an address that is a secret is shortened, wherever a line quotes it."""

from __future__ import annotations

import logging
import re
from typing import Any

# What follows opens a door: an invitation, a new password, a sign-in.
_SECRET_PATHS = re.compile(r"(/(?:invitations|accounts/password/reset/key|accounts/unlock)/)[^\s/?\"']+")


class WithoutSecretPaths(logging.Formatter):
    """Covers the message, its arguments and a traceback alike."""

    def format(self, record: logging.LogRecord) -> str:
        return _SECRET_PATHS.sub(r"\1…", super().format(record))


def settings(level: str) -> dict[str, Any]:
    """Django's `LOGGING`: everything to standard error, as lines."""
    # Django has handlers of its own for these, with lines of their own.
    taken_over: dict[str, Any] = {
        name: {"handlers": [], "propagate": True} for name in ("django", "django.server")
    }
    quieter = ("django.db.backends", "urllib3", "kombu", "django.server")
    line = {
        "()": "currents_admin.log_lines.WithoutSecretPaths",
        "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {name: {**taken_over.get(name, {}), "level": "WARNING"} for name in quieter}
        | {"django": taken_over["django"]},
    }
