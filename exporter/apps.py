from django.apps import AppConfig


class ExporterConfig(AppConfig):
    name = "exporter"

    def ready(self) -> None:
        from connectors import ports
        from exporter.dispatch import worker  # noqa: F401  its signals
        from exporter.wiring import ExporterSide

        ports.register(ExporterSide())
