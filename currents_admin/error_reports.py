"""What Django's error reports may show: never a value of a variable or of a form.

Django hides values only while DEBUG is off, and only where somebody marked them. Here nothing is shown with it on,
either: a traceback with places and types is enough to find a fault, and a write key may be in any frame.
"""

from __future__ import annotations

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class NoValues(SafeExceptionReporterFilter):
    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {} if request is None else dict.fromkeys(request.POST, self.cleansed_substitute)

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        return {name: type(value).__name__ for name, value in tb_frame.f_locals.items()}.items()
