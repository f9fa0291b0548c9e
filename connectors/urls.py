from django.urls import path

from connectors.views.create import create
from connectors.views.edit import edit
from connectors.views.event_types import event_type
from connectors.views.write_key import write_key

urlpatterns = [
    path("w/<slug:slug>/data-export/new/segment/", create, name="create"),
    path("w/<slug:slug>/data-export/<int:pk>/edit/", edit, name="edit"),
    path("w/<slug:slug>/data-export/<int:pk>/write-key/", write_key, name="write_key"),
    path("events/<str:name>/", event_type, name="event_type"),
]
