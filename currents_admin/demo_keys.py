"""What `make demo` adds to the parts: its switch, and the write keys its sandbox knows and does not know."""

from __future__ import annotations

from currents_admin import env

SWITCH = "CURRENTS_DEMO_LIFE"
# Of the usual length, and obviously not real.
GOOD = "demo-segment-source-accepts-this"
BAD = "demo-segment-source-refuses-this"


def wanted() -> bool:
    return env.flag(SWITCH)
