"""Test processes side by side share one Redis: each has keys of its own. Loaded before the settings read them."""

from __future__ import annotations

import os

if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["REDIS_KEY_PREFIX"] = os.environ.get("REDIS_KEY_PREFIX", "") + f"{worker}-"
