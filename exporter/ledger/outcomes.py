"""Outcomes: the words for what became of an event for a connector."""

from enum import StrEnum


class Outcome(StrEnum):
    """What became of an event. Unsupported, unselected, anonymous, expired, rejected: the first that fits."""

    DELIVERED = "delivered"
    UNSELECTED = "unselected"
    ANONYMOUS = "anonymous"
    UNSUPPORTED = "unsupported"
    REJECTED = "rejected"
    EXPIRED = "expired"
