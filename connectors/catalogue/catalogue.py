"""The catalogue: every event type Currents can export to Segment, and what each becomes there.

``catalogue.json`` beside this module is the only list; the form, the intake, the transform and the documentation
read it through :data:`CATALOGUE`. The facts were compiled from Braze's public Currents event glossary, changelog
and samples and from Segment's page about Braze as a source. The file has a version of ours, which rises with every
event type it learns: what was settled under an older one is judged by what was known then.
"""

from pathlib import Path

from connectors.catalogue.reading import load

MESSAGE_ENGAGEMENT_SECTIONS = frozenset({"Campaigns", "Canvas", "Messages"})

CATALOGUE = load(Path(__file__).with_name("catalogue.json").read_bytes())

ALL = frozenset(event.event_type for event in CATALOGUE.events)
# Also those that Braze is known to send and that cannot be exported.
KNOWN = ALL | CATALOGUE.without_segment_form | {event.event_type for event in CATALOGUE.nameless}
# Those of the reference page; of the newer ones none is chosen by a button that does not say so.
REFERENCE_PAGE = frozenset(event.event_type for event in CATALOGUE.events if not event.newer)
MESSAGE_ENGAGEMENT = frozenset(
    event.event_type
    for event in CATALOGUE.events
    if not event.newer and event.section in MESSAGE_ENGAGEMENT_SECTIONS
)


def canonical(name: str) -> str:
    """The catalogue's spelling of a known name or alias; any other name unchanged."""
    return CATALOGUE.canonical(name)
