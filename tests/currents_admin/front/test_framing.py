"""Where a request ends is found in whatever pieces it arrives, and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from currents_admin.front.framing import Chunks, Malformed, read_head


def test_a_head_says_what_the_front_needs() -> None:
    head = read_head(
        b"POST /api/v1/events?x=1 HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\n"
        b"AUTHORIZATION: Bearer cur_x_y\r\nExpect: 100-Continue"
    )
    assert (head.method, head.path, head.length, head.chunked) == ("POST", "/api/v1/events", 12, False)
    assert (head.authorization, head.expects_continue) == ("Bearer cur_x_y", True)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /\r\nHost: a",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        b"POST / HTTP/1.1\r\nContent-Length: +1",
        b"POST / HTTP/1.1\r\nContent-Length: 1_0",
        b"POST / HTTP/1.1\r\nContent-Length: 9999999999999999",
        b"GET /healthz HTTP/1.1\r\nX: a\nContent-Length: 30\r\nHost: a",
        b"GET /healthz HTTP/1.1\r\nX: a\rContent-Length: 30",
        b"GET /healthz HTTP/1.1\nContent-Length: 30\r\nHost: a",
        b"GET /healthz HTTP/1.1\r\nContent-Length : 30",
        b"GET /healthz HTTP/1.1\r\nX: a\r\n Content-Length: 30",
        b"GET /healthz HTTP/1.1\r\nContent-Length\x0b: 30",
        b"GET /healthz HTTP/1.1\r\nX: a\0b",
        b"GET /healthz HTTP/1.1\r\nnothing",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_head(raw)


# On a busy machine even small inputs take long to draw.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.data())
def test_a_chunked_body_ends_at_the_same_place_in_all_pieces(parts: list[bytes], data: st.DataObject) -> None:
    body = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: t\r\n\r\n"
    chunks, buffer, rest = Chunks(0), bytearray(), body + b"GET /next"
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        buffer += rest[:size]
        rest = rest[size:]
        chunks.follow(buffer)
        assert chunks.end in (-1, len(body))
    assert chunks.end == len(body)


@pytest.mark.parametrize("raw", [b"x\r\n", b"-1\r\n", b"\r\n", b"fffffffff\r\n", b"1" * 2_000])
def test_a_chunk_without_a_size_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Chunks(0).follow(bytearray(raw))


def test_a_body_in_crumbs_is_refused() -> None:
    with pytest.raises(Malformed):
        Chunks(0).follow(bytearray(b"1\r\nx\r\n" * 5_000))
