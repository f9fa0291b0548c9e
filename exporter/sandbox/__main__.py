"""`python -m exporter.sandbox`: the sandbox without Django."""

import argparse

from exporter.sandbox.command_line import add_arguments, serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m exporter.sandbox", description="A local stand-in for Segment."
    )
    add_arguments(parser)
    try:
        serve(parser.parse_args())
    except OSError as error:
        parser.exit(1, f"The sandbox cannot start: {error.strerror}.\n")
