"""Addresses in the environment: each means what a person expects of its spelling, or is one plain sentence.

A sentence never quotes an address that may hold a password.
"""

from __future__ import annotations

import re
from email.utils import getaddresses
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit
from urllib.request import getproxies_environment

from currents_admin import env, env_postgresql
from currents_admin.env import BadEnvironment

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(
    r"\.?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*",
    # Without the second, ı and ſ are letters of its kind.
    re.IGNORECASE | re.ASCII,
)
_CERTIFICATES = ("required", "optional", "none")
_REDIS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class RedisAddress(NamedTuple):
    """One Redis in the spellings of redis-py and kombu, which differ for sockets."""

    url: str
    broker_url: str


def web(name: str, default: str) -> str:
    """An http or https address without a trailing slash, its scheme and host in lower case and without the
    default port."""
    return _web(name, env.text(name, default))


def webs(name: str) -> list[str]:
    """Such addresses, comma-separated."""
    return [_web(name, word) for word in env.words(name)]


def _web(name: str, value: str) -> str:
    parts = _split(name, value.rstrip("/"))
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise BadEnvironment(f"{name} must be an address such as https://example.com.")
    if parts.query or parts.fragment or parts.username is not None:
        raise BadEnvironment(f"{name} must be an address without a user, “?” or “#”.")
    _check_host(name, parts)
    return urlunsplit((parts.scheme, _netloc(parts), parts.path, "", ""))


def site(name: str, default: str) -> str:
    """The address people use: an origin, because the product answers at the root of its host."""
    value = web(name, default)
    if urlsplit(value).path:
        raise BadEnvironment(f"{name} must be an address without a path, such as https://example.com.")
    return value


def check_proxies() -> None:
    """Raises BadEnvironment where the environment names a proxy that cannot be used."""
    for scheme, address in getproxies_environment().items():
        name = f"{scheme.upper()}_PROXY"
        if scheme not in _DEFAULT_PORTS:
            continue
        parts = _split(name, address if "://" in address else f"http://{address}")
        if (
            parts.scheme != "http"
            or not parts.hostname
            or parts.path.strip("/")
            or parts.query
            or parts.fragment
        ):
            raise BadEnvironment(f"{name} must look like http://proxy.example.com:3128.")
        _check_host(name, parts)
        _plain(name, parts.netloc)


def hosts(name: str) -> list[str]:
    """Host names, comma-separated, as Django's `ALLOWED_HOSTS` has them: `.example.com` is every name below, `*`
    any."""
    found = env.words(name)
    for host in found:
        if host != "*" and not _is_host(host):
            raise BadEnvironment(
                f"{name} must list host names alone, such as currents.example.com,10.0.0.5,[::1], not “{host}”."
            )
    return found


def database(name: str, value: str) -> dict[str, Any]:
    """Django's settings for a `postgresql://user:password@host:port/name` address.

    Its query holds libpq's parameters (a `host` there is a socket folder) and two that other programs write into
    such addresses: `schema` is the search path, `pgbouncer=true` does without prepared statements.
    """
    parts = _split(name, value)
    database = _plain(name, parts.path.strip("/"))
    if parts.scheme not in ("postgres", "postgresql") or not database or "/" in parts.path.strip("/"):
        raise BadEnvironment(f"{name} must look like postgresql://user:password@host:5432/database.")
    options: dict[str, Any] = _query(name, parts)
    schema, pooled = options.pop("schema", ""), options.pop("pgbouncer", "")
    env_postgresql.check(name, options)
    if schema:
        options["options"] = f"{options.get('options', '')} {_search_path(schema)}".strip()
    if pooled and env.as_flag(f"pgbouncer in {name}", pooled):
        options["prepare_threshold"] = None
    host = _plain(name, parts.hostname or "")
    if host and not host.startswith("/") and "," not in host:
        _check_host(name, parts)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _once(name, "dbname", options, database),
        "USER": _once(name, "user", options, _plain(name, parts.username or "")),
        "PASSWORD": _once(name, "password", options, _plain(name, parts.password or "")),
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


def redis(name: str, value: str) -> RedisAddress:
    """`redis://`, `rediss://` (certificates are checked) or `unix:///socket?db=0`."""
    parts = _split(name, value)
    if parts.scheme == "redis+socket":
        parts = parts._replace(scheme="unix")
    query = _query(name, parts)
    if parts.scheme == "unix":
        return _redis_socket(name, parts, query)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise BadEnvironment(f"{name} must look like redis://host:6379/0, rediss://… or unix:///socket?db=0.")
    _check_host(name, parts)
    _plain(name, parts.username or ""), _plain(name, parts.password or "")
    database = parts.path.strip("/") or query.pop("db", "0")
    _check_number(name, database)
    if parts.scheme == "rediss":
        _check_tls(name, query)
    known = ("ssl_cert_reqs", "ssl_check_hostname", *_REDIS_FILES) if parts.scheme == "rediss" else ()
    _only(name, query, known)
    url = urlunsplit((parts.scheme, parts.netloc, f"/{database}", urlencode(query), ""))
    return RedisAddress(url, url)


def _check_tls(name: str, query: dict[str, str]) -> None:
    """Brings the words into the one spelling that both libraries understand."""
    asked = query.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if asked not in _CERTIFICATES:
        raise BadEnvironment(f"ssl_cert_reqs in {name} must be required, optional or none.")
    query["ssl_cert_reqs"] = asked
    if "ssl_check_hostname" in query:
        checked = env.as_flag(f"ssl_check_hostname in {name}", query["ssl_check_hostname"])
        query["ssl_check_hostname"] = str(checked).lower()
    for word in _REDIS_FILES:
        if word in query and not Path(query[word]).is_file():
            raise BadEnvironment(f"{word} in {name} names no file that can be read.")


def _redis_socket(name: str, parts: SplitResult, query: dict[str, str]) -> RedisAddress:
    database = query.pop("db", "") or query.pop("virtual_host", "") or "0"
    _check_number(name, database)
    _only(name, query, ())
    if not _from_root(parts.path) or parts.hostname or parts.port:
        raise BadEnvironment(f"{name} must name its socket from the root: unix:///run/redis.sock?db=0.")
    where = f"{parts.netloc}{quote(_plain(name, parts.path))}"
    return RedisAddress(f"unix://{where}?db={database}", f"redis+socket://{where}?virtual_host={database}")


def mail(name: str, default: str) -> dict[str, Any]:
    """Django's mail settings for `smtp://user:password@host:587?tls=1`, `smtps://…` (TLS from the first byte),
    `file:///folder` or `console://`."""
    parts = _split(name, env.text(name, default))
    backend = "django.core.mail.backends."
    query = _query(name, parts)
    if parts.scheme == "console":
        _only(name, query, ())
        if parts.netloc or parts.path.strip("/"):
            raise BadEnvironment(f"{name} must be console:// alone, without anything behind it.")
        return {"EMAIL_BACKEND": backend + "console.EmailBackend"}
    if parts.scheme == "file":
        if parts.netloc or not _from_root(parts.path):
            raise BadEnvironment(f"{name} must name its folder from the root: file:///folder.")
        _only(name, query, ())
        folder = Path(_plain(name, parts.path))
        if folder.exists() and not folder.is_dir():
            raise BadEnvironment(f"{name} must name a folder; what it names is a file.")
        return {"EMAIL_BACKEND": backend + "filebased.EmailBackend", "EMAIL_FILE_PATH": str(folder)}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise BadEnvironment(f"{name} must look like smtp://user:password@host:587?tls=1 or file:///folder.")
    _check_host(name, parts)
    _only(name, query, ("tls",))
    implicit = parts.scheme == "smtps"
    tls = env.as_flag(f"tls in {name}", query["tls"]) if "tls" in query else implicit
    if implicit and not tls:
        raise BadEnvironment(f"{name} says smtps, which is TLS, and tls=0: leave one of them out.")
    if parts.port == 465 and not implicit:
        raise BadEnvironment(f"{name} names port 465, where TLS begins at once: write smtps:// there.")
    return {
        "EMAIL_BACKEND": backend + "smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if implicit else 25),
        "EMAIL_HOST_USER": _plain(name, parts.username or ""),
        "EMAIL_HOST_PASSWORD": _plain(name, parts.password or ""),
        "EMAIL_USE_SSL": implicit,
        "EMAIL_USE_TLS": tls and not implicit,
    }


def sender(name: str, default: str) -> str:
    """Who mails are from: `currents@example.com`, or `Currents Admin <currents@example.com>`."""
    value = env.line(name, default)
    # What the parser mends in silence, a mail server need not.
    address = next(iter(getaddresses([value])))[1]
    written = value == address or (value.endswith(f"<{address}>") and len(getaddresses([value])) == 1)
    if not written or not address.rpartition("@")[0] or not _is_host(address.rpartition("@")[2]):
        raise BadEnvironment(f"{name} must be one address of mail, such as Currents <currents@example.com>.")
    return value


def _split(name: str, value: str) -> SplitResult:
    """The parts of an address; the scheme is in lower case. Line breaks, which `urlsplit` would leave out in silence,
    are none of its signs."""
    env.check_line(name, value)
    try:
        parts = urlsplit(value)
        if parts.port == 0:
            raise ValueError("port")
    except ValueError:
        raise BadEnvironment(
            f"{name} is no address: look at its brackets and its port, and write signs in a password as %40 (@), "
            "%2F (/), %23 (#)."
        ) from None
    if "%00" in value:
        raise BadEnvironment(f"{name} holds %00, which no part of an address can be.")
    return parts


def parts(name: str, value: str) -> SplitResult:
    """The parts of an address on the network; whether it names a host at all, and what else it needs, the caller says
    in words of its own.

    Raises:
        BadEnvironment: it is none.
    """
    found = _split(name, value)
    if found.hostname:
        _check_host(name, found)
    return found


def _plain(name: str, part: str) -> str:
    """The part with its %-signs resolved."""
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise BadEnvironment(
            f"{name} holds %-signs that are no UTF-8: write each sign as its bytes there."
        ) from None


def _from_root(path: str) -> bool:
    """`file:mail`, without its slashes, would be a folder of wherever the process was started."""
    return path.startswith("/") and bool(path.strip("/"))


def _netloc(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{parts.port}"


def _is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        try:
            return bool(IPv6Address(host[1:-1]))
        except ValueError:
            return False
    return bool(_HOST.fullmatch(host))


def _check_host(name: str, parts: SplitResult) -> None:
    host = parts.hostname or ""
    # In small letters the sign for kelvin is a k.
    plain = parts.netloc.rpartition("@")[2].isascii()
    if not plain or host.startswith(".") or not _is_host(f"[{host}]" if ":" in host else host):
        raise BadEnvironment(f"{name} must name its host in letters of the web (xn--… for others).")


def _query(name: str, parts: SplitResult) -> dict[str, str]:
    if parts.fragment:
        raise BadEnvironment(f"{name} must be an address without “#”: in a password it is written %23.")
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise BadEnvironment(
            f"{name} cannot be read after its “?”: write name=value there, in UTF-8."
        ) from None
    for word, value in pairs:
        if word in found:
            raise BadEnvironment(f"{name} has “{word}” twice after its “?”: keep one of them.")
        found[word] = value
    return found


def _only(name: str, query: dict[str, str], known: tuple[str, ...]) -> None:
    for word in query:
        if word not in known:
            meant = f"only {', '.join(known)}" if known else "nothing"
            raise BadEnvironment(f"{name} takes {meant} after its “?”, not “{word}”.")


def _check_number(name: str, database: str) -> None:
    if not (database.isascii() and database.isdigit()):
        raise BadEnvironment(f"{name} must give its database as a number, as in redis://host:6379/0.")


def _search_path(schema: str) -> str:
    """As libpq's `options` have it, where backslashes keep blanks together."""
    quoted = '"' + schema.replace('"', '""') + '"'
    return "-csearch_path=" + re.sub(r"([\\\s])", r"\\\1", quoted)
