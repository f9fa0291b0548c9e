"""The bill of materials names every package of the lock file, with the hashes it is installed by."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.sbom import bill

LOCK = (Path(__file__).resolve().parents[2] / "requirements" / "production.txt").read_text()


def test_every_pinned_package_is_in_the_bill() -> None:
    made = bill(LOCK)
    pinned = {
        line.split("==")[0].partition("[")[0]
        for line in LOCK.splitlines()
        if re.match(r"^[A-Za-z0-9].*==", line)
    }
    assert {one["name"] for one in made["components"]} == pinned
    assert {"django", "gunicorn", "psycopg"} <= pinned
    assert sum(len(one["hashes"]) for one in made["components"]) == LOCK.count("--hash=sha256:")
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert all(re.fullmatch(r"pkg:pypi/[a-z0-9._-]+@\S+", one["purl"]) for one in made["components"])
