"""Pages on which people configure connectors."""
