"""What is told to Sentry and to an OpenTelemetry collector, where the environment names them; otherwise nothing of this
room is loaded. Both are spoken to directly, in their documented JSON: their kits collect arguments, addresses and texts
first and filter afterwards, while here only what is named leaves. May use `exporter.destinations`."""
