"""A server on loopback that stands for another's, for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], port: int = 0, **attributes: Any) -> Iterator[str]:
    """Its address. `attributes` become the handler's own; of what it is asked nothing is written."""
    quiet = {"log_message": lambda *_args: None, **attributes}
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (handler,), quiet))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
