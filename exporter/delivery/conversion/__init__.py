"""Conversion on a second core: a process of its own makes the calls of a backlog while its turn sends them."""
