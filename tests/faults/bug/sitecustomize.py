"""A bug for the parts of a run of faults: converting a marked event raises while the file of marks names it.

Python imports this module by itself in every process whose PYTHONPATH has this folder.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from exporter.destinations.segment import transform

_FILE = Path(os.environ["FAULTS_BUG_FILE"])
_LOOK_SECONDS = 0.2
_convert = transform.convert
_mark, _looked = b"", 0.0


def convert(line: bytes, plan: Any) -> Any:
    global _mark, _looked
    if time.monotonic() - _looked > _LOOK_SECONDS:
        _looked = time.monotonic()
        _mark = _FILE.read_bytes() if _FILE.exists() else b""
    if _mark and _mark in line:
        raise RuntimeError("a bug, injected on purpose")
    return _convert(line, plan)


transform.convert = convert
