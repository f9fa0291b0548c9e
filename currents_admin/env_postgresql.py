"""libpq's parameters in the address of a database. libpq itself would say what is wrong with them only when it
connects, in many lines."""

from __future__ import annotations

import psycopg

from currents_admin.env import BadEnvironment

_WORDS = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "gsslib": ("gssapi", "sspi"),
    "channel_binding": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
    "client_encoding": ("UTF8", "utf8", "UTF-8", "utf-8"),
    **dict.fromkeys(("keepalives", "sslcompression", "sslsni", "gssdelegation"), ("0", "1")),
    **dict.fromkeys(
        ("ssl_min_protocol_version", "ssl_max_protocol_version"), ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
    ),
}
_NUMBERS = (
    *("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
    "port",
)
_MOST = 2**31 - 1
# A connection of this kind understands no SQL of ours.
_UNFIT = frozenset({"replication"})


def check(name: str, options: dict[str, str]) -> None:
    """Raises:
    BadEnvironment: PostgreSQL does not know one of them, or not its value.
    """
    known = {one.keyword.decode() for one in psycopg.pq.Conninfo.get_defaults()} - _UNFIT
    for word, value in options.items():
        if word not in known:
            raise BadEnvironment(f"{name} has “{word}” after its “?”, which it cannot take.")
        if word in _WORDS and value not in _WORDS[word]:
            raise BadEnvironment(f"{word} in {name} must be one of {', '.join(_WORDS[word])}.")
        if word in _NUMBERS and not (value.isascii() and value.isdigit() and int(value[:11]) <= _MOST):
            raise BadEnvironment(f"{word} in {name} must be a whole number.")
