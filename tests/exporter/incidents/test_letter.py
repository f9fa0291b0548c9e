"""What the letters about an incident say: a whole letter for every step and every cause, with nothing left empty."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from exporter.incidents.letter import MOST_TYPES, Facts, write
from exporter.models import Cause, MailStep

SINCE = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)
FACTS = Facts(
    connector="Segment",
    workspace="Harbour",
    link="https://currents.example.com/w/harbour/data-export/1/",
    cause=Cause.KEY_REJECTED,
    since=SINCE,
    now=SINCE + timedelta(hours=24),
    pending=12_345,
    first_loss=SINCE + timedelta(hours=48),
    expired={},
    kept_until=SINCE + timedelta(days=7),
    answer="401",
)


def text(step: MailStep, **facts: object) -> str:
    return write(step, replace(FACTS, **facts), ["data@example.com"], "").text  # type: ignore[arg-type]


@pytest.mark.parametrize(("step", "cause"), list(itertools.product(MailStep, Cause)))
def test_every_letter_says_what_happened_and_what_to_do(step: MailStep, cause: Cause) -> None:
    letter = write(step, replace(FACTS, cause=cause), ["data@example.com"], "")
    assert letter.subject.startswith("Segment: ")
    paragraphs = letter.text.strip().split("\n\n")
    words = paragraphs[: paragraphs.index(FACTS.link)]
    assert len(words) == (4 if step == MailStep.RECOVERED else 3)
    assert all(paragraph.endswith(".") for paragraph in words)
    for paragraph in words:
        assert paragraph in letter.html
    assert f'<a href="{FACTS.link}">' in letter.html


def test_a_letter_writes_dates_and_signs_as_its_reader_does() -> None:
    with translation.override("ja"):
        assert "2026年11月25日 14:02 UTC" in write(MailStep.STOPPED, FACTS, [], "", "ja").text
    with translation.override("fr"):
        assert write(MailStep.STOPPED, FACTS, [], "", "fr").subject.startswith("Segment\N{NO-BREAK SPACE}: ")


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            {},
            "12,345 events are waiting. The first will be lost on 27 November 2026, 14:02 UTC, in 24 h 0 min.",
        ),
        (
            {"pending": 1},
            "1 event is waiting. It will be lost on 27 November 2026, 14:02 UTC, in 24 h 0 min.",
        ),
        ({"pending": 0}, "No events are waiting."),
        ({"pending": 2, "first_loss": None}, "2 events are waiting."),
        ({"first_loss": FACTS.now}, "12,345 events are waiting, and the oldest are being lost now."),
        ({"cause": Cause.PAUSED}, "This connector has been paused since 25 November 2026, 14:02 UTC."),
        (
            {"cause": Cause.RETRYING, "answer": ""},
            "Nothing has been delivered for this connector since 25 November 2026",
        ),
        ({"cause": Cause.RETRYING, "answer": "503"}, "(last answer: 503)"),
        (
            {"expired": {"a.Open": 1}},
            "1 event was not delivered within 48 hours and is lost for this connector.",
        ),
    ],
)
def test_the_sentences_fit_the_facts(facts: dict[str, object], sentence: str) -> None:
    assert sentence in text(MailStep.STOPPED, **facts)


def test_a_recovery_says_since_when_how_long_and_what_it_cost() -> None:
    said = text(MailStep.RECOVERED, until=SINCE + timedelta(hours=3, minutes=20), pending=7)
    said = " ".join(said.split())
    assert "accepting this connector’s events again since 25 November 2026, 17:22 UTC." in said
    assert "Delivery had stopped on 25 November 2026, 14:02 UTC, 3 h 20 min before." in said
    assert "Nothing was lost. 7 events that gathered are being delivered now." in said
    said = " ".join(text(MailStep.RECOVERED, until=SINCE, expired={"a.Open": 2}, pending=0).split())
    assert "2 events were not delivered within 48 hours and are lost for this connector." in said
    assert "Nothing was lost" not in said


def test_the_most_lost_types_are_listed_and_the_others_summed() -> None:
    expired = {f"type.{number:02}": number for number in range(1, MOST_TYPES + 3)}
    said = text(MailStep.DROPPING, expired=expired)
    assert "Lost events: 78\ntype.12: 12\n" in said
    assert "type.03: 3\nAll other types: 3\n" in said


@pytest.mark.parametrize("cause", [Cause.KEY_REJECTED, Cause.REQUEST_REFUSED, Cause.KEY_UNREADABLE])
def test_a_letter_about_a_trouble_that_a_pause_has_joined_says_so(cause: Cause) -> None:
    joined = "The connector is paused, too: nothing is tried before it is resumed."
    letter = write(MailStep.HALF_TIME, replace(FACTS, cause=cause, paused=True), [], "")
    assert joined in letter.text
    assert joined in letter.html
    assert joined not in text(MailStep.HALF_TIME, cause=cause)
    assert joined not in text(MailStep.HALF_TIME, cause=Cause.PAUSED, paused=True), "that is what it says"


@pytest.mark.parametrize("answer", ["", "internal fault (KeyError)"])
def test_what_segment_was_not_asked_is_not_laid_at_its_door(answer: str) -> None:
    told = text(MailStep.STOPPED, cause=Cause.RETRYING, answer=answer)
    assert "Nothing has been delivered for this connector since 25 November 2026, 14:02 UTC." in told
    assert "Segment has" not in told


def test_what_was_answered_is_told_in_the_readers_language() -> None:
    facts = replace(FACTS, cause=Cause.RETRYING, answer="no answer")
    with translation.override("de"):
        assert "(letzte Antwort: keine Antwort)" in write(MailStep.STOPPED, facts, [], "", "de").text
