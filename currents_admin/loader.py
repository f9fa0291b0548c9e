"""How worker and beat read the settings."""

from __future__ import annotations

import sys
from typing import Any

from celery.loaders.app import AppLoader
from django.core.exceptions import ImproperlyConfigured


class PlainLoader(AppLoader):  # type: ignore[misc]
    """A wrong value in the environment ends worker and beat with its sentence and without a traceback."""

    def config_from_object(self, obj: Any, silent: bool = False) -> bool:
        try:
            return bool(super().config_from_object(obj, silent=silent))
        except ImproperlyConfigured as error:
            sys.exit(f"{error}")
