"""Names and places in free text, and what a text teaches about its own names."""

from __future__ import annotations

import pytest

from gloveport.guardrails.masking.detect import Detector


def names(detector: Detector, text: str, kind: str = "PERSON") -> list[str]:
    return [text[s.start : s.end] for s in detector.scan(text) if s.type == kind]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear Mrs Henderson, your parcel is here.", ["Henderson"]),
        ("I spoke to Priya Raghunathan about the invoice.", ["Priya Raghunathan"]),
        ("my name is jonas weber and i need help", ["jonas weber"]),
        ("Best regards,\nOluwaseun Adeyemi", ["Oluwaseun Adeyemi"]),
        ("Patient: Łukasz Wiśniewski, seen by Dr. Marsh", ["Łukasz Wiśniewski", "Marsh"]),
    ],
)
def test_people(detector: Detector, text: str, expected: list[str]) -> None:
    assert names(detector, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("She moved from Lisbon to Toronto.", ["Lisbon", "Toronto"]),
        ("We do not ship to Iceland.", ["Iceland"]),
        ("Berlin, Germany", ["Berlin", "Germany"]),
    ],
)
def test_places(detector: Detector, text: str, expected: list[str]) -> None:
    assert names(detector, text, "LOCATION") == expected


@pytest.mark.parametrize(
    "text",
    [
        "Please restart the Router and check the Network Settings.",
        "Terms and Conditions apply. See Section 4.2 of the Service Agreement.",
        "2026-10-12T13:55:36Z INFO [main] Started Application in 12.4 seconds",
        "Past history of Crohn's disease and Parkinson's disease.",
        "Build 4f5e6d7a8b9c failed: NullPointerException in OrderController",
        "SELECT Name, Total FROM Orders WHERE Status = 'Open'",
        "Merry Christmas and a Happy New Year!",
        "Blood Pressure 120/80, Heart Rate 72, Temp 36.8",
    ],
)
def test_capitals_that_name_nobody(detector: Detector, text: str) -> None:
    assert names(detector, text) == []
    assert names(detector, text, "LOCATION") == []


def test_who_speaks_again_and_again_is_known(detector: Detector) -> None:
    text = "Jonte: da?\nOmbasti: ja, gleich\nJonte: gut so\nOmbasti: bis dann\n"
    assert names(detector, text) == ["Jonte", "Ombasti", "Jonte", "Ombasti"]


def test_who_signs_a_letter_is_known(detector: Detector) -> None:
    body = "The old key will stop working tonight, so please take the new one and tell the others as well. " * 2
    assert names(detector, f"{body}\n\nZyrelle") == ["Zyrelle"]
    assert names(detector, f"{body}\n\nThanks") == []
    assert names(detector, "Zyrelle") == []


def test_json_within_json(detector: Detector) -> None:
    assert names(detector, r'{"arguments": "{\"surname\": \"Henderson\", \"n\": 1}"}') == ["Henderson"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please ask Dr. Henderson.", ["Henderson"]),
        ("Contact: Priya Raghunathan\n\nAgenda for Monday", ["Priya Raghunathan"]),
        ("It was signed by Maria Raghunathan-Weber in May.", ["Maria Raghunathan-Weber"]),
    ],
)
def test_where_a_name_ends(detector: Detector, text: str, expected: list[str]) -> None:
    assert names(detector, text) == expected


def test_ordinary_words_of_other_languages(detector: Detector) -> None:
    for text in (
        "Die Lieferung kam am Dienstag, die Hälfte der Ware fehlt. Bitte klären und Rückmeldung geben.",
        "Merci de patienter, votre demande est en cours. La livraison est retardée d'une semaine.",
        "La impresora no funciona y hace ruido. Por favor, vengan pronto.",
        "De factuur vindt u in de bijlage. Betaling graag binnen dertig dagen.",
    ):
        assert detector.scan(text) == []


def test_a_name_is_known_in_the_rest_of_its_text(detector: Detector) -> None:
    text = "Please add Wilhelmina Achterberg to the policy.\n" + "x = 1\n" * 20 + "| Achterberg | 42 | open |"
    assert names(detector, text).count("Achterberg") == 1


def test_and_not_in_another_text(detector: Detector) -> None:
    first, second = detector.scan_many(["Please add Wilhelmina Zyxwv to the policy.", "Zyxwv: 42"])
    alone = detector.scan("Zyxwv: 42")
    assert [s.type for s in first] == ["PERSON"]
    assert second == alone


def test_a_hash_is_no_place(detector: Detector) -> None:
    for value in ("663bf9341e224094074f3a37bb63e57746d1f0aa", "46ccedfa-c417-4d57-ad1e-26c39d771234", "CNB1234567890"):
        assert detector.scan(f"Artifact {value} in Building") == detector.scan(
            f"Artifact {value} in Building", structured_only=True
        )


def test_long_texts_are_tagged_to_their_end(detector: Detector) -> None:
    text = "Nothing to see here, move along please.\n" * 1500 + "Dear Mrs Henderson, hello."
    assert names(detector, text) == ["Henderson"]
    assert names(detector, "no line break " * 4000 + "Dear Mrs Henderson, hello.") == ["Henderson"]


def test_a_place_ends_before_a_number_of_another_kind(detector: Detector) -> None:
    text = "Ship to 12 Oak Street, Springfield, IL 62704, card 4539 5787 6362 1486, Boston"
    assert [text[s.start : s.end] for s in detector.scan(text)] == [
        "12 Oak Street, Springfield, IL 62704",
        "4539 5787 6362 1486",
        "Boston",
    ]


def test_code_is_left_alone(detector: Detector) -> None:
    for line in (
        "    elif isinstance(julian, str):",
        "import sys, os",
        "x = [a, b]",
        "apt-get install erlang-base libc-dev-bin",
    ):
        assert detector.scan(line) == []


def test_tokens_of_our_own_are_never_inside_a_name(detector: Detector) -> None:
    from gloveport.tools.tool import TokenSpan

    text = "Dear Mrs Tk9-token-1 Henderson of Springfield"
    spans = detector.scan(text, skip=lambda t: [TokenSpan(9, 20, "person")])
    assert all(s.end <= 9 or s.start >= 20 for s in spans)
