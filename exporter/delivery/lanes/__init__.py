"""Two lanes: small work of many connectors in sets, a backlog in a turn of its own. Uses `exporter.delivery`."""
