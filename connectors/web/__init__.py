"""The tools of both apps' views: request helpers, permissions, rate limit, time zone, words for times.

Uses models and audit.
"""
