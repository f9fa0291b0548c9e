"""Measurements of the product beside its peers: `make bench`, `make bench-guard`."""
