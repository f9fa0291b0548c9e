"""Faults on purpose: real processes and sockets, a numbered stream of events, and a table of what became of them.

`python -m tests.faults` runs it; `make test` does not collect it. Every figure comes from outside the pipeline: what
was acknowledged from the sender's own notes, what was delivered and doubled from the sandbox's file of message ids.
"""
