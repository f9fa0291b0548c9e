"""The catalogues of messages: extracted from code, templates and the event catalogue, merged, compiled and checked.

For development only: Babel does the work, and what it compiles is committed, so nobody who runs the product needs it.
"""
