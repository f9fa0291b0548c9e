"""Avro's codecs: a block's bytes, unpacked and bounded. All of the specification (1.12): null, deflate, bzip2, xz,
snappy, zstandard."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

import cramjam
import zstandard

# Writers make blocks of 16 kB to some MB; what claims more is damaged, or a bomb.
MOST_BYTES = 64_000_000


class BadBlock(Exception):
    """The block cannot be unpacked."""


def unpack(codec: str, data: bytes) -> bytes:
    """Raises:
    KeyError: no such codec.
    BadBlock: the bytes are damaged, or come to more than MOST_BYTES.
    """
    unpacked = CODECS[codec]
    try:
        plain = unpacked(data)
    except BadBlock:
        raise
    except Exception as error:
        # Each library has errors of its own, and none of them tells more than that it could not.
        raise BadBlock(type(error).__name__) from error
    if len(plain) > MOST_BYTES:
        raise BadBlock("too large")
    return plain


def _deflate(data: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MOST_BYTES + 1)


def _bzip2(data: bytes) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, MOST_BYTES + 1)


def _xz(data: bytes) -> bytes:
    return lzma.LZMADecompressor().decompress(data, MOST_BYTES + 1)


def _zstandard(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return reader.read(MOST_BYTES + 1)


def _snappy(data: bytes) -> bytes:
    """Snappy's bare form, and behind it the CRC-32 of what was packed, four bytes."""
    packed, checksum = data[:-4], data[-4:]
    if cramjam.snappy.decompress_raw_len(packed) > MOST_BYTES:
        raise BadBlock("too large")
    plain = bytes(cramjam.snappy.decompress_raw(packed))
    if zlib.crc32(plain).to_bytes(4, "big") != checksum:
        raise BadBlock("checksum")
    return plain


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": lambda data: data,
    "deflate": _deflate,
    "bzip2": _bzip2,
    "xz": _xz,
    "snappy": _snappy,
    "zstandard": _zstandard,
}
