"""Who is woken when: wake-ups (Celery messages), sweep, heartbeats, the stop flag. Uses models and sql."""
