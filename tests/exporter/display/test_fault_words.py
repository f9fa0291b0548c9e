"""Faults of a connection are stored in English and told in the reader's language."""

from __future__ import annotations

import socket
import ssl

import pytest
from django.utils import translation

from exporter.destinations.connection import fault_name
from exporter.display.fault_words import fault

FAULTS = (ConnectionRefusedError(), socket.gaierror(), TimeoutError(), ConnectionResetError(), ssl.SSLError())


@pytest.mark.parametrize("error", FAULTS, ids=lambda one: type(one).__name__)
def test_a_fault_is_told_in_the_reader_s_language(error: Exception) -> None:
    with translation.override("de"):
        assert fault(fault_name(error)) != fault_name(error)
        assert fault(fault_name(error, connecting=True)) != fault_name(error, connecting=True)
    with translation.override("en"):
        assert fault(fault_name(error)) == fault_name(error)


def test_a_fault_without_words_is_told_as_it_is_stored() -> None:
    assert fault("proxy p: refused with status 407") == "proxy p: refused with status 407"
