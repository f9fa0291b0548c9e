"""The stop flag of this process: set once, when it is asked to end, and checked by everything that works."""

from __future__ import annotations

import threading

# Set when the process is asked to stop: no new body is sent, answers to those in flight are awaited and settled.
stopping = threading.Event()
