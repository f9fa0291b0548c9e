from django.urls import URLPattern, path

from connectors.views import audit, members, owners, tokens, workspaces, write_key
from connectors.views.create import create
from connectors.views.edit import edit
from connectors.views.event_types import event_type
from connectors.views.invitation import invitation
from connectors.views.language import language
from connectors.views.preferences import preferences

CONNECTOR = "w/<slug:slug>/data-export/<int:pk>/"
SETTINGS = "w/<slug:slug>/settings/"

urlpatterns: list[URLPattern] = [
    path("w/<slug:slug>/data-export/new/segment/", create, name="create"),
    path(CONNECTOR + "edit/", edit, name="edit"),
    path(CONNECTOR + "write-key/", write_key.write_key, name="write_key"),
    path(CONNECTOR + "write-key/discard/", write_key.discard, name="discard_write_key"),
    path(CONNECTOR + "write-key/roll-back/", write_key.roll_back, name="roll_back_write_key"),
    path(CONNECTOR + "write-key/reminder/", write_key.reminder, name="write_key_reminder"),
    path(CONNECTOR + "verified/", write_key.verified, name="verified"),
    path(SETTINGS + "members/", members.listing, name="members"),
    path(SETTINGS + "members/invite/", members.invite, name="member_invite"),
    path(SETTINGS + "members/second-factor/", members.second_factor, name="require_second_factor"),
    path(SETTINGS + "members/<int:pk>/", members.change, name="member"),
    path(SETTINGS + "members/<int:pk>/remove/", members.remove, name="member_remove"),
    path(
        SETTINGS + "members/invitations/<int:pk>/<slug:act>/", members.invitation_act, name="invitation_act"
    ),
    path(SETTINGS + "tokens/", tokens.listing, name="tokens"),
    path(SETTINGS + "tokens/new/", tokens.create, name="token_new"),
    path(SETTINGS + "tokens/<int:pk>/rotate/", tokens.rotate, name="token_rotate"),
    path(SETTINGS + "tokens/<int:pk>/revoke/", tokens.revoke, name="token_revoke"),
    path(SETTINGS + "audit/", audit.audit, name="audit"),
    path(SETTINGS + "audit/csv/", audit.audit_csv, name="audit_csv"),
    path("workspaces/", workspaces.listing, name="all_workspaces"),
    path("workspaces/new/", workspaces.create, name="workspace_new"),
    path("workspaces/audit/", audit.installation_audit, name="installation_audit"),
    path("workspaces/audit/csv/", audit.installation_audit_csv, name="installation_audit_csv"),
    path("workspaces/owners/", owners.listing, name="owners"),
    path("workspaces/owners/<int:pk>/remove/", owners.remove, name="owner_remove"),
    path("workspaces/<slug:slug>/rename/", workspaces.rename, name="workspace_rename"),
    path("workspaces/<slug:slug>/archive/", workspaces.archive, name="workspace_archive"),
    path("invitations/<str:secret>/", invitation, name="invitation"),
    path("preferences/", preferences, name="preferences"),
    path("language/", language, name="language"),
    path("events/<str:name>/", event_type, name="event_type"),
]
