"""The words and sums of the account: outcomes, delays, the fate of one event, the independent check.

Uses log and below.
"""
