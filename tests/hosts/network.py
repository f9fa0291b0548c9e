"""Hosts as network namespaces, each with one link to ours, which passes on between them; a cut link drops packets in
silence, as a dead switch does.

A way is cut by teaching a side the wrong hardware address of the other: what it sends goes nowhere and it hears of
nothing. That needs no module of the kernel and works for each way alone.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_NOBODY = "02:00:00:00:00:99"
_PASSES_ON = Path("/proc/sys/net/ipv4/ip_forward")


class Way(Enum):
    """Which packets are lost."""

    OUT = "what the host sends is lost"
    IN = "what is sent to the host is lost"
    BOTH = "both ways are cut"


class NotPossible(Exception):
    """This machine does not let us make namespaces; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    number: int

    @property
    def namespace(self) -> str:
        return f"currents-{os.getpid()}-{self.number}"

    @property
    def link(self) -> str:
        return f"cur{self.number}"

    @property
    def ours(self) -> str:
        """Our address on its link."""
        return f"10.77.{self.number}.1"

    @property
    def address(self) -> str:
        return f"10.77.{self.number}.2"

    @property
    def second_address(self) -> str:
        """Another way to the same host, which is cut apart from the first."""
        return f"10.77.{self.number}.3"

    def inside(self, command: list[str], user: str | None = None) -> list[str]:
        """The command as it runs on that host, which has a name of its own; `user`: the system user it runs as."""
        named = 'hostname "$0"; exec "$@"'
        as_user = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"] if user else []
        return [
            *("ip", "netns", "exec", self.namespace, "unshare", "--uts", "sh", "-c", named, self.name),
            *as_user,
            *command,
        ]


class Network:
    """Hosts by name. Everything is taken down again by `close`."""

    def __init__(self) -> None:
        self._hosts: dict[str, Host] = {}

    def add(self, name: str) -> Host:
        """Raises:
        NotPossible: namespaces are not allowed here.
        """
        if not self._hosts:
            _pass_on()
        host = Host(name, len(self._hosts) + 1)
        self._hosts[name] = host
        _ip("netns", "add", host.namespace)
        _ip("link", "add", host.link, "type", "veth", "peer", "name", "out", "netns", host.namespace)
        _ip("addr", "add", f"{host.ours}/24", "dev", host.link)
        _ip("link", "set", host.link, "up")
        for address in (host.address, host.second_address):
            _within(host, "addr", "add", f"{address}/24", "dev", "out")
        for device in ("lo", "out"):
            _within(host, "link", "set", device, "up")
        _within(host, "route", "add", "default", "via", host.ours)
        return host

    def cut(self, host: Host, way: Way) -> None:
        if way in (Way.OUT, Way.BOTH):
            _within(host, "neigh", "replace", host.ours, "dev", "out", *_wrong())
        if way in (Way.IN, Way.BOTH):
            for address in (host.address, host.second_address):
                _ip("neigh", "replace", address, "dev", host.link, *_wrong())

    def half_open(self, host: Host) -> None:
        """What is sent to the first address is lost; who connects anew gets through by the second."""
        _ip("neigh", "replace", host.address, "dev", host.link, *_wrong())

    def heal(self, host: Host) -> None:
        for ask in (
            lambda: _within(host, "neigh", "del", host.ours, "dev", "out"),
            lambda: _ip("neigh", "del", host.address, "dev", host.link),
            lambda: _ip("neigh", "del", host.second_address, "dev", host.link),
        ):
            try:
                ask()
            except NotPossible:
                continue  # this way was whole

    def close(self) -> None:
        for host in self._hosts.values():
            subprocess.run(["ip", "netns", "del", host.namespace], capture_output=True)


def _wrong() -> tuple[str, ...]:
    return ("lladdr", _NOBODY, "nud", "permanent")


def _pass_on() -> None:
    """Ours is the switch between the others. The setting is this namespace's own."""
    try:
        _PASSES_ON.write_text("1")
    except OSError as error:
        raise NotPossible(f"{_PASSES_ON} cannot be written ({error.strerror})") from None


def _ip(*words: str) -> None:
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
    except FileNotFoundError:
        raise NotPossible("the program `ip` (iproute2) is not installed") from None
    if done.returncode:
        raise NotPossible(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _within(host: Host, *words: str) -> None:
    _ip("-n", host.namespace, *words)
