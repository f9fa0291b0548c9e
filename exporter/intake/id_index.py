"""Which event numbers an id hash has, in some 25 bytes a hash; a dictionary of Python's objects takes 150.

Hashes lie in buckets. A bucket is one bytes object of entries, the oldest first: 8 bytes of hash, 6 of event number.
Most questions are answered by one search in some hundred bytes, which runs at the speed of C.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

HASH_BYTES = 8
_ENTRY = 14
_FEWEST_BUCKETS = 8
# Longer ones take longer to search, shorter ones spend more on what Python notes about each.
_ENTRIES_A_BUCKET = 8
# Of one hash: whoever sends one id with thousands of types must not make each event as dear as all before it.
MOST_NUMBERS = 200


class IdIndex:
    """Hashes with their event numbers, added in the order of numbers. Not for several threads."""

    __slots__ = ("_buckets", "_entries", "_mask")

    def __init__(self) -> None:
        self._entries = 0
        self._buckets = [b""] * _FEWEST_BUCKETS
        self._mask = _FEWEST_BUCKETS - 1

    def __len__(self) -> int:
        """The entries held; a few of them may be older than the oldest that is asked for."""
        return self._entries

    def knows_none_of(self, hashes: Iterable[bytes]) -> bool:
        buckets, mask = self._buckets, self._mask
        # A list: half as dear as a generator, and there is nothing to stop early for.
        return not any([one in buckets[hash(one) & mask] for one in hashes])  # noqa: C419

    def numbers(self, id_hash: bytes, oldest: int) -> list[int]:
        """The event numbers of this hash, `oldest` or later, the newest first; the 200 newest at most."""
        bucket, found = self._buckets[hash(id_hash) & self._mask], list[int]()
        at = len(bucket)
        while (at := bucket.rfind(id_hash, 0, at)) >= 0 and len(found) < MOST_NUMBERS:
            if at % _ENTRY == 0:
                found.append(int.from_bytes(bucket[at + HASH_BYTES : at + _ENTRY]))
            at += HASH_BYTES - 1
        return [number for number in found if number >= oldest]

    def add(self, hashes: bytes, first: int, oldest: int) -> None:
        """Adds the hashes of the events from number `first` on; entries below `oldest` may go."""
        count = len(hashes) // HASH_BYTES
        if self._entries + count > len(self._buckets) * _ENTRIES_A_BUCKET:
            self._grow(self._entries + count, oldest)
        buckets, mask, floor = self._buckets, self._mask, _as_bytes(oldest)
        for place, number in zip(_split(hashes), range(first, first + count), strict=True):
            at = hash(place) & mask
            bucket = buckets[at]
            if bucket and bucket[HASH_BYTES:_ENTRY] < floor:
                bucket = self._without_old(bucket, floor)
            buckets[at] = b"".join((bucket, place, number.to_bytes(6)))
        self._entries += count

    def _without_old(self, bucket: bytes, floor: bytes) -> bytes:
        start = 0
        while start < len(bucket) and bucket[start + HASH_BYTES : start + _ENTRY] < floor:
            start += _ENTRY
        self._entries -= start // _ENTRY
        return bucket[start:]

    def _grow(self, entries: int, oldest: int) -> None:
        """Drops what is old; where that is not enough, lays everything out anew with room to spare."""
        floor = _as_bytes(oldest)
        self._buckets = [self._without_old(bucket, floor) for bucket in self._buckets]
        held, count = self._buckets, len(self._buckets)
        while entries > count * _ENTRIES_A_BUCKET:
            count *= 2
        buckets, mask = [b""] * count, count - 1
        self._buckets, self._mask = buckets, mask
        for bucket in held:
            for at in range(0, len(bucket), _ENTRY):
                buckets[hash(bucket[at : at + HASH_BYTES]) & mask] += bucket[at : at + _ENTRY]


def _split(hashes: bytes) -> Iterator[bytes]:
    return (hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))


def _as_bytes(number: int) -> bytes:
    return max(0, number).to_bytes(6)
