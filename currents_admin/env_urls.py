"""Addresses in the environment: each means what a person expects of its spelling, or is one plain sentence."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import getproxies_environment

from currents_admin import env, env_postgresql
from currents_admin.env import BadEnvironment
from currents_admin.env_address import check_host, is_host, plain, read_query, split

_DEFAULT_PORTS = {"http": 80, "https": 443}


def web(name: str, default: str) -> str:
    """An http or https address without a trailing slash, its scheme and host in lower case and without the
    default port."""
    return _web(name, env.text(name, default))


def webs(name: str) -> list[str]:
    """Such addresses, comma-separated."""
    return [_web(name, word) for word in env.words(name)]


def _web(name: str, value: str) -> str:
    parts = split(name, value.rstrip("/"))
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise BadEnvironment(f"{name} must be an address such as https://example.com.")
    if parts.query or parts.fragment or parts.username is not None:
        raise BadEnvironment(f"{name} must be an address without a user, “?” or “#”.")
    check_host(name, parts)
    return urlunsplit((parts.scheme, _netloc(parts), parts.path, "", ""))


def _netloc(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def site(name: str, default: str) -> str:
    """The address people use: an origin, because the product answers at the root of its host."""
    value = web(name, default)
    if urlsplit(value).path:
        raise BadEnvironment(f"{name} must be an address without a path, such as https://example.com.")
    return value


def parts(name: str, value: str) -> SplitResult:
    """The parts of an address on the network; whether it names a host at all, and what else it needs, the caller says
    in words of its own.

    Raises:
        BadEnvironment: it is none.
    """
    found = split(name, value)
    if found.hostname:
        check_host(name, found)
    return found


def check_proxies() -> None:
    """Raises BadEnvironment where the environment names a proxy that cannot be used."""
    for scheme, address in getproxies_environment().items():
        name = f"{scheme.upper()}_PROXY"
        if scheme not in _DEFAULT_PORTS:
            continue
        parts = split(name, address if "://" in address else f"http://{address}")
        if (
            parts.scheme != "http"
            or not parts.hostname
            or parts.path.strip("/")
            or parts.query
            or parts.fragment
        ):
            raise BadEnvironment(f"{name} must look like http://proxy.example.com:3128.")
        check_host(name, parts)
        plain(name, parts.netloc)


def hosts(name: str) -> list[str]:
    """Host names, comma-separated, as Django's `ALLOWED_HOSTS` has them: `.example.com` is every name below, `*`
    any."""
    found = env.words(name)
    for host in found:
        if host != "*" and not is_host(host):
            raise BadEnvironment(
                f"{name} must list host names alone, such as currents.example.com,10.0.0.5,[::1], not “{host}”."
            )
    return found


def database(name: str, value: str) -> dict[str, Any]:
    """Django's settings for a `postgresql://user:password@host:port/name` address.

    Its query holds libpq's parameters (a `host` there is a socket folder) and two that other programs write into
    such addresses: `schema` is the search path, `pgbouncer=true` does without prepared statements.
    """
    parts = split(name, value)
    database = plain(name, parts.path.strip("/"))
    if parts.scheme not in ("postgres", "postgresql") or not database or "/" in parts.path.strip("/"):
        raise BadEnvironment(f"{name} must look like postgresql://user:password@host:5432/database.")
    options: dict[str, Any] = read_query(name, parts)
    schema, pooled = options.pop("schema", ""), options.pop("pgbouncer", "")
    env_postgresql.check(name, options)
    if schema:
        options["options"] = f"{options.get('options', '')} {_search_path(schema)}".strip()
    if pooled and env.as_flag(f"pgbouncer in {name}", pooled):
        options["prepare_threshold"] = None
    host = plain(name, parts.hostname or "")
    if host and not host.startswith("/") and "," not in host:
        check_host(name, parts)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _once(name, "dbname", options, database),
        "USER": _once(name, "user", options, plain(name, parts.username or "")),
        "PASSWORD": _once(name, "password", options, plain(name, parts.password or "")),
        "HOST": options.pop("host", "") or host,
        "PORT": _once(name, "port", options, str(parts.port or "")),
        "OPTIONS": options,
    }


def _once(name: str, word: str, options: dict[str, Any], given: str) -> str:
    """What stands in the address, or after its “?”."""
    asked: str = options.pop(word, "")
    if asked and given and asked != given:
        raise BadEnvironment(f"{name} says its {word} twice, before and after its “?”: keep one of them.")
    return asked or given


def _search_path(schema: str) -> str:
    """As libpq's `options` have it, where backslashes keep blanks together."""
    quoted = '"' + schema.replace('"', '""') + '"'
    return "-csearch_path=" + re.sub(r"([\\\s])", r"\\\1", quoted)
