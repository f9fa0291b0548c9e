"""The product on hosts of their own: two web, two workers, PostgreSQL, Redis and the destination; the retry worker and
beat run on ours, which passes on between them."""

from __future__ import annotations

import os
from pathlib import Path

from currents_admin.supervisor import port
from currents_admin.supervisor.part import Part
from tests.faults.house import House
from tests.faults.waiting import until
from tests.hosts.network import Host, Network

WEBS, WORKERS, SERVICES = ("web", "web-2"), ("worker", "worker-2"), ("postgres", "redis", "sandbox")
_SEEN = "SELECT 1 FROM exporter_heartbeat WHERE host = %s"
_HEARS_EVERYBODY = {
    "postgres": ["-c", "listen_addresses=*"],
    "redis": ["--bind", "0.0.0.0"],
    "sandbox": ["--host", "0.0.0.0"],
}


class Houses(House):
    def __init__(self, folder: Path, records: Path, network: Network) -> None:
        super().__init__(folder, records)
        self.network = network
        self.hosts: dict[str, Host] = {name: network.add(name) for name in (*SERVICES, *WEBS, *WORKERS)}

    def open(self) -> None:
        super().open()
        self.add_web("web-2")
        self.add_worker("worker-2")
        self.start("web-2", "worker-2")
        for name in (*WEBS, *WORKERS):
            until(lambda name=name: self.query(_SEEN, name), 60, f"{name} is seen")  # type: ignore[misc]

    def web_address(self, name: str) -> tuple[str, int]:
        return self.hosts[name].address, self.web_ports[name]

    def _lay_out(self) -> None:
        """Services hear everybody: the namespace this runs in has no way out. We ask PostgreSQL at its second
        address."""
        self.postgres.host = self.hosts["postgres"].second_address
        self.redis.host = self.hosts["redis"].address
        self.sandbox_host = self.hosts["sandbox"].address
        os.environ["ALLOWED_HOSTS"] = "*"
        with (self.postgres.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.0.0/16 scram-sha-256\n")

    def tell_addresses(self, database_url: str) -> None:
        """Of PostgreSQL's addresses the product takes the first that answers."""
        there = self.hosts["postgres"]
        both = f"{there.address},{there.second_address}"
        super().tell_addresses(database_url.replace(there.second_address, both))

    def _add(self, *new: Part) -> None:
        for part in new:
            if host := self.hosts.get(part.name):
                bound = [word.replace(f"{port.HOST}:", f"{host.address}:") for word in part.command]
                part.command = host.inside([*bound, *_HEARS_EVERYBODY.get(part.name, [])], part.user)
                part.user = None
        super()._add(*new)
