from django.apps import AppConfig


class ExporterConfig(AppConfig):
    name = "exporter"

    def ready(self) -> None:
        from connectors import ports
        from exporter.actions.connector_changes import ExporterSide
        from exporter.dispatch import worker  # noqa: F401  its signals

        ports.register(ExporterSide())
