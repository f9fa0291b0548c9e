"""The parts of addresses in the environment. A sentence about one never quotes it: it may hold a password.

What is none raises `BadEnvironment`.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from currents_admin import env
from currents_admin.env import BadEnvironment

_HOST = re.compile(
    r"\.?(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*",
    # Without the second, ı and ſ are letters of its kind.
    re.IGNORECASE | re.ASCII,
)


def split(name: str, value: str) -> SplitResult:
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


def plain(name: str, part: str) -> str:
    """The part with its %-signs resolved."""
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise BadEnvironment(
            f"{name} holds %-signs that are no UTF-8: write each sign as its bytes there."
        ) from None


def from_root(path: str) -> bool:
    """`file:mail`, without its slashes, would be a folder of wherever the process was started."""
    return path.startswith("/") and bool(path.strip("/"))


def is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        try:
            return bool(IPv6Address(host[1:-1]))
        except ValueError:
            return False
    return bool(_HOST.fullmatch(host))


def check_host(name: str, parts: SplitResult) -> None:
    host = parts.hostname or ""
    # In small letters the sign for kelvin is a k.
    plain = parts.netloc.rpartition("@")[2].isascii()
    if not plain or host.startswith(".") or not is_host(f"[{host}]" if ":" in host else host):
        raise BadEnvironment(f"{name} must name its host in letters of the web (xn--… for others).")


def read_query(name: str, parts: SplitResult) -> dict[str, str]:
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


def only(name: str, query: dict[str, str], known: tuple[str, ...]) -> None:
    for word in query:
        if word not in known:
            meant = f"only {', '.join(known)}" if known else "nothing"
            raise BadEnvironment(f"{name} takes {meant} after its “?”, not “{word}”.")
