"""The append-only event log: one event, batches, append and read, look-up by number.

Uses dispatch and below.
"""
