"""Accounting: outcomes, delays, the fate of a single event, and the independent check.

Uses log and below.
"""
