"""The sandbox as a process of its own: options, the line that tells its address, and an orderly end."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from exporter.sandbox.control import Control
from exporter.sandbox.memory import Memory
from exporter.sandbox.server import SandboxServer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; keep it among machines you trust"
    )
    parser.add_argument(
        "--key", action="append", default=[], metavar="KEY", help="a known write key; may be repeated"
    )
    parser.add_argument(
        "--unknown-key",
        type=int,
        choices=(200, 400, 401, 403),
        default=200,
        help="answer to a key that is not known; 200 drops its calls in silence, as Segment does",
    )
    parser.add_argument("--latency-ms", type=int, default=0, metavar="N", help="wait before every answer")
    parser.add_argument("--ids-file", type=Path, metavar="PATH", help="append every message id that arrives")


def serve(options: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError where the port or the file cannot be had."""
    control = Control(options.key, options.unknown_key, options.latency_ms)
    server = SandboxServer(options.port, control, Memory(ids_file=options.ids_file), options.host)
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    sys.stdout.write(f"sandbox listening on {server.url}\n")
    sys.stdout.flush()
    asked_to_stop.wait()
    server.stop()
    thread.join()
