"""The address of Redis in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlencode, urlunsplit

from currents_admin import env
from currents_admin.env import BadEnvironment
from currents_admin.env_address import check_host, from_root, only, plain, read_query, split

_CERTIFICATES = ("required", "optional", "none")
_REDIS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class RedisAddress(NamedTuple):
    """One Redis in the spellings of redis-py and kombu, which differ for sockets."""

    url: str
    broker_url: str


def redis(name: str, value: str) -> RedisAddress:
    """`redis://`, `rediss://` (certificates are checked) or `unix:///socket?db=0`."""
    parts = split(name, value)
    if parts.scheme == "redis+socket":
        parts = parts._replace(scheme="unix")
    query = read_query(name, parts)
    if parts.scheme == "unix":
        return _redis_socket(name, parts, query)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise BadEnvironment(f"{name} must look like redis://host:6379/0, rediss://… or unix:///socket?db=0.")
    check_host(name, parts)
    plain(name, parts.username or ""), plain(name, parts.password or "")
    database = parts.path.strip("/") or query.pop("db", "0")
    _check_number(name, database)
    if parts.scheme == "rediss":
        _check_tls(name, query)
    known = ("ssl_cert_reqs", "ssl_check_hostname", *_REDIS_FILES) if parts.scheme == "rediss" else ()
    only(name, query, known)
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
    only(name, query, ())
    if not from_root(parts.path) or parts.hostname or parts.port:
        raise BadEnvironment(f"{name} must name its socket from the root: unix:///run/redis.sock?db=0.")
    where = f"{parts.netloc}{quote(plain(name, parts.path))}"
    return RedisAddress(f"unix://{where}?db={database}", f"redis+socket://{where}?virtual_host={database}")


def _check_number(name: str, database: str) -> None:
    if not (database.isascii() and database.isdigit()):
        raise BadEnvironment(f"{name} must give its database as a number, as in redis://host:6379/0.")
