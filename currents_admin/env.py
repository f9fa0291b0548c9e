"""Readers for the environment: each answers a typed value or raises one plain sentence. Those for addresses are
in `env_urls`.

`BadEnvironment` is caught by `manage.py`, the WSGI entry and Celery's entry alike, so a wrong value stops
the start with its sentence and without a traceback.
"""

from __future__ import annotations

import os

from django.core.exceptions import ImproperlyConfigured


class BadEnvironment(ImproperlyConfigured):
    """A variable of the environment cannot be used; the text says which one and what to give."""


def text(name: str, default: str = "") -> str:
    """The variable, stripped; empty counts as unset."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name)
    return as_flag(name, value) if value else default


def as_flag(name: str, value: str) -> bool:
    """The truth value that `value`, found under `name`, spells."""
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off"):
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


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise BadEnvironment(f"{name} must be one of {', '.join(allowed)}, not “{value}”.")
    return value
