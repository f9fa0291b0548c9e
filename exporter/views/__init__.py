"""Pages that tell what was delivered, and the answers for machines."""
