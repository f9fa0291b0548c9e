"""A body or a file becomes normalised events, without duplicates, stored by the appender.

Uses log, dispatch and below.
"""
