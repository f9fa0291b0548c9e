"""What a request offers: its write key and its calls, judged by the limits of Segment's API. Pure.

The vendor's HTTP API page says "32 KB", "500 KB" and "2500 events" without defining KB; here KB is 1,024
bytes, sizes are counted uncompressed and as sent. Reasons are named as in the vendor's own table of discards.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

CALL_BYTES = 32 * 1024
BODY_BYTES = 500 * 1024
BATCH_CALLS = 2_500
SHOWABLE_KEY_LENGTH = 8
CALL_TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})

_EMPTY_OBJECT = msgspec.Raw(b"{}")


class Call(msgspec.Struct, rename="camel", gc=False):
    """The fields of one call that decide its fate; the rest is skipped, which keeps a full body cheap."""

    type: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    event: Any = None
    properties: msgspec.Raw = _EMPTY_OBJECT
    traits: msgspec.Raw = _EMPTY_OBJECT


class _Body(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: Any = None
    sent_at: Any = None


class _SingleBody(msgspec.Struct, rename="camel"):
    write_key: Any = None
    sent_at: Any = None


class SandboxRefusal(msgspec.Struct, frozen=True):
    """Why the whole request is refused: an HTTP status and the `code` and `message` of its JSON body."""

    status: int
    code: str
    message: str


class Offer(msgspec.Struct):
    """One request, read. Where `refusal` is set the calls may be missing."""

    key: str = ""
    raws: Sequence[msgspec.Raw] = ()
    calls: Sequence[Call] = ()
    sent_at: str | None = None
    size: int = 0
    refusal: SandboxRefusal | None = None


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_single = msgspec.json.Decoder(_SingleBody).decode
_decode_call = msgspec.json.Decoder(Call).decode


def last4(key: str) -> str:
    """The part of a write key that may be shown; nothing of a short key, which it would give away."""
    return key[-4:] if len(key) >= SHOWABLE_KEY_LENGTH else ""


def examine(kind: str, authorization: str, body: bytes) -> Offer:
    """Read a body sent to `/v1/<kind>`; never raises. `kind` is `batch` or a call type."""
    offer = Offer(key=basic_user(authorization), size=len(body))
    limit = BODY_BYTES if kind == "batch" else CALL_BYTES
    if len(body) > limit:
        offer.refusal = SandboxRefusal(400, "too_large", f"The body has more than {limit} bytes.")
        return offer
    try:
        _fill(offer, kind, body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        offer.refusal = SandboxRefusal(400, "malformed", "The body is not the JSON of a call or a batch.")
        return offer
    if any(len(raw) > CALL_BYTES for raw in offer.raws):
        offer.refusal = SandboxRefusal(400, "too_large", f"A call has more than {CALL_BYTES} bytes.")
    elif not offer.key:
        offer.refusal = SandboxRefusal(
            400, "no_write_key", "There is no write key in the header or the body."
        )
    return offer


def _fill(offer: Offer, kind: str, body: bytes) -> None:
    parsed: _Body | _SingleBody
    if kind == "batch":
        parsed = _decode_body(body)
        offer.raws = parsed.batch
        offer.calls = [_decode_call(raw) for raw in parsed.batch]
    else:
        parsed = _decode_single(body)
        call = _decode_call(body)
        call.type = kind
        offer.raws = [msgspec.Raw(body)]
        offer.calls = [call]
    if isinstance(parsed.sent_at, str):
        offer.sent_at = parsed.sent_at
    if not offer.key and isinstance(parsed.write_key, str):
        offer.key = parsed.write_key


def basic_user(authorization: str) -> str:
    """The user of an HTTP Basic header, else "". A missing colon is forgiven, as Segment does for now."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return decoded.partition(":")[0]


def drop_reason(call: Call) -> str | None:
    """Why Segment answers 200 and loses this call all the same; None for a good one."""
    if not isinstance(call.type, str) or call.type not in CALL_TYPES:
        return "bad_request"
    for name in (call.user_id, call.anonymous_id, call.message_id):
        if name is not None and not isinstance(name, str):
            return "id_not_string"
    if not call.user_id and not call.anonymous_id:
        return "no_user_anon_id"
    if call.type == "track":
        if call.event is not None and not isinstance(call.event, str):
            return "event_not_string"
        if not call.event:
            return "event_not_defined"
        if not _is_object(call.properties):
            return "properties_not_object"
    elif call.type == "identify" and not _is_object(call.traits):
        return "traits_not_object"
    return None


def _is_object(raw: msgspec.Raw) -> bool:
    return memoryview(raw)[0] in b"{n"
