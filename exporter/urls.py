from django.urls import URLPattern, path, re_path

from exporter import data_urls
from exporter.api import connectors, probes
from exporter.api.events import intake
from exporter.views import (
    attempts,
    event_search,
    ledger_explained,
    pause_resume_delete,
    rejected,
    status,
    surroundings,
    test_events,
)
from exporter.views.all_connectors import workspaces
from exporter.views.connector_list import data_export

urlpatterns: list[URLPattern] = [
    *data_urls.urlpatterns,
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/v1/events", intake, name="intake"),
    # After every address of the API: programs are told of a wrong one in their own words.
    re_path("^api/", connectors.nothing_here, name="api-nothing"),
    path("", workspaces, name="workspaces"),
    path("w/<slug:slug>/banner/", surroundings.banner, name="banner"),
    path("w/<slug:slug>/data-export/", data_export, name="data_export"),
    path("w/<slug:slug>/data-export/<int:pk>/", status.status, name="status"),
    path("w/<slug:slug>/data-export/<int:pk>/try-now/", status.try_now, name="try_now"),
    path("w/<slug:slug>/data-export/<int:pk>/test/", test_events.test_events, name="test_events"),
    path("w/<slug:slug>/data-export/<int:pk>/write-key/try/", test_events.try_key, name="try_write_key"),
    path("w/<slug:slug>/data-export/refused/", rejected.by_intake, name="refused"),
    path("w/<slug:slug>/data-export/refused/retry/", rejected.retry_refused, name="retry_refused"),
    path("w/<slug:slug>/data-export/<int:pk>/why/", ledger_explained.explain, name="explain"),
    path("w/<slug:slug>/data-export/<int:pk>/attempts/", attempts.list_all, name="attempts"),
    path("w/<slug:slug>/data-export/<int:pk>/attempts/<int:attempt_id>/", attempts.one, name="attempt"),
    path("w/<slug:slug>/data-export/<int:pk>/rejected/", rejected.by_segment, name="rejected"),
    path("w/<slug:slug>/data-export/<int:pk>/rejected/retry/", rejected.retry, name="retry_rejected"),
    path("w/<slug:slug>/data-export/<int:pk>/find/", event_search.search, name="find_event"),
    path("w/<slug:slug>/data-export/<int:pk>/find/<int:number>/", event_search.one, name="found_event"),
    path("w/<slug:slug>/data-export/<int:pk>/pause/", pause_resume_delete.pause, name="pause"),
    path("w/<slug:slug>/data-export/<int:pk>/resume/", pause_resume_delete.resume, name="resume"),
    path("w/<slug:slug>/data-export/<int:pk>/delete/", pause_resume_delete.delete, name="delete"),
]
