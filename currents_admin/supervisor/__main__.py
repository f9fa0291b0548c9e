"""The supervisor's command line."""

from __future__ import annotations

import argparse
import sys

from currents_admin import local
from currents_admin.env import BadEnvironment
from currents_admin.supervisor import run, services
from currents_admin.supervisor.failure import StartError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m currents_admin.supervisor")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("run", help="start the product and keep it running")
    beside = actions.add_parser("services", help="run a command beside a PostgreSQL and a Redis of its own")
    beside.add_argument(
        "--fast", action="store_true", help="throwaway data: PostgreSQL does not wait for the disk"
    )
    beside.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    options = parser.parse_args()
    local.keep_to_ourselves()
    try:
        if options.action == "services":
            return services.run(options.command, durable=not options.fast)
        run.run()
    except (StartError, BadEnvironment) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or 'The system'}: {error.strerror or error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
