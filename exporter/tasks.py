"""Celery tasks: wake-ups, ids and one call each. All state is in PostgreSQL."""

from __future__ import annotations

from celery import shared_task

from exporter.actions import replays
from exporter.delivery import expiry, replay_places
from exporter.delivery.deliver import deliver as deliver_once
from exporter.delivery.lanes import process
from exporter.delivery.result import Ended
from exporter.dispatch import wakeup
from exporter.dispatch.heartbeats import claim, forget_hosts, note_outage
from exporter.dispatch.shutdown import stopping
from exporter.dispatch.sweep import sweep as sweep_once
from exporter.incidents import detect, mail, replay_mail, source_mail, webhook, weekly_mail
from exporter.intake import refused_retry, uploads
from exporter.log import imported_batches
from exporter.maintenance import deleted_history, field_census, rollup, trimming
from exporter.sources import following


@shared_task(name="exporter.tasks.wake")
def wake(workspace_ids: list[int]) -> None:
    """These workspaces may have something to send. Only noted here: the process's coordinator looks at them."""
    process.current().wake(workspace_ids)


@shared_task(name="exporter.tasks.deliver")
def deliver(delivery_id: int) -> None:
    """Gives this delivery a turn of its own."""
    process.current().bulk.add(delivery_id)


@shared_task(name="exporter.tasks.retry")
def retry(delivery_ids: list[int]) -> None:
    """The next attempt of these failing deliveries is due."""
    for delivery_id in delivery_ids:
        process.current().retries.add(delivery_id)


@shared_task(name="exporter.tasks.sweep")
def sweep() -> int:
    """Started by beat, so a run also shows that beat is alive."""
    claim("beat", 0.0)
    return sweep_once()


@shared_task(name="exporter.tasks.expire")
def expire() -> int:
    """Expires what is over age. Chores claim their turn, so that a heap of messages does the work only once."""
    note_outage("expire")
    return expiry.expire_due() if claim("expire", 10.0) else 0


@shared_task(name="exporter.tasks.look_for_incidents")
def look_for_incidents() -> None:
    if claim("incidents", 10.0):
        detect.look()


@shared_task(name="exporter.tasks.send_mail")
def send_mail() -> int:
    """Not claimed as a chore: each mail is claimed by itself, and a mail server that hangs must not hold up others."""
    return mail.mail_due() + replay_mail.mail_due() + source_mail.mail_due() + weekly_mail.mail_due()


@shared_task(name="exporter.tasks.post_to_webhooks")
def post_to_webhooks() -> int:
    """Apart from the mails: a receiver that hangs must not hold them up."""
    return webhook.post_due()


@shared_task(name="exporter.tasks.trim")
def trim() -> int:
    return trimming.trim() if claim("trim", 30.0) else 0


@shared_task(name="exporter.tasks.clean")
def clean() -> None:
    if claim("clean", 300.0):
        trimming.clean()
        uploads.forget()
        forget_hosts()
        deleted_history.clear()


@shared_task(name="exporter.tasks.roll_up")
def roll_up() -> int:
    return rollup.roll_up() if claim("roll_up", 300.0) else 0


@shared_task(name="exporter.tasks.look_at_fields")
def look_at_fields() -> int:
    return field_census.look_at_all() if claim("fields", 30.0) else 0


@shared_task(name="exporter.tasks.retry_refused")
def retry_refused(workspace_id: int) -> None:
    if refused_retry.run(workspace_id) and not stopping.is_set():
        wakeup.wake_chore("exporter.tasks.retry_refused", workspace_id)


@shared_task(name="exporter.tasks.go_on")
def go_on() -> None:
    """Picks up work that was requested and whose message or worker was lost."""
    for workspace_id in refused_retry.due():
        wakeup.wake_chore("exporter.tasks.retry_refused", workspace_id)
    for upload_id in uploads.due():
        wakeup.wake_chore("exporter.tasks.import_upload", upload_id)
    for source_id in following.due():
        wakeup.wake_chore("exporter.tasks.follow", source_id)
    replays.advance()
    imported_batches.forget()


@shared_task(name="exporter.tasks.follow")
def follow(source_id: int) -> str:
    """One turn at a source; asks again where objects wait."""
    turn = following.follow(source_id)
    if turn is following.FollowTurn.BEHIND and not stopping.is_set():
        wakeup.wake_chore("exporter.tasks.follow", source_id)
    return turn.value


@shared_task(name="exporter.tasks.replay")
def replay(delivery_id: int) -> str:
    """One turn of a replay, if a place is free for it; then whoever has waited longest."""
    if replay_places.free() <= 0:
        return Ended.HELD
    ended = deliver_once(delivery_id)
    if ended == Ended.DONE:
        replays.advance()
    elif ended != Ended.HELD and not stopping.is_set():
        # Where somebody else has it, they go on; asking at once would ask for the same one again.
        replays.wake_next()
    return ended


@shared_task(name="exporter.tasks.import_upload")
def import_upload(upload_id: int) -> None:
    if not uploads.run(upload_id):
        replays.advance()
    elif not stopping.is_set():
        wakeup.wake_chore("exporter.tasks.import_upload", upload_id)
