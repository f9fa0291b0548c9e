"""A connector from launch to deletion, its forms, and its write key from entry to destruction.

Uses audit, catalogue, vault, mail, ports and models.
"""
