"""The generator: realistic, seeded traffic from the catalogue. Pure: the same arguments give the same
events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

from connectors.catalogue.catalogue import CATALOGUE
from connectors.catalogue.event_type import EventType
from exporter.samples import people as invented
from exporter.samples.people import Origin, Person, uuid

# How often each channel is used, and what becomes of a message: many sends and deliveries, few clicks.
_CHANNELS = {
    "email": 50.0,
    "pushnotification": 22.0,
    "inappmessage": 8.0,
    "contentcard": 6.0,
    "sms": 6.0,
    "whatsapp": 3.0,
    "webhook": 2.0,
    "newsfeedcard": 0.5,
    "campaigns": 0.4,
    "canvas": 1.5,
    "behaviors": 0.6,
}
_ACTIONS = {
    "Send": 40.0,
    "CarrierSend": 38.0,
    "Delivery": 38.0,
    "Impression": 20.0,
    "Entry": 20.0,
    "Read": 10.0,
    "Open": 9.0,
    "Conversion": 2.0,
    "Click": 1.5,
    "ShortLinkClick": 1.0,
    "Bounce": 0.4,
    "Unsubscribe": 0.15,
    "MarkAsSpam": 0.03,
}
_OTHER_ACTION = 0.3
_PEOPLE = 20_000
_LINKS = (
    "https://shop.example.com/sale",
    "https://shop.example.com/new?utm_source=braze",
    "https://example.com/app",
)
_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36",
)


class _Scene(NamedTuple):
    """What the values of an event are made from."""

    random: Random
    person: Person
    origin: Origin


_Maker = Callable[[_Scene], Any]

# Other fields are left out unless they belong to the origin: they are optional and usually absent in real events too.
_MAKERS: dict[str, _Maker] = {
    "device_id": lambda scene: scene.person.device_id,
    "platform": lambda scene: scene.person.platform,
    "device_model": lambda scene: scene.person.device_model,
    "os_version": lambda scene: scene.person.os_version,
    "device_class": lambda scene: scene.person.device_class,
    "device_os": lambda scene: scene.person.os_version,
    "timezone": lambda scene: scene.person.timezone,
    "email_address": lambda scene: scene.person.email,
    "channel_identifier": lambda scene: scene.person.email,
    "phone_number": lambda scene: scene.person.phone,
    "user_phone_number": lambda scene: scene.person.phone,
    "to_phone_number": lambda scene: scene.person.phone,
    "mailbox_provider": lambda scene: scene.person.provider,
    "push_token": lambda scene: scene.person.push_token,
    "ad_tracking_enabled": lambda scene: scene.person.platform != "web",
    "send_id": lambda scene: f"{scene.random.getrandbits(96):024x}",
    "dispatch_id": lambda scene: f"{scene.random.getrandbits(128):032x}",
    "message_id": lambda scene: f"{scene.random.getrandbits(96):024x}",
    "card_id": lambda scene: f"{scene.random.getrandbits(96):024x}",
    "content_card_id": lambda scene: uuid(scene.random),
    "url": lambda scene: scene.random.choice(_LINKS),
    "link_alias": lambda scene: scene.random.choice(("hero", "footer", "button")),
    "short_url": lambda scene: f"https://x.example.com/{scene.random.getrandbits(32):x}",
    "user_agent": lambda scene: scene.random.choice(_AGENTS),
    "machine_open": lambda scene: scene.random.choice(("true", "false")),
    "is_amp": lambda scene: scene.random.random() < 0.05,
    "is_suspected_bot_click": lambda scene: scene.random.random() < 0.03,
    "bounce_reason": lambda scene: scene.random.choice(("550 no such user", "452 mailbox full")),
    "button_id": lambda scene: str(scene.random.randint(0, 1)),
    "subscription_status": lambda scene: scene.random.choice(("Subscribed", "Unsubscribed", "OptedIn")),
    "conversion_behavior_index": lambda scene: scene.random.randint(0, 3),
    "in_control_group": lambda scene: scene.random.random() < 0.1,
    "subscription_group_id": lambda scene: "8f0a2f64-6d0f-4d7e-a35c-4f2f5f0a9f11",
    "abort_type": lambda scene: scene.random.choice(("liquid_abort_message", "quiet_hours", "rate_limit")),
    "abort_log": lambda scene: "The message was not sent.",
    "message_body": lambda scene: scene.random.choice(("STOP", "YES", "How do I change my order?")),
    "inbound_phone_number": lambda scene: "+15550000001",
    "from_phone_number": lambda scene: "+15550000001",
    "app_id": lambda scene: "5d0b1d4e-8f2c-4a70-9b1e-0c6d5a3f7e21",
    "app_group_id": lambda scene: "6f1c7a3be05d4c2f9a8e1b77",
    "esp": lambda scene: "sendgrid",
    "from_domain": lambda scene: "mail.shop.example.com",
    "ip_pool": lambda scene: "marketing",
    "ad_id": lambda scene: uuid(scene.random),
    "ad_id_type": lambda scene: "ios_idfa" if scene.person.platform == "ios" else "google_ad_id",
    "locale_key": lambda scene: scene.person.timezone[:2].lower(),
    "message_extras": lambda scene: (
        f'{{"order":"{scene.random.getrandbits(40):012x}","store":"northern outlet"}}'
    ),
    "name": lambda scene: scene.random.choice(("Size guide opened", "Wishlist shared", "Store located")),
    "properties": lambda scene: f'{{"colour":"blue","size":{scene.random.randint(36, 46)}}}',
    "product_id": lambda scene: f"sku-{scene.random.randint(1000, 9999)}",
    "currency": lambda scene: scene.random.choice(("EUR", "USD", "BRL", "JPY")),
    "price": lambda scene: round(scene.random.uniform(5, 200), 2),
    "latitude": lambda scene: round(scene.random.uniform(-60, 60), 4),
    "longitude": lambda scene: round(scene.random.uniform(-180, 180), 4),
    "session_id": lambda scene: uuid(scene.random),
    "duration": lambda scene: round(scene.random.uniform(5, 900), 1),
    "browser": lambda scene: "Mobile Safari" if scene.person.platform == "ios" else "Chrome",
}
_OWN = frozenset({"id", "time", "user_id", "external_user_id"})
_OF_THE_USER = ("user_id", "external_user_id", "device_id", "timezone")


def generate(
    seed: int,
    count: int,
    *,
    start: float = 1_750_000_000,
    span: float = 3_600,
    anonymous_share: float = 0.05,
    shape: str = "flat",
    people: int = _PEOPLE,
) -> Iterator[dict[str, Any]]:
    """`count` events whose times run from `start` (UNIX seconds) over `span` seconds.

    `shape` is `flat` (as in Currents files) or `custom_http` (as Braze posts); `anonymous_share` is the share
    of people without an external id. A few of the `people` get most of the messages.
    """
    random = Random(seed)  # noqa: S311 - sample data, not a secret
    # Only types of the reference page, so that a seed's traffic stays the same when Braze adds types.
    kinds, weights = _kinds(event for event in CATALOGUE.events if not event.newer)
    origins = _origins(random)
    met: dict[int, Person] = {}
    for place in range(count):
        event_type, makers = random.choices(kinds, cum_weights=weights)[0]
        number = int(people * random.random() ** 2)
        person = met.get(number)
        if person is None:
            met[number] = person = invented.person(random, anonymous_share)
        scene = _Scene(random, person, random.choice(origins))
        event = _event(scene, event_type, makers, int(start + span * place / count))
        yield event if shape == "flat" else _nested(event)


def one_of_each(seed: int, event_types: Collection[str], time: float) -> Iterator[dict[str, Any]]:
    """One flat event of each of the types, in the catalogue's order, at `time` (UNIX seconds)."""
    random = Random(seed)  # noqa: S311 - sample data, not a secret
    kinds, _weights = _kinds(CATALOGUE.events)
    origins = _origins(random)
    for event_type, makers in kinds:
        if event_type.event_type in event_types:
            scene = _Scene(random, invented.person(random, 0.0), random.choice(origins))
            yield _event(scene, event_type, makers, int(time))


def _event(
    scene: _Scene, event_type: EventType, makers: list[tuple[str, _Maker]], time: int
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "event_type": event_type.event_type,
        "id": uuid(scene.random),
        "time": time,
        "user_id": scene.person.user_id,
    }
    if scene.person.external_user_id is not None:
        event["external_user_id"] = scene.person.external_user_id
    fields = scene.origin.fields
    event |= {name: fields[name] for name in fields if name in event_type.storage}
    return event | {name: maker(scene) for name, maker in makers}


def _kinds(
    events: Iterable[EventType],
) -> tuple[list[tuple[EventType, list[tuple[str, _Maker]]]], list[float]]:
    """Each event type with the functions that make its fields, and the running sum of the types' weights."""
    kinds, weights, total = [], [], 0.0
    for event_type in events:
        makers = [
            (name, _MAKERS[name]) for name in event_type.storage if name in _MAKERS and name not in _OWN
        ]
        kinds.append((event_type, makers))
        words = event_type.event_type.split(".")
        channel = words[2] if words[1] == "messages" else words[1]
        total += _CHANNELS.get(channel, 1.0) * _ACTIONS.get(event_type.action, _OTHER_ACTION)
        weights.append(total)
    return kinds, weights


def _origins(random: Random) -> list[Origin]:
    """Campaigns and Canvases; the first ones are busier than the last."""
    made = [origin for _ in range(24) for origin in invented.campaign(random)]
    made += [origin for _ in range(10) for origin in invented.canvas(random)]
    random.shuffle(made)
    return [origin for place, origin in enumerate(made) for _ in range(1 + len(made) // (place + 3))]


def _nested(event: dict[str, Any]) -> dict[str, Any]:
    """The same event in the shape of Braze's Custom HTTP connector."""
    user = {name: event.pop(name) for name in _OF_THE_USER if name in event}
    top = {name: event.pop(name) for name in ("event_type", "id", "time")}
    return top | {"user": user, "properties": event}
