"""The order of the list of all workspaces: whatever page is asked for, it is that part of the whole in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.reports.health import Health
from exporter.reports.standing import Standing
from exporter.views.all_connectors import TroubleFirst
from exporter.views.connector_list import trouble_first

_STANDINGS = st.builds(
    Standing,
    st.integers(0, 99),
    st.sampled_from(["Harbour", "harbour", "Pine", "Äpfel"]),
    st.sampled_from(["a", "B", "c"]),
    st.sampled_from(list(Health)),
    st.just(True),
)


@given(st.lists(_STANDINGS, max_size=40), st.integers(0, 45), st.integers(0, 45))
def test_a_page_is_that_part_of_the_whole_list_in_order(found: list[Standing], start: int, stop: int) -> None:
    whole = sorted(found, key=lambda one: trouble_first(one.health, one.workspace, one.name))
    asked = TroubleFirst(found)
    assert len(asked) == len(whole)
    assert asked[start:stop] == whole[start:stop]
    assert list(asked) == whole
