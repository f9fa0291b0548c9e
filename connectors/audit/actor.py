"""Who makes a change: a person or the product itself, and from which address."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.models import User


@dataclass(frozen=True, slots=True)
class By:
    """Who makes a change, and the address the request came from."""

    user: User | None
    address: str | None = None


# The product itself, or somebody at a command line.
SYSTEM = By(None)
