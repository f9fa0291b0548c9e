"""Debian's Chromium, for browser tests and for measuring paint."""

from __future__ import annotations

import shutil

PATH = shutil.which("chromium") or "/usr/bin/chromium"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
