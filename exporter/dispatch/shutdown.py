"""The stop flag of this process: set once, when it is asked to end; whoever works looks at it."""

from __future__ import annotations

import threading

# Set when the process was asked to stop: no new body, the answers in flight are awaited and settled.
stopping = threading.Event()
