"""Street lines and codes as several countries write them, and prose that only sounds like one."""

from __future__ import annotations

import time

import pytest

from gloveport.guardrails.masking.detect import Detector
from gloveport.guardrails.masking.detect.addresses import ANCHORS
from gloveport.guardrails.masking.detect.anchors import RegexScanner
from gloveport.guardrails.masking.detect.buffer import join
from gloveport.guardrails.masking.detect.scan import Scan

SCANNER = RegexScanner(ANCHORS)


def by_form(text: str, *, places: bool = True) -> list[str]:
    """What the forms alone find, without the tagger."""
    buffer = join([text])
    scan = Scan(buffer, buffer.text, buffer.raw, None, False, places)
    for index, end in SCANNER.scan(buffer.raw):
        ANCHORS[index].handler(scan, end)
    return [text[s.start : s.end] for s in sorted(scan.found)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I live at 12 Oak Street, ok", "12 Oak Street"),
        ("at 45 elm street apt 4b", "45 elm street apt 4b"),
        ("221B Baker St, London", "221B Baker St"),
        ("1600 Pennsylvania Avenue NW", "1600 Pennsylvania Avenue NW"),
        ("12 rue de la Paix, Paris", "12 rue de la Paix"),
        ("7 bis Rue Saint-Honoré", "7 bis Rue Saint-Honoré"),
        ("Via Giuseppe Garibaldi 15, Milano", "Via Giuseppe Garibaldi 15"),
        ("Calle Mayor, 5, Madrid", "Calle Mayor, 5"),
        ("Rua Augusta, 1508", "Rua Augusta, 1508"),
        ("Hauptstraße 12a, Berlin", "Hauptstraße 12a"),
        ("Lange Straße 7", "Lange Straße 7"),
        ("Prinsengracht 263, Amsterdam", "Prinsengracht 263"),
        ("Storgatan 4 B", "Storgatan 4 B"),
        ("ul. Długa 7/4, Kraków", "ul. Długa 7/4"),
        ("write to P.O. Box 1234, Nairobi", "P.O. Box 1234"),
        ("Postfach 10 20 30", "Postfach 10 20 30"),
        ("my zip code is 90210", "90210"),
        ("PLZ: 10115", "10115"),
        ("postcode SW1A 1AA", "SW1A 1AA"),
        ("London NW1 6XE", "NW1 6XE"),
        ("Ottawa K1A 0B1", "K1A 0B1"),
        ("Springfield, IL 62704-1234", "Springfield, IL 62704-1234"),
    ],
)
def test_forms(text: str, value: str) -> None:
    assert value in by_form(text)


@pytest.mark.parametrize(
    "text",
    [
        "5 minutes down the road",
        "3 more items on the way",
        "he paid 300 dollars for the drive",
        "version 5 of the Main Street app",
        "2 people in the court",
        "Room 12, Drive C",
        "via 5 different routes",
        "in place 3",
        "zip file 2026",
        "IL 62704x",
        "unter anderem Weg 5000.5",
    ],
)
def test_prose(text: str) -> None:
    assert by_form(text) == []


def test_open_columns_keep_addresses() -> None:
    assert by_form("12 Oak Street, Springfield, IL 62704", places=False) == []


def test_an_address_is_one_value(detector: Detector) -> None:
    text = "Please ship it to 12 Oak Street, Apt 4, Springfield, IL 62704. Thanks"
    spans = [text[s.start : s.end] for s in detector.scan(text) if s.type == "LOCATION"]
    assert spans == ["12 Oak Street, Apt 4, Springfield, IL 62704"]


@pytest.mark.parametrize(
    "piece", ["12 Aa Aa Aa St ", "via A. ", "Weg 1 ", "zip ", "1 1 1 street ", "A1A 1A1 ", "P.O. Box "]
)
def test_time_is_linear(piece: str) -> None:
    def took(count: int) -> float:
        text = piece * count
        began = time.process_time()
        by_form(text)
        return time.process_time() - began

    took(200)
    short = max(*(took(800) for _ in range(3)), 1e-3)
    assert any(took(8000) < 40 * short for _ in range(5))
