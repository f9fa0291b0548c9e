"""The exporter's data: the event log, deliveries over it, counts of what became of events."""

from exporter.models.chores import ChoreFault
from exporter.models.counts import (
    AttemptCount,
    AttemptTotal,
    DeliveryCount,
    DeliveryDelay,
    DeliveryHour,
    DeliveryStart,
    DeliveryTotal,
    ReceivedCount,
    ReceivedTotal,
)
from exporter.models.deliveries import (
    Attempt,
    Cause,
    Delivery,
    DeliveryKind,
    Incident,
    MailStep,
    Notice,
    Revision,
    Settled,
    Settlement,
    Stopped,
    WeeklyMail,
)
from exporter.models.heartbeats import Heartbeat, RequestDuration
from exporter.models.log import (
    EventBatch,
    EventLog,
    ImportedFile,
    LogMark,
    RefusalCount,
    RefusedRetry,
    RejectedEvent,
    UnknownType,
)
from exporter.models.replays import RecoveredEvent, Replay, ReplayState
from exporter.models.seen import FieldCensus, SeenField, SeenType
from exporter.models.sources import Source, SourceObject
from exporter.models.uploads import ImportedBatch, Upload, UploadPiece
from exporter.models.webhooks import Webhook

__all__ = [
    "Attempt",
    "AttemptCount",
    "AttemptTotal",
    "Cause",
    "ChoreFault",
    "Delivery",
    "DeliveryCount",
    "DeliveryDelay",
    "DeliveryHour",
    "DeliveryKind",
    "DeliveryStart",
    "DeliveryTotal",
    "EventBatch",
    "EventLog",
    "FieldCensus",
    "Heartbeat",
    "ImportedBatch",
    "ImportedFile",
    "Incident",
    "LogMark",
    "MailStep",
    "Notice",
    "ReceivedCount",
    "ReceivedTotal",
    "RecoveredEvent",
    "RefusalCount",
    "RefusedRetry",
    "RejectedEvent",
    "Replay",
    "ReplayState",
    "RequestDuration",
    "Revision",
    "SeenField",
    "SeenType",
    "Settled",
    "Settlement",
    "Source",
    "SourceObject",
    "Stopped",
    "UnknownType",
    "Upload",
    "UploadPiece",
    "Webhook",
    "WeeklyMail",
]
