"""Buckets and folders that are followed: their objects are found, read as streams and appended, each once.

Uses intake and below.
"""
