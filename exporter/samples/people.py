"""The people, campaigns and Canvases of generated traffic. Everything follows from the random source it is
given; names and addresses are invented (example.com, 555 numbers)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SEASONS = ("Spring", "Summer", "Autumn", "Winter", "Weekend", "Holiday", "Birthday", "Anniversary", "Flash")
OFFERS = (
    "Sale",
    "Preview",
    "Newsletter",
    "Loyalty Bonus",
    "Restock Alert",
    "Feedback Request",
    "Price Drop",
    "Gift",
)
AUDIENCES = (
    "All Users",
    "New Customers",
    "VIP",
    "Lapsed 30 Days",
    "App Users",
    "DACH",
    "UK & Ireland",
    "North America",
)
JOURNEYS = (
    "Welcome Journey",
    "Abandoned Cart",
    "Win-back",
    "Onboarding",
    "Post-purchase",
    "Renewal Reminder",
)
STEPS = ("First Message", "Wait and Nudge", "Reminder", "Last Chance", "Thank You")
FIRST = (
    "Ada",
    "Bruno",
    "Chiara",
    "Daiki",
    "Elif",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kemi",
    "Lucía",
    "Mei",
)
LAST = (
    "Almeida",
    "Bauer",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ito",
    "Kowalski",
    "Okafor",
)
TIMEZONES = (
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/London",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Tokyo",
)
DEVICES = (
    ("ios", "iPhone15,3", "18.2", "phone"),
    ("ios", "iPhone13,2", "17.6.1", "phone"),
    ("ios", "iPad13,4", "18.1", "tablet"),
    ("android", "Pixel 8", "15", "phone"),
    ("android", "SM-S918B", "14", "phone"),
    ("web", "Chrome", "131", "desktop"),
)
PROVIDERS = ("gmail", "outlook", "yahoo", "icloud", "gmx")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who receives messages; `external_user_id` is None for an anonymous user."""

    user_id: str
    external_user_id: str | None
    email: str
    phone: str
    timezone: str
    device_id: str
    platform: str
    device_model: str
    os_version: str
    device_class: str
    provider: str
    push_token: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message comes from: the fields of one campaign variant, or of one step of a Canvas."""

    fields: dict[str, str]


def uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def person(random: Random, anonymous_share: float) -> Person:
    first, last = random.choice(FIRST), random.choice(LAST)
    platform, model, version, device_class = random.choice(DEVICES)
    number = random.getrandbits(32)
    return Person(
        user_id=f"{random.getrandbits(96):024x}",
        external_user_id=None if random.random() < anonymous_share else f"customer-{number:010d}",
        email=f"{first}.{last}.{number % 10_000}@example.com".lower().replace("í", "i"),
        phone=f"+1555{number % 10_000_000:07d}",
        timezone=random.choice(TIMEZONES),
        device_id=uuid(random),
        platform=platform,
        device_model=model,
        os_version=version,
        device_class=device_class,
        provider=random.choice(PROVIDERS),
        push_token=f"{random.getrandbits(256):064x}",
    )


def campaign(random: Random) -> list[Origin]:
    """A campaign's variants."""
    common = {
        "campaign_id": uuid(random),
        "campaign_name": f"{random.choice(SEASONS)} {random.choice(OFFERS)} – {random.choice(AUDIENCES)}",
    }
    return [
        Origin(common | {"message_variation_id": uuid(random), "message_variation_name": name})
        for name in ("Variant 1", "Variant 2")[: random.randint(1, 2)]
    ]


def canvas(random: Random) -> list[Origin]:
    """A Canvas's steps."""
    common = {
        "canvas_id": uuid(random),
        "canvas_name": f"{random.choice(JOURNEYS)} – {random.choice(AUDIENCES)}",
        "canvas_variation_id": uuid(random),
        "canvas_variation_name": random.choice(("Variant 1", "Control Path", "Short Path")),
    }
    return [
        Origin(
            common
            | {
                "canvas_step_id": uuid(random),
                "canvas_step_name": name,
                "canvas_step_message_variation_id": uuid(random),
            }
        )
        for name in STEPS[: random.randint(2, 5)]
    ]
