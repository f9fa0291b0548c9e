"""A local stand-in for Segment's HTTP Tracking API, for engineers, tests, benchmarks and fault runs.

It listens on 127.0.0.1 only, remembers what it was sent, shows it, and can be told to fail. It needs no
Django: `python -m exporter.sandbox --port 0` runs it alone, `running_sandbox()` inside a test.
"""

from exporter.sandbox.handle import Sandbox, running_sandbox

__all__ = ["Sandbox", "running_sandbox"]
