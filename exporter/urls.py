from django.urls import URLPattern, path

from exporter.intake import intake

urlpatterns: list[URLPattern] = [
    path("api/v1/events", intake, name="intake"),
]
