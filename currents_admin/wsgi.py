"""The WSGI entry for the web server."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")

try:
    _django = get_wsgi_application()
except ImproperlyConfigured as error:
    sys.exit(f"{error}")

# It reads the models, so Django must be set up first.
from currents_admin import request_id
from exporter.api import short_way

application = request_id.around(short_way.before(_django))
