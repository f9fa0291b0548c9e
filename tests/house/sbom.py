"""The list of what the product is made of, as CycloneDX 1.6 from a lock file: `python -m tests.house.sbom LOCK`.

Names, versions and hashes are those the image installs by; nobody is asked.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from exporter.version import VERSION

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill(lock: str) -> dict[str, Any]:
    """The bill of materials of a lock file's text."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name.lower()}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name.lower()}@{version}",
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in _HASH.findall(rest)],
        }
        for name, version, rest in _PIN.findall(lock)
    ]
    product = {
        "type": "application",
        "bom-ref": "currents-admin",
        "name": "currents-admin",
        "version": VERSION,
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": product},
        "components": components,
        "dependencies": [{"ref": "currents-admin", "dependsOn": [one["bom-ref"] for one in components]}],
    }


if __name__ == "__main__":
    print(json.dumps(bill(Path(sys.argv[1]).read_text()), indent=2))  # noqa: T201 - its output
