from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "connectors"

    def ready(self) -> None:
        from connectors.sign_in import audit_trail, session_rights  # noqa: F401 - listen to signals
