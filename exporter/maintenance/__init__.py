"""Chores that keep history small: trimming and roll-up. Uses delivery and below."""
