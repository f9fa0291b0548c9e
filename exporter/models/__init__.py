"""The machine's data: the event log, deliveries over it, counts of what became of events."""

from exporter.models.counts import (
    AttemptCount,
    DeliveryCount,
    DeliveryDelay,
    DeliveryHour,
    DeliveryStart,
    DeliveryTotal,
    ReceivedCount,
    ReceivedTotal,
)
from exporter.models.deliveries import Attempt, Delivery, Incident, Kind, Notice, Revision, Settled, Settlement, Stopped
from exporter.models.log import EventBatch, EventLog, ImportedFile, LogMark, RefusalCount, RejectedEvent, UnknownType
from exporter.models.signs import Sign

__all__ = [
    "Attempt",
    "AttemptCount",
    "Delivery",
    "DeliveryCount",
    "DeliveryDelay",
    "DeliveryHour",
    "DeliveryStart",
    "DeliveryTotal",
    "EventBatch",
    "EventLog",
    "ImportedFile",
    "Incident",
    "Kind",
    "LogMark",
    "Notice",
    "ReceivedCount",
    "ReceivedTotal",
    "RefusalCount",
    "RejectedEvent",
    "Revision",
    "Settled",
    "Settlement",
    "Sign",
    "Stopped",
    "UnknownType",
]
