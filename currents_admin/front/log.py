"""gunicorn's own lines, as lines of the product."""

from __future__ import annotations

import sys
from logging.config import dictConfig

from django.core.exceptions import ImproperlyConfigured
from gunicorn.config import Config
from gunicorn.glogging import Logger


class FrontLog(Logger):  # type: ignore[misc]
    def setup(self, cfg: Config) -> None:
        """The application is loaded in the worker only, so the process above it sets up its lines itself."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        try:
            from currents_admin.settings import LOGGING
        except ImproperlyConfigured as error:
            sys.exit(f"{error}")
        dictConfig(LOGGING)
