"""Each operation of the API's description is a test of its own."""

from __future__ import annotations

import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    """Schemathesis tells operations apart by a test's name; pytest leaves its brackets out of the id, and of tests with
    one id only the last is run where they run side by side."""
    operation = getattr(item, "operation_label", None)
    if operation is not None and item.id.params is None:
        item._id = item.id.with_params(operation)
