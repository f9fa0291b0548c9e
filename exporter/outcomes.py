"""Outcomes: the words for what became of an event for a connector."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of an event. Where several fit, the first of unsupported, unselected, anonymous, expired, rejected."""

    DELIVERED = "delivered"
    UNSELECTED = "unselected"
    ANONYMOUS = "anonymous"
    UNSUPPORTED = "unsupported"
    REJECTED = "rejected"
    EXPIRED = "expired"
