"""The distribution's pgbouncer in front of a database, with the settings of the docs."""

from __future__ import annotations

import getpass
import shutil
from pathlib import Path

SETTINGS = Path(__file__).resolve().parents[2] / "docs" / "proxies" / "pgbouncer.ini"


def is_installed() -> bool:
    return shutil.which("pgbouncer") is not None


def command(
    folder: Path,
    listen: int,
    *,
    host: str,
    port: int,
    name: str,
    user: str,
    password: str,
    connections: int = 8,
) -> list[str]:
    """Writes the settings into the folder, with this database, behind so many connections."""
    users = folder / "userlist.txt"
    users.write_text(f'"{user}" "{password}"\n')
    text = SETTINGS.read_text()
    for there, here in {
        "currents = host=10.0.0.20 port=5432 dbname=currents": f"{name} = host={host} port={port} dbname={name}",
        "listen_addr = 10.0.0.10": "listen_addr = 127.0.0.1\nunix_socket_dir =",
        "listen_port = 6432": f"listen_port = {listen}",
        "/etc/pgbouncer/userlist.txt": str(users),
        "default_pool_size = 40": f"default_pool_size = {connections}",
    }.items():
        assert there in text
        text = text.replace(there, here)
    if getpass.getuser() == "root":
        # It does not run as root.
        folder.chmod(0o777)
        text += "user = nobody\n"
    file = folder / "pgbouncer.ini"
    file.write_text(text)
    return ["pgbouncer", "-q", str(file)]
