"""Outcomes: what can become of an event for a connector."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of an event. Where several apply, the first of unsupported, unselected, anonymous, expired and
    rejected."""

    DELIVERED = "delivered"
    UNSELECTED = "unselected"
    ANONYMOUS = "anonymous"
    UNSUPPORTED = "unsupported"
    REJECTED = "rejected"
    EXPIRED = "expired"
