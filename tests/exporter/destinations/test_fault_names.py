"""Faults of a connection are stored in English and told in the reader's language."""

from __future__ import annotations

import socket
import ssl

import pytest
from django.utils import translation

from connectors.templatetags.parts import stored
from exporter.destinations.connection import NOT_PERMITTED, fault_name
from exporter.destinations.http_answer import NO_ANSWER
from exporter.incidents.webhook import UNREADABLE

FAULTS = (ConnectionRefusedError(), socket.gaierror(), TimeoutError(), ConnectionResetError(), ssl.SSLError())
NAMES = {fault_name(error, connecting=connecting) for error in FAULTS for connecting in (True, False)}


@pytest.mark.parametrize("name", sorted({*NAMES, NO_ANSWER, NOT_PERMITTED, UNREADABLE}))
def test_a_fault_is_told_in_the_reader_s_language(name: str) -> None:
    with translation.override("de"):
        assert name not in stored(name)
    with translation.override("en"):
        assert name in stored(name)


def test_a_fault_without_words_is_told_as_it_is_stored_and_marked_as_english() -> None:
    said = "proxy p: refused with status 407"
    with translation.override("de"):
        assert stored(said) == f'<span lang="en">{said}</span>'
