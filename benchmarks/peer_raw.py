"""The physical limit of sending: ready bodies from memory through plain connections."""

import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

MOST_BYTES = 475_000


def bodies(path: str, count: int) -> list[bytes]:
    made: list[bytes] = []
    calls: list[bytes] = []
    size = 0
    with open(path, "rb") as lines:
        for _ in range(count):
            call = next(lines).rstrip()
            if size + len(call) > MOST_BYTES - 100:
                made.append(wrap(calls))
                calls, size = [], 0
            calls.append(call)
            size += len(call) + 1
    return [*made, wrap(calls)]


def wrap(calls: list[bytes]) -> bytes:
    return b'{"batch":[' + b",".join(calls) + b"]}"


def send(address: str, mine: list[bytes]) -> None:
    connection = http.client.HTTPConnection(address)
    for body in mine:
        connection.request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
        connection.getresponse().read()


def main(url: str, path: str, count: int, milliseconds: int) -> None:
    ready = bodies(path, count)
    connections = 8 if milliseconds else 1
    threads = [
        threading.Thread(target=send, args=(urlsplit(url).netloc, ready[start::connections]))
        for start in range(connections)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"seconds": time.perf_counter() - began}))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
