"""What Segment would answer with 200 and drop: recognised before it is sent, and rejected with the reason. Pure.

By Segment's HTTP API page and its list of discards: a call without a user, an id that is no text, a track call without
a name, a call over 32 KB (whether 1,000 or 1,024 bytes is not said). Types, names and properties are right by the
way calls are made (`transform`); what is left to judge is what came from outside.
"""

from __future__ import annotations

from typing import Any

MOST_BYTES = 32_000
# How the reason begins where a call is too large, and only there: pages count these by it.
TOO_LARGE = "The Segment call has "


class Undeliverable(Exception):
    """Segment would drop the call; the message says why in a sentence."""


def judge_ids(external: Any, user: Any) -> None:
    """Both in the catalogue's type where they could be converted.

    Raises:
        Undeliverable: Segment would drop the call.
    """
    for name, value in (("external_user_id", external), ("user_id", user)):
        if value is not None and not isinstance(value, str):
            raise Undeliverable(
                f"{name} is no text but {_KINDS.get(type(value), 'a value')}; Segment drops such an event."
            )
    if not external and not user:
        raise Undeliverable(
            "The event has neither external_user_id nor user_id; Segment drops an event without a user."
        )


def too_long(call: bytes) -> str:
    return f"{TOO_LARGE}{len(call)} bytes, Segment takes at most {MOST_BYTES}."


_KINDS: dict[type, str] = {list: "a list", dict: "an object"}
