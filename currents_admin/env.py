"""Readers for the environment: each returns a typed value or raises one plain sentence. Those for addresses are
in `env_urls`, `env_redis` and `env_mail`.

`BadEnvironment` is caught by `manage.py`, the WSGI entry and Celery's entry alike, so a wrong value stops
the start with its sentence and without a traceback.
"""

from __future__ import annotations

import os
import re
from ipaddress import ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


class BadEnvironment(ImproperlyConfigured):
    """A variable of the environment cannot be used; the text says in one line which one and what to give."""

    def __init__(self, sentence: str) -> None:
        # It may quote what was given.
        super().__init__("".join(sign if sign.isprintable() else "\ufffd" for sign in sentence))


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# Secrets may be in a file that `…_FILE` names, which is how container platforms pass them.
SECRETS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "WRITE_KEY_ENCRYPTION_KEYS",
    "EMAIL_URL",
    "METRICS_TOKEN",
    "CURRENTS_OIDC_CLIENT_SECRET",
    "CURRENTS_DEMO_PASSWORD",
    "SENTRY_DSN",
    "OTEL_EXPORTER_OTLP_HEADERS",
)


def text(name: str, default: str = "") -> str:
    """The variable, stripped; empty counts as unset.

    Raises:
        BadEnvironment: a secret is given twice, its file cannot be read, or the value is not text.
    """
    value = os.environ.get(name, "").strip()
    file = os.environ.get(f"{name}_FILE", "").strip() if name in SECRETS else ""
    if not file:
        return _checked(name, value) or default
    if value:
        raise BadEnvironment(f"{name} and {name}_FILE are both set: keep one of them.")
    try:
        content = Path(file).read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise BadEnvironment(f"{name}_FILE names {file}, which cannot be read: {why}.") from None
    return _checked(f"The file of {name}_FILE", content) or default


def _checked(name: str, value: str) -> str:
    """Neither bytes that are no UTF-8, which Python turns into surrogates, nor NUL can be a part of any setting."""
    if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value):
        raise BadEnvironment(f"{name} must be text in UTF-8; it holds other bytes.")
    return value


def line(name: str, default: str = "") -> str:
    """The variable, which must be one line."""
    value = text(name, default)
    check_line(name, value)
    return value


def check_line(name: str, value: str) -> None:
    """Raises BadEnvironment where a value holds a line break or another control character."""
    if _CONTROL.search(value):
        raise BadEnvironment(
            f"{name} must be one line; it holds a line break, a tab or another control character."
        )


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name)
    return as_flag(name, value) if value else default


def as_flag(name: str, value: str) -> bool:
    """The truth value of `value`, which was found under `name`."""
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


def networks(name: str, *, here: bool) -> list[str]:
    """A comma-separated list of networks such as 10.0.0.0/8; unless any is given, this computer's own if `here`."""
    given = words(name)
    for word in given:
        try:
            ip_network(word)
        except ValueError:
            raise BadEnvironment(f"{name} must list networks such as 10.0.0.0/8, not “{word}”.") from None
    return given or (["127.0.0.0/8", "::1/128"] if here else [])


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of the words, however it is capitalised."""
    value = text(name, default)
    for word in allowed:
        if word.lower() == value.lower():
            return word
    raise BadEnvironment(f"{name} must be one of {', '.join(allowed)}, not “{value}”.")


def folders(name: str) -> list[str]:
    """A comma-separated list of folders, each from the root."""
    found = words(name)
    for folder in found:
        if not folder.startswith("/"):
            raise BadEnvironment(
                f"{name} must list folders from the root, such as /srv/currents, not “{folder}”."
            )
    return found
