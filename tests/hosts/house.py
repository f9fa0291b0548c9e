"""The product on three hosts: the services with a web and a worker here, one web and one worker each on a host of its
own."""

from __future__ import annotations

from pathlib import Path

from currents_admin.supervisor import port
from tests.faults.house import House
from tests.faults.waiting import until
from tests.hosts.network import Host, Network

FAR_WEB, FAR_WORKER = "web-far", "worker-far"
_SEEN = "SELECT 1 FROM exporter_heartbeat WHERE host = %s"


class Houses(House):
    def __init__(self, folder: Path, records: Path, network: Network) -> None:
        super().__init__(folder, records)
        self.network = network
        self.hosts: dict[str, Host] = {name: network.add(name) for name in (FAR_WEB, FAR_WORKER)}

    def open(self) -> None:
        super().open()
        self.add_web(FAR_WEB)
        self.add_worker(FAR_WORKER)
        for name, host in self.hosts.items():
            part = self.parts[name]
            part.command = host.inside(part.command, **self._surroundings(host))
            part.command = [
                word.replace(
                    f"{port.HOST}:{self.web_ports[FAR_WEB]}", f"{host.address}:{self.web_ports[FAR_WEB]}"
                )
                for word in part.command
            ]
        self.start(*self.hosts)
        for name in self.hosts:
            until(lambda name=name: self.query(_SEEN, name), 60, f"{name} is seen")  # type: ignore[misc]

    def web_address(self, name: str) -> tuple[str, int]:
        host = self.hosts.get(name)
        return (host.address if host else port.HOST), self.web_ports[name]

    def _surroundings(self, host: Host) -> dict[str, str]:
        """The services, by our address on that host's link."""
        return {
            "DATABASE_URL": self.postgres.url.replace(port.HOST, host.ours),
            "REDIS_URL": self.redis.url.replace(port.HOST, host.ours),
            "SEGMENT_US_URL": f"http://{host.ours}:{self.sandbox_port}",
            "SEGMENT_EU_URL": f"http://{host.ours}:{self.sandbox_port}",
            "DEBUG": "1",
            "ALLOWED_HOSTS": "*",
        }

    def _open_doors(self) -> None:
        """At every address: the namespace this runs in has no way out."""
        self.postgres.part.command += ["-c", "listen_addresses=*"]
        with (self.postgres.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.0.0/16 scram-sha-256\n")
        self.redis.part.command += ["--bind", "0.0.0.0"]
        self.parts["sandbox"].command += ["--host", "0.0.0.0"]
