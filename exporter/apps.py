from django.apps import AppConfig


class ExporterConfig(AppConfig):
    name = "exporter"

    def ready(self) -> None:
        from connectors import ports
        from connectors.vault import resealing
        from exporter.actions.connector_changes import ExporterSide
        from exporter.dispatch import worker  # noqa: F401  its signals

        ports.register(ExporterSide())
        from exporter.models import Source, Webhook

        resealing.also("source", lambda: Source.objects.exclude(credentials=b""), "credentials")
        resealing.also("webhook address", Webhook.objects.all, "url")
        resealing.also("webhook secret", Webhook.objects.all, "secret")
