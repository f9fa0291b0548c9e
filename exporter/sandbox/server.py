"""The sandbox's HTTP server: keep-alive, one thread a connection, on 127.0.0.1 unless another address is given."""

import socket
import socketserver
import sys
import threading
from typing import Any

from exporter.sandbox.buttons import Buttons
from exporter.sandbox.control import Control
from exporter.sandbox.handler import SandboxHandler
from exporter.sandbox.memory import Memory


class SandboxServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Raises OSError where the port is taken. `stopping` wakes every thread that waits on purpose."""

    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, port: int, control: Control, memory: Memory, host: str = "127.0.0.1") -> None:
        self.control = control
        self.memory = memory
        self.buttons = Buttons(control)
        self.stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        super().__init__((host, port), SandboxHandler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        arguments = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=arguments, daemon=True)
        with self._connections_lock:
            self._connections[request] = thread
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._connections_lock:
                self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that vanished is nothing to tell; anything else is a fault of the sandbox."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Close every connection, wait for its thread. `serve_forever` must be running in another thread."""
        self.stopping.set()
        self.shutdown()
        with self._connections_lock:
            open_connections = list(self._connections.items())
        for connection, _ in open_connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for _, thread in open_connections:
            thread.join(5)
        self.server_close()
        self.memory.close()
