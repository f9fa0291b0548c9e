"""What machines talk to: intake endpoint, connectors, OpenAPI, metrics, probes, and what those share.

Uses intake, reports and below.
"""
