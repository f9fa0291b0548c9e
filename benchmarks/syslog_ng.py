"""syslog-ng as a peer: it copies ready lines from a file to the sink through its reliable disk buffer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from itertools import islice
from pathlib import Path

_CONFIGURATION = """@version: 3.38
options {{ stats-freq(0); log-msg-size(65536); chain-hostnames(no); keep-timestamp(no); }};
source calls {{ file("{calls}" flags(no-parse) follow-freq(1) log-fetch-limit(1000) log-iw-size(20000)); }};
destination sink {{
  http(url("{url}/v1/batch") method("POST") headers("Content-Type: application/json")
       body("$MESSAGE") body-prefix("{{\\"batch\\":[") body-suffix("]}}") delimiter(",")
       batch-lines({lines}) batch-bytes(475000) batch-timeout(500) workers({workers}) timeout(30)
       disk-buffer(reliable(yes) mem-buf-size(16777216) disk-buf-size(2147483648) dir("{folder}")));
}};
log {{ source(calls); destination(sink); flags(flow-control); }};
"""


def program() -> Path:
    """Raises LookupError where it is not installed."""
    found = shutil.which("syslog-ng", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise LookupError("it is not installed; on Debian: apt-get install syslog-ng-core syslog-ng-mod-http")
    return Path(found)


def main(binary: str, folder: Path, lines: str, workers: str, url: str, calls: str, count: int) -> None:
    """Ends when the sink has all; prints 0 seconds: the sink's own times count, because starting takes a while."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = folder / "calls"
    with open(calls, "rb") as every, source.open("wb") as some:
        some.writelines(islice(every, count))
    configuration = folder / "syslog-ng.conf"
    configuration.write_text(
        _CONFIGURATION.format(calls=source, url=url, lines=lines, workers=workers, folder=folder)
    )
    state = [f"--{name}={folder / name}" for name in ("persist-file", "pidfile", "control")]
    process = subprocess.Popen(
        [binary, "-F", "--no-caps", f"--cfgfile={configuration}", *state],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    try:
        while _arrived(url) < count:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(
                    process.stderr.read() if process.poll() is not None and process.stderr else "too slow"
                )
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait()
    print(json.dumps({"seconds": 0}))


def _arrived(url: str) -> float:
    with urllib.request.urlopen(f"{url}/count") as answer:  # noqa: S310 - our own sink
        arrived: float = json.loads(answer.read())["events"]
    return arrived


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5], sys.argv[6], int(sys.argv[7]))
