"""Starts the product on one machine and keeps it running: `python -m currents_admin.supervisor run`.

Nothing else starts the embedded PostgreSQL and Redis. Everything is written below `local.folder()`.
"""
