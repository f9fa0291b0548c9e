"""Deliveries over the log, their settings, the requests they sent, and the trouble they met.

`Delivery` rows change with every settle: no index on a changing column, wide columns elsewhere. Foreign keys of
rows written by a settle have no database constraint, because its check would lock the hot row once per insert;
they are only ever inserted beside an update of that very row. A deletion leaves them to
`exporter.maintenance.deleted_history`: they may be millions.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connectors.models import Connector, Workspace, WriteKey


class DeliveryKind(models.TextChoices):
    LIVE = "live", _("Live")
    REPLAY = "replay", _("Replay")
    IMPORT = "import", _("Import")
    RETRY = "retry", _("Retry")
    TEST = "test", _("Test")


class Stopped(models.TextChoices):
    """Why nothing but probes is sent; empty while sending."""

    KEY_REJECTED = "key_rejected", _("Key rejected")
    REQUEST_REFUSED = "request_refused", _("Request refused")
    KEY_UNREADABLE = "key_unreadable", _("Key unreadable")
    LOG_DAMAGED = "log_damaged", _("Log damaged")


class Delivery(models.Model):
    """One run over the log for a connector, or, of kind `import`, over batches of its own. Only `exporter.delivery`
    moves `cursor`.

    `ahead` lists what was accepted beyond the cursor: `{"first", "end", "counts", …}` in order of numbers.
    `settles` counts the settles, so that one repeated after a broken connection is recognised. `round` is the number of
    the round in which it was last claimed with others: who was claimed longest ago comes first, whatever it holds.
    The lease counts while `lease_until` lies ahead; `lease_holder` (a connection's name) and `lease_since` stay on.
    """

    connector = models.ForeignKey(Connector, on_delete=models.CASCADE, related_name="deliveries")
    # The index by workspace and kind serves it.
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=8, choices=DeliveryKind.choices, default=DeliveryKind.LIVE)
    start = models.BigIntegerField()
    stop = models.BigIntegerField(null=True)
    cursor = models.BigIntegerField()
    ahead = models.JSONField(default=list)
    settles = models.BigIntegerField(default=0)
    round = models.BigIntegerField(default=0)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_holder = models.CharField(max_length=64, blank=True)
    lease_since = models.DateTimeField(null=True)
    careful_until = models.DateTimeField(null=True)
    stopped = models.CharField(max_length=16, choices=Stopped.choices, blank=True)
    alone = models.BooleanField(default=False)
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    small_bodies_until = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "kind"], name="deliveries_by_workspace_kind")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connector"], condition=Q(kind="live"), name="one_live_delivery_per_connector"
            ),
            models.CheckConstraint(condition=Q(cursor__gte=F("start")), name="cursor_is_not_before_start"),
            models.CheckConstraint(
                condition=Q(kind__in=DeliveryKind.values), name="delivery_has_a_known_kind"
            ),
        ]


class Revision(models.Model):
    """The settings a body was made with; a connector's current one is its newest.

    `catalogue_version`: an event type learned later was unsupported under it, whatever the catalogue says now.
    """

    connector = models.ForeignKey(
        Connector, on_delete=models.CASCADE, related_name="revisions", db_index=False
    )
    selected_events = ArrayField(models.CharField(max_length=200))
    include_anonymous = models.BooleanField()
    region = models.CharField(max_length=2)
    write_key = models.ForeignKey(WriteKey, on_delete=models.CASCADE, related_name="+")
    catalogue_version = models.SmallIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        # The newest of one connector is asked for before each body: without its own place in an index PostgreSQL may
        # walk back through everybody's revisions to find it.
        indexes: ClassVar = [models.Index(fields=["connector", "-id"], name="newest_revision_of_connector")]


class Settled(models.TextChoices):
    SENT = "sent", _("Sent")
    SKIPPED = "skipped", _("Skipped")
    EXPIRED = "expired", _("Expired")
    DAMAGED = "damaged", _("Damaged")


class Settlement(models.Model):
    """Event numbers `first_event` to `end_event` (exclusive) were settled under `revision`; neighbours of one kind
    and revision are merged."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, related_name="settlements", db_constraint=False, db_index=False
    )
    first_event = models.BigIntegerField()
    end_event = models.BigIntegerField()
    revision = models.ForeignKey(Revision, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    kind = models.CharField(max_length=8, choices=Settled.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["delivery", "first_event"], name="settlements_begin_once_per_delivery"
            )
        ]


# `exporter.destinations.answer.Verdict` and `exporter.ledger.outcomes.Outcome`, which stand above the models.
VERDICTS = ("accepted", "refused_body", "key_rejected", "request_refused", "slow_down", "retry")
OUTCOMES = ("delivered", "unselected", "anonymous", "unsupported", "rejected", "expired")


class Attempt(models.Model):
    """One HTTP request to Segment with its answer; trimmed by age. `excerpt` holds headers and the beginning of an
    answer that did not accept, as `exporter.destinations.scrub` keeps them."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, related_name="attempts", db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    status = models.SmallIntegerField(null=True)
    verdict = models.CharField(max_length=16)
    error = models.CharField(max_length=200, blank=True)
    milliseconds = models.IntegerField()
    events = models.IntegerField()
    bytes = models.IntegerField()
    first_event = models.BigIntegerField()
    last_event = models.BigIntegerField()
    excerpt = models.CharField(max_length=500, blank=True)
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["delivery", "-at"], name="attempts_by_delivery_and_time")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(verdict__in=VERDICTS), name="attempt_has_a_known_verdict")
        ]


class Cause(models.TextChoices):
    """Why an incident is open; what stops a delivery has the same word here and in `Stopped`."""

    KEY_REJECTED = "key_rejected", _("Key rejected")
    REQUEST_REFUSED = "request_refused", _("Request refused")
    KEY_UNREADABLE = "key_unreadable", _("Key unreadable")
    LOG_DAMAGED = "log_damaged", _("Log damaged")
    RETRYING = "retrying", _("Retrying")
    PAUSED = "paused", _("Paused")
    LATE = "late", _("Falling behind")


class MailStep(models.TextChoices):
    """The mails of an incident, the weightiest last: if several are due together, only that one is sent."""

    STOPPED = "stopped", _("Delivery stopped")
    HALF_TIME = "half_time", _("Half time")
    FOUR_HOURS = "four_hours", _("Four hours left")
    DROPPING = "dropping", _("Dropping events")
    RECOVERED = "recovered", _("Delivering again")


class Incident(models.Model):
    """What was wrong with a connector and since when; open while `closed_at` is null.

    `quiet_since`: nothing has been wrong since then; `recovered_at`: the first event accepted after the last failure.
    `expired_before`: how many events had expired when it was opened, by event type, so that the cost of this incident
    is known exactly; `lost` is that cost, written when it closes. The connector has no database
    constraint: its check would wait for whoever changes the connector, who in turn waits for the settle.
    """

    connector = models.ForeignKey(
        Connector, on_delete=models.CASCADE, related_name="incidents", db_constraint=False
    )
    reason = models.CharField(max_length=16, choices=Cause.choices)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    quiet_since = models.DateTimeField(null=True)
    recovered_at = models.DateTimeField(null=True)
    expired_before = models.JSONField(default=dict)
    lost = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=Q(closed_at__isnull=True),
                name="one_open_incident_per_connector",
            )
        ]


class WeeklyMail(models.Model):
    """How far a connector's contact was told of its weeks: those that ended by `told_until` are done with. Nobody else
    sends the mail before `claimed_until`."""

    connector = models.OneToOneField(
        Connector, on_delete=models.CASCADE, primary_key=True, related_name="+", db_constraint=False
    )
    told_until = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)


class Notice(models.Model):
    """One mail of an incident: due since `created_at`, sent at `sent_at` (alone or within a weightier one), `sent_to`
    these addresses.

    Nobody else sends it before `claimed_until`; `tries` counts the attempts to send it. `posted_at`,
    `post_claimed_until` and `post_tries` are the same for the workspace's webhook.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="notices")
    step = models.CharField(max_length=12, choices=MailStep.choices)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0)
    sent_to = ArrayField(models.CharField(max_length=254), default=list, db_default=Value("{}"))
    posted_at = models.DateTimeField(null=True)
    post_claimed_until = models.DateTimeField(null=True)
    post_tries = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["incident", "step"], name="one_notice_per_incident_and_step")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"], condition=Q(sent_at__isnull=True), name="notices_not_sent_yet"
            ),
            models.Index(
                fields=["created_at"], condition=Q(posted_at__isnull=True), name="notices_not_posted_yet"
            ),
        ]
