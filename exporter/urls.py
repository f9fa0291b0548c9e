from django.urls import URLPattern, path, re_path

from exporter.api import connectors, probes, replays
from exporter.api import sources as api_sources
from exporter.api.events import intake
from exporter.api.metrics import metrics
from exporter.views import (
    attempts,
    banner,
    downloads,
    event_search,
    imports,
    incidents,
    ledger_explained,
    pause_resume_delete,
    rejected,
    retention,
    seen_types,
    sources,
    status,
    test_events,
    webhook,
)
from exporter.views import replays as replay_pages
from exporter.views.all_connectors import workspaces
from exporter.views.connector_list import braze_token, data_export

_EXPORT = "w/<slug:slug>/data-export"

urlpatterns: list[URLPattern] = [
    path("api/v1/connectors", connectors.connectors, name="api-connectors"),
    path(
        "api/v1/connectors/<int:connector_id>/status",
        connectors.connector_status,
        name="api-connector-status",
    ),
    path("api/v1/connectors/<int:connector_id>/replays", replays.collection, name="api-replays"),
    path("api/v1/connectors/<int:connector_id>/replays/<int:replay_id>", replays.single, name="api-replay"),
    path(
        "api/v1/connectors/<int:connector_id>/replays/<int:replay_id>/<slug:verb>",
        replays.change,
        name="api-replay-change",
    ),
    path("api/v1/sources", api_sources.collection, name="api-sources"),
    path("api/v1/openapi.json", connectors.description, name="api-description"),
    path("metrics", metrics, name="metrics"),
    path(f"{_EXPORT}/refused.ndjson", downloads.refused_events, name="refused_download"),
    path(f"{_EXPORT}/<int:pk>/rejected.ndjson", downloads.rejected_events, name="rejected_download"),
    path(f"{_EXPORT}/<int:pk>/by-type.csv", downloads.by_type, name="by_type_download"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("api/v1/events", intake, name="intake"),
    # A slash too many would be 404, on which Braze waits for hours.
    path("api/v1/events/", intake, name="intake-slash"),
    # After every address of the API: programs are told of a wrong one in their own words.
    re_path("^api/", connectors.nothing_here, name="api-nothing"),
    path("", workspaces, name="workspaces"),
    path("w/<slug:slug>/settings/event-types/", seen_types.seen_types, name="seen_types"),
    path("w/<slug:slug>/settings/sources/", sources.listing, name="sources"),
    path("w/<slug:slug>/settings/sources/new/", sources.new, name="source_new"),
    path("w/<slug:slug>/settings/sources/<int:pk>/", sources.one, name="source"),
    path(
        "w/<slug:slug>/settings/sources/<int:pk>/credentials/",
        sources.credentials,
        name="source_credentials",
    ),
    path("w/<slug:slug>/settings/sources/<int:pk>/remove/", sources.remove, name="source_remove"),
    path("w/<slug:slug>/settings/sources/<int:pk>/<slug:act>/", sources.act, name="source_act"),
    path("w/<slug:slug>/settings/webhook/", webhook.webhook, name="webhook"),
    path("w/<slug:slug>/settings/webhook/try/", webhook.try_webhook, name="webhook_try"),
    path("w/<slug:slug>/settings/webhook/remove/", webhook.remove_webhook, name="webhook_remove"),
    path("w/<slug:slug>/settings/imports/", imports.listing, name="imports"),
    path("w/<slug:slug>/settings/imports/new/", imports.begin, name="import_begin"),
    path("w/<slug:slug>/settings/imports/<int:pk>/", imports.one, name="import"),
    path("w/<slug:slug>/settings/imports/<int:pk>/pieces/", imports.piece, name="import_piece"),
    path("w/<slug:slug>/settings/imports/<int:pk>/<slug:act>/", imports.act, name="import_act"),
    path("w/<slug:slug>/settings/retention/", retention.change, name="retention"),
    path("w/<slug:slug>/banner/", banner.banner, name="banner"),
    path(f"{_EXPORT}/", data_export, name="data_export"),
    path(f"{_EXPORT}/token/", braze_token, name="braze_token"),
    path(f"{_EXPORT}/<int:pk>/", status.status, name="status"),
    path(f"{_EXPORT}/<int:pk>/try-now/", status.try_now, name="try_now"),
    path(f"{_EXPORT}/<int:pk>/test/", test_events.test_events, name="test_events"),
    path(f"{_EXPORT}/<int:pk>/write-key/try/", test_events.try_key, name="try_write_key"),
    path(f"{_EXPORT}/refused/", rejected.by_intake, name="refused"),
    path(f"{_EXPORT}/refused/retry/", rejected.retry_refused, name="retry_refused"),
    path(f"{_EXPORT}/<int:pk>/why/", ledger_explained.explain, name="explain"),
    path(f"{_EXPORT}/<int:pk>/incidents/", incidents.incidents, name="incidents"),
    path(f"{_EXPORT}/<int:pk>/attempts/", attempts.list_all, name="attempts"),
    path(f"{_EXPORT}/<int:pk>/attempts/<int:attempt_id>/", attempts.one, name="attempt"),
    path(f"{_EXPORT}/<int:pk>/rejected/", rejected.by_segment, name="rejected"),
    path(f"{_EXPORT}/<int:pk>/rejected/retry/", rejected.retry, name="retry_rejected"),
    path(f"{_EXPORT}/<int:pk>/find/", event_search.search, name="find_event"),
    path(f"{_EXPORT}/<int:pk>/find/<int:number>/", event_search.one, name="found_event"),
    path(f"{_EXPORT}/<int:pk>/find/<int:number>/again/", event_search.send_again, name="send_again"),
    path(f"{_EXPORT}/<int:pk>/replays/", replay_pages.listing, name="replays"),
    path(f"{_EXPORT}/<int:pk>/replays/new/", replay_pages.begin, name="replay_begin"),
    path(f"{_EXPORT}/<int:pk>/replays/<int:replay_id>/", replay_pages.one, name="replay"),
    path(f"{_EXPORT}/<int:pk>/replays/<int:replay_id>/<slug:verb>/", replay_pages.act, name="replay_act"),
    path(f"{_EXPORT}/<int:pk>/pause/", pause_resume_delete.pause, name="pause"),
    path(f"{_EXPORT}/<int:pk>/resume/", pause_resume_delete.resume, name="resume"),
    path(f"{_EXPORT}/<int:pk>/delete/", pause_resume_delete.delete, name="delete"),
]
