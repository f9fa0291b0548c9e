"""Who does something: a person, or the product itself, and from which address."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.models import User


@dataclass(frozen=True, slots=True)
class By:
    """Who makes a change, and from where."""

    user: User | None
    address: str | None = None
