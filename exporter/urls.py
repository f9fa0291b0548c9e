from django.urls import URLPattern, path

from exporter.intake import intake
from exporter.views import api, lifesigns

urlpatterns: list[URLPattern] = [
    path("healthz", lifesigns.healthz, name="healthz"),
    path("readyz", lifesigns.readyz, name="readyz"),
    path("api/v1/connectors/<int:connector_id>/status", api.connector_status, name="api-connector-status"),
    path("api/v1/events", intake, name="intake"),
]
