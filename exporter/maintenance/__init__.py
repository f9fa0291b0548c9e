"""Chores that make history smaller: trimming and roll-up. Uses delivery and below."""
