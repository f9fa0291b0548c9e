"""Addresses that answer data instead of pages: the API for readers, metrics, downloads."""

from django.urls import URLPattern, path

from exporter.api import connectors
from exporter.api.metrics import metrics
from exporter.views import downloads

_EXPORT = "w/<slug:slug>/data-export"

urlpatterns: list[URLPattern] = [
    path("api/v1/connectors", connectors.connectors, name="api-connectors"),
    path(
        "api/v1/connectors/<int:connector_id>/status",
        connectors.connector_status,
        name="api-connector-status",
    ),
    path("api/v1/openapi.json", connectors.description, name="api-description"),
    path("metrics", metrics, name="metrics"),
    path(f"{_EXPORT}/refused.ndjson", downloads.refused_events, name="refused_download"),
    path(f"{_EXPORT}/<int:pk>/rejected.ndjson", downloads.rejected_events, name="rejected_download"),
    path(f"{_EXPORT}/<int:pk>/by-type.csv", downloads.by_type, name="by_type_download"),
]
