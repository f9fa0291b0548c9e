"""Whatever bytes were stored, what is shown of them can be written on a page."""

from __future__ import annotations

import json

import pytest

from exporter.reports import masking


@pytest.mark.parametrize("personal", [True, False])
@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":"q","time":5,"event_type":"users.messages.email.Open","campaign_name":"\xed\xa0\xbd"}',
        b'{"id":"q","x":"\xed\xa0\xbd"}',
        b'{"id":"q","x":"\\ud83d"}',
        b'{"\xed\xa0\xbd":1}',
    ],
)
def test_half_an_emoji_can_be_shown_however_it_was_written(raw: bytes, personal: bool) -> None:
    json.dumps(masking.shown(raw, personal=personal), ensure_ascii=False).encode()


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
def test_a_number_no_json_can_carry_is_shown_as_it_came(number: str) -> None:
    raw = f'{{"id":"q","x":{number}}}'
    assert masking.shown(raw.encode(), personal=True) == {"raw": raw}
    assert masking.shown(raw.encode(), personal=False) == {"raw": masking.HIDDEN}
