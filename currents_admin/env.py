"""Readers for the environment: each answers a typed value or raises one plain sentence.

`BadEnvironment` is caught by `manage.py`, the WSGI entry and Celery's entry alike, so a wrong value stops
the start with its sentence and without a traceback.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


class BadEnvironment(ImproperlyConfigured):
    """A variable of the environment cannot be used; the text says which one and what to give."""


def text(name: str, default: str = "") -> str:
    """The variable, stripped; empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name).lower()
    if value in ("", "1", "true", "yes", "on"):
        return default if value == "" else True
    if value in ("0", "false", "no", "off"):
        return False
    raise BadEnvironment(f"{name} must be on or off (1 or 0), not “{value}”.")


def number(name: str, default: float, *, least: float, most: float) -> float:
    value = text(name)
    try:
        result = float(value) if value else default
    except ValueError:
        raise BadEnvironment(f"{name} must be a number, not “{value}”.") from None
    if not least <= result <= most:
        raise BadEnvironment(f"{name} must lie between {least:g} and {most:g}, not {value}.")
    return result


def whole(name: str, default: int, *, least: int, most: int) -> int:
    result = number(name, default, least=least, most=most)
    if result != int(result):
        raise BadEnvironment(f"{name} must be a whole number, not {text(name)}.")
    return int(result)


def words(name: str) -> list[str]:
    """A comma-separated list without empty entries."""
    return [word.strip() for word in text(name).split(",") if word.strip()]


def web_address(name: str, default: str) -> str:
    """An http or https address without a trailing slash."""
    value = text(name, default).rstrip("/")
    parts = _split(name, value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadEnvironment(f"{name} must be an address such as https://example.com, not “{value}”.")
    return value


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise BadEnvironment(f"{name} must be one of {', '.join(allowed)}, not “{value}”.")
    return value


def database(name: str, value: str) -> dict[str, Any]:
    """Django's settings for a `postgresql://user:password@host:port/name` address; a host in the query
    (`?host=/run/postgresql`) is a socket folder."""
    parts = _split(name, value)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise BadEnvironment(f"{name} must look like postgresql://user:password@host:5432/database.")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def redis(name: str, value: str) -> str:
    if _split(name, value).scheme not in ("redis", "rediss", "redis+socket", "unix"):
        raise BadEnvironment(f"{name} must look like redis://host:6379/0.")
    return value


def mail(name: str, default: str) -> dict[str, Any]:
    """Django's mail settings for `smtp://user:password@host:587?tls=1`, `smtps://…`, `file:///folder` or
    `console://`."""
    value = text(name, default)
    parts = _split(name, value)
    backend = "django.core.mail.backends."
    if parts.scheme == "file":
        return {"EMAIL_BACKEND": backend + "filebased.EmailBackend", "EMAIL_FILE_PATH": unquote(parts.path)}
    if parts.scheme == "console":
        return {"EMAIL_BACKEND": backend + "console.EmailBackend"}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise BadEnvironment(f"{name} must look like smtp://user:password@host:587?tls=1 or file:///folder.")
    return {
        "EMAIL_BACKEND": backend + "smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": dict(parse_qsl(parts.query)).get("tls", "") in ("1", "true"),
    }


def _split(name: str, value: str) -> SplitResult:
    """The parts of an address. What is wrong with one is not quoted: it may hold a password."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise BadEnvironment(f"{name} is no address: look at its brackets and its port.") from None
    return parts
