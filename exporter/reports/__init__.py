"""Facts for pages and API, as dataclasses: no HTML, no geometry, no sentences.

Uses destinations, ledger and below.
"""
