"""The index of id hashes finds what a dictionary of lists would."""

from __future__ import annotations

import tracemalloc
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from exporter.intake.id_index import MOST_NUMBERS, IdIndex


def hash_of(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=8).digest()


@given(
    st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=60), max_size=12),
    st.integers(1, 200),
    st.integers(0, 2**40),
)
def test_it_finds_the_numbers_a_dictionary_would(batches: list[list[int]], window: int, first: int) -> None:
    index, plain, head = IdIndex(), dict[int, list[int]](), first
    for batch in batches:
        oldest = max(0, head - window)
        index.add(b"".join(map(hash_of, batch)), head, oldest)
        for place, one in enumerate(batch):
            plain.setdefault(one, []).insert(0, head + place)
        head += len(batch)
    oldest = max(0, head - window)
    for one in range(301):
        expected = [number for number in plain.get(one, []) if number >= oldest]
        assert index.numbers(hash_of(one), oldest) == expected[:MOST_NUMBERS]
        if expected:
            assert not index.knows_none_of([hash_of(one)])
    assert index.knows_none_of(map(hash_of, range(301, 400)))


def test_a_hash_that_stands_across_two_entries_is_not_found() -> None:
    index = IdIndex()
    index.add(b"aaaaaaaa" * 3, 0x62626262, 0)
    across = b"\0\0bbbbaa"
    assert index.numbers(across, 0) == []


def test_one_hash_with_thousands_of_numbers_stays_quick_to_ask() -> None:
    index = IdIndex()
    index.add(hash_of(1) * 5_000, 0, 0)
    assert index.numbers(hash_of(1), 0) == list(range(4_999, 4_999 - MOST_NUMBERS, -1))


def test_a_hash_takes_a_quarter_of_what_a_dictionary_takes() -> None:
    hashes = b"".join(map(hash_of, range(100_000)))
    tracemalloc.start()
    try:
        index = IdIndex()
        for at in range(0, len(hashes), 4_000):
            index.add(hashes[at : at + 4_000], at // 8, 0)
        compact = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(index) == 100_000
    assert compact / 100_000 < 37
