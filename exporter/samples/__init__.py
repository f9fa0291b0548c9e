"""Invented traffic, people and histories, for demonstrations and measurements.

Uses the models and the rooms that write them.
"""
