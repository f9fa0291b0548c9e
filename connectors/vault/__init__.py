"""Secrets at rest, and secrets shown once. Uses models."""
