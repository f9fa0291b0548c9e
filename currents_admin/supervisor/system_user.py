"""The system user that PostgreSQL runs as if we are root."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from pathlib import Path

from currents_admin.supervisor.failure import StartError

NAME = "pgserver"
_PASS = stat.S_IXGRP | stat.S_IXOTH
_READ = stat.S_IRGRP | stat.S_IROTH


def needed() -> str | None:
    """None unless we are root; otherwise the user's name, created if it is missing."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        try:
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            raise StartError(
                f"PostgreSQL does not run as root, and the system user {NAME} could not be made; "
                "use another account or set DATABASE_URL."
            ) from None
    return NAME


def let_in(name: str, programs: Path, data: Path) -> None:
    """Lets the user read the programs and pass through the folders above them and above the data."""
    for place in (programs, *programs.rglob("*")):
        if not place.is_symlink():
            runs = place.is_dir() or place.stat().st_mode & stat.S_IXUSR
            _open(place, _READ | _PASS if runs else _READ)
    data.parent.mkdir(parents=True, exist_ok=True)
    for above in (*programs.parents, *data.parents):
        _open(above, _PASS)
    if data.exists() and data.stat().st_uid == 0:
        # The folder was made by another kind of start, or copied.
        subprocess.run(["chown", "-R", f"{name}:", str(data)], check=True, capture_output=True)


def _open(place: Path, bits: int) -> None:
    mode = place.stat().st_mode
    # Where the last three bits let everyone in, the group's own bits may still shut its members out.
    if mode & bits != bits:
        place.chmod(stat.S_IMODE(mode) | bits)
