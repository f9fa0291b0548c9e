"""Wiring only: settings, environment, Celery, URLs, local services."""

from currents_admin.celery import app as celery_app

__all__ = ["celery_app"]
