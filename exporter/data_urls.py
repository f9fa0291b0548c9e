"""Addresses that answer data instead of pages: the API for readers, metrics, downloads."""

from django.urls import URLPattern, path

from exporter.views import api, downloads
from exporter.views.metrics import metrics

_EXPORT = "w/<slug:slug>/data-export"

urlpatterns: list[URLPattern] = [
    path("api/v1/connectors", api.connectors, name="api-connectors"),
    path("api/v1/connectors/<int:connector_id>/status", api.connector_status, name="api-connector-status"),
    path("api/v1/openapi.json", api.description, name="api-description"),
    path("metrics", metrics, name="metrics"),
    path(f"{_EXPORT}/refused.ndjson", downloads.refused_events, name="refused_download"),
    path(f"{_EXPORT}/<int:pk>/rejected.ndjson", downloads.rejected_events, name="rejected_download"),
    path(f"{_EXPORT}/<int:pk>/by-type.csv", downloads.by_type, name="by_type_download"),
]
