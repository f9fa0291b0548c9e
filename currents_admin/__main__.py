"""Django's command line: `manage.py` in a checkout, `currents-admin` or `python -m currents_admin` once installed."""

from __future__ import annotations

import os
import sys

# They change tables, so they run as the role that owns them.
OWNERS_COMMANDS = ("prepare", "migrate", "flush", "sqlflush")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")
    from currents_admin import local

    local.keep_to_ourselves()
    if sys.argv[1:2] and sys.argv[1] in OWNERS_COMMANDS:
        os.environ[local.AS_OWNER] = "1"
    # A command speaks for itself; its log tells only what goes wrong.
    if not os.environ.get("LOG_LEVEL"):
        os.environ["LOG_LEVEL"] = "WARNING"
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
