"""Where requests go, prepared once: address, proxy, and all of the request's head that does not change.

Proxies are those of the environment, as curl and most libraries read it: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, also
in small letters. Loopback is never proxied (Go has the same rule): the sandbox is no destination of a company's proxy.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from exporter.destinations.address_guard import AddressGuard
from exporter.version import VERSION

_PORTS = {"http": 80, "https": 443}


class BadProxy(ValueError):
    """A proxy address in the environment cannot be used; the message says which variable and what is expected."""


@dataclass(frozen=True, slots=True)
class Proxy:
    host: str
    port: int
    authorization: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`head` is the request's head up to and without `Authorization` and `Content-Length`. `fault`: why no connection
    can be made at all, in words; so a bad setting is shown where its failed attempts are. `guard` judges the address
    that is connected to, where somebody else chose the host."""

    secure: bool
    host: str
    port: int
    head: bytes = field(repr=False)
    proxy: Proxy | None
    fault: str = ""
    guard: AddressGuard | None = None

    @property
    def origin(self) -> tuple[bool, str, int, Proxy | None, AddressGuard | None]:
        """Requests to the same origin may share connections."""
        return self.secure, self.host, self.port, self.proxy, self.guard

    def guarded(self, guard: AddressGuard, head: bytes = b"") -> Endpoint:
        """The same, for a host that somebody else chose; `head` holds further lines of the request's head."""
        return replace(self, guard=guard, head=self.head + head)


@lru_cache(maxsize=256)
def endpoint(url: str) -> Endpoint:
    """Raises:
    ValueError: the address is not an http or https URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"{url} is not an http or https address.")
    host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    try:
        proxy, fault = _proxy(parts.scheme, host, port), ""
    except BadProxy as error:
        proxy, fault = None, str(error)
    return Endpoint(parts.scheme == "https", host, port, _head(parts, host, port, proxy), proxy, fault)


def _head(parts: SplitResult, host: str, port: int, proxy: Proxy | None) -> bytes:
    named = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        named += f":{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"Host: {named}"]
    if proxy is not None and parts.scheme == "http":
        target = f"http://{named}{target}"
        lines += [f"Proxy-Authorization: {proxy.authorization.decode()}"] if proxy.authorization else []
    lines += [
        "Content-Type: application/json",
        f"User-Agent: currents-admin/{VERSION}",
        "Accept-Encoding: identity",
    ]
    return "\r\n".join([f"POST {target} HTTP/1.1", *lines, ""]).encode("ascii")


def basic(user: str, password: str = "") -> bytes:
    """The value of an `Authorization` header. It is as secret as what is in it."""
    return b"Basic " + b64encode(f"{user}:{password}".encode())


def _proxy(scheme: str, host: str, port: int) -> Proxy | None:
    address = getproxies_environment().get(scheme, "")
    if not address or _is_loopback(host) or proxy_bypass(f"{host}:{port}"):
        return None
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError
        authorization = (
            basic(unquote(parts.username), unquote(parts.password or "")) if parts.username else b""
        )
        return Proxy(parts.hostname, parts.port or 80, authorization)
    except ValueError:
        raise BadProxy(f"{scheme.upper()}_PROXY must look like http://proxy.example.com:3128.") from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
