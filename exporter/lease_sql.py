"""SQL fragments about a delivery `d`: whether nobody holds it, and whether it need not wait for its next attempt.

A time further ahead than it can ever be set counts as over: the database's clock was set back. The parameter `seconds`
is the length of a lease, `CURRENTS_LEASE_SECONDS`.
"""

from __future__ import annotations

FREE = """(d.lease_until IS NULL OR d.lease_until < clock_timestamp()
            OR d.lease_until > clock_timestamp() + make_interval(secs => %(seconds)s + 5))"""
DUE = """(d.next_attempt_at IS NULL OR d.next_attempt_at <= clock_timestamp()
            OR d.next_attempt_at > clock_timestamp() + interval '310 seconds')"""
