"""One supervisor per folder: the claim ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from currents_admin import local
from currents_admin.supervisor.failure import StartError


@contextmanager
def claimed() -> Iterator[None]:
    """Holds the folder `var/`.

    Raises:
        StartError: another supervisor holds it.
    """
    folder = local.folder()
    folder.mkdir(parents=True, exist_ok=True)
    with open(os.open(folder / "supervisor.lock", os.O_CREAT | os.O_RDWR, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "unknown"
            raise StartError(
                f"Currents Admin already runs in {folder} (process {holder}); stop it first, or set "
                "CURRENTS_VAR to another folder."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        local.close_to_others()
        yield
