"""What lines tell of an exception: its class, a fingerprint and its place, but not its text, which may quote an event
or a key."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable
from typing import Any

from structlog.typing import EventDict

# The innermost frames are told.
_MOST_FRAMES = 12
# Told of each fault and its line, too (`currents_admin.telemetry`).
observer: Callable[[BaseException, EventDict], None] | None = None


def fault_in(exc_info: Any) -> BaseException | None:
    """The exception that an `exc_info` of `logging` or structlog means, if there is one."""
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def fingerprint(fault: BaseException) -> str:
    """The same for faults of one class from one place, whatever their texts and line numbers."""
    frames = [
        f"{frame.filename.rpartition('/')[2]}:{frame.name}"
        for frame in traceback.extract_tb(fault.__traceback__)
    ]
    text = "\n".join([type(fault).__qualname__, *frames])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def told(_logger: Any, _method: str, line: EventDict) -> EventDict:
    """A processor of structlog: puts what is told in the place of `exc_info`."""
    fault = fault_in(line.pop("exc_info", None))
    if fault is not None:
        if observer is not None:
            observer(fault, line)
        line["error"], line["fingerprint"] = type(fault).__name__, fingerprint(fault)
        line["place"] = "".join(traceback.format_tb(fault.__traceback__, limit=-_MOST_FRAMES))
    return line


def told_to_developers(logger: Any, method: str, line: EventDict) -> EventDict:
    """The same with the text."""
    fault = fault_in(line.get("exc_info"))
    line = told(logger, method, line)
    if fault is not None:
        line["place"] += "".join(traceback.format_exception_only(fault))
    return line
