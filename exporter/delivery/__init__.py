"""Delivery: lease, read, pack, send, settle. The only writer of cursors and outcomes.

`deliver.deliver` is one turn of one worker for one delivery; the other modules are its parts. Uses destinations and
below.
"""
