"""Segment's own Python library, at its default settings or at the best found for this sink.

Its queue drops when full, so the sender waits for room: every event is meant to arrive.
"""

import json
import sys
import time
from itertools import islice

from segment.analytics.client import Client

WAIT_SECONDS = 0.0005


def main(settings: str, url: str, path: str, count: int, milliseconds: int) -> None:
    with open(path, "rb") as lines:
        calls = [json.loads(line) for line in islice(lines, count)]
    chosen = {}
    if settings == "best":
        chosen = {"upload_size": 500, "thread": 4 if milliseconds else 1}
    client = Client("not-a-real-key", host=url, **chosen)
    began = time.perf_counter()
    for call in calls:
        while not client.track(
            user_id=call.get("userId"),
            anonymous_id=call.get("anonymousId"),
            event=call["event"],
            properties=call["properties"],
            context=call["context"],
            message_id=call["messageId"],
        )[0]:
            time.sleep(WAIT_SECONDS)
    client.flush()
    client.join()
    print(json.dumps({"seconds": time.perf_counter() - began}))


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
