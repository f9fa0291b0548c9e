"""Static files as production serves them: under names with a hash, compressed."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also names with a hash what our scripts import from each other, so that a browser loads each module once.

    Django's own switch for this reads scripts of others too, and stops at what is no import there.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", ((r"""(?P<matched>from ["'](?P<url>\./[^"']+)["'])""", 'from "%(url)s"'),)),
    )
