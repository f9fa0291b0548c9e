"""The event catalogue and its data. Uses nothing of the product."""
