"""Celery tasks of what people configure. Each may be called twice or lost: it looks for itself what is due."""

from __future__ import annotations

from celery import shared_task

from connectors.setup import key_reminders, key_rotation
from connectors.sign_in import housekeeping


@shared_task(name="connectors.tasks.destroy_old_keys")
def destroy_old_keys() -> int:
    return key_rotation.destroy_old()


@shared_task(name="connectors.tasks.remind_of_keys")
def remind_of_keys() -> int:
    return key_reminders.mail_due()


@shared_task(name="connectors.tasks.purge_sign_in")
def purge_sign_in() -> int:
    housekeeping.tell_owners_of_an_undeclared_proxy()
    return housekeeping.purge()
