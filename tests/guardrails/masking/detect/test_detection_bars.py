"""The bars: what may leak and what may be masked too much, on texts of our own with known spans and hard decoys."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from gloveport.guardrails.masking.detect import Detector, Span

OWN = Path(__file__).parents[3] / "data" / "detection.jsonl"
BLIND = OWN.with_name("blind.jsonl")
SETS = Path(__file__).parents[5] / "shared" / "detection-sets"
FREE = ("PERSON", "LOCATION")

Row = tuple[str, list[tuple[int, int, str]]]


def load(path: Path) -> list[Row]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row["text"], [(s, e, t) for s, e, t in row["spans"]]) for row in rows]


@pytest.fixture(scope="module")
def own(detector: Detector) -> list[tuple[Row, list[Span]]]:
    rows = load(OWN)
    return list(zip(rows, detector.scan_many([text for text, _ in rows]), strict=True))


def leaks(scanned: list[tuple[Row, list[Span]]]) -> dict[str, float]:
    """Share of sensitive characters by type that no finding covers."""
    total, open_ = Counter[str](), Counter[str]()
    for (_, gold), found in scanned:
        covered = {i for span in found for i in range(span.start, span.end)}
        for start, end, kind in gold:
            total[kind] += end - start
            open_[kind] += len(set(range(start, end)) - covered)
    return {"all": sum(open_.values()) / sum(total.values())} | {k: open_[k] / n for k, n in total.items()}


def over(scanned: list[tuple[Row, list[Span]]]) -> float:
    """Wrongly masked characters per 1,000."""
    wrong = size = 0
    for (text, gold), found in scanned:
        sensitive = {i for start, end, _ in gold for i in range(start, end)}
        wrong += len({i for span in found for i in range(span.start, span.end)} - sensitive)
        size += len(text)
    return 1000 * wrong / size


def test_leak(own: list[tuple[Row, list[Span]]]) -> None:
    shares = leaks(own)
    assert shares["all"] < 0.03  # the promise is 10 %
    assert {kind: share for kind, share in shares.items() if kind not in ("all", *FREE) and share >= 0.01} == {}
    assert max(shares[kind] for kind in FREE) < 0.05


def test_over_masking(own: list[tuple[Row, list[Span]]]) -> None:
    assert over(own) < 18  # the promise is 20


def test_decoys_of_each_kind_of_text(detector: Detector) -> None:
    """Texts without anything personal: hardly anything may be masked in them."""
    empty = [row for row in load(OWN) if not row[1]]
    assert len(empty) > 80
    assert over([(row, detector.scan(row[0])) for row in empty]) < 25
    structured = [(row, detector.scan(row[0], structured_only=True)) for row in empty]
    assert over(structured) == 0


def test_types_are_right(own: list[tuple[Row, list[Span]]]) -> None:
    wrong = Counter[tuple[str, str]]()
    for (_, gold), found in own:
        by_place = {(s.start, s.end): str(s.type) for s in found}
        for start, end, kind in gold:
            if kind not in FREE and by_place.get((start, end)) != kind:
                wrong[kind, by_place.get((start, end), "not as a whole")] += 1
    assert wrong == Counter()


@pytest.fixture(scope="module")
def blind(detector: Detector) -> list[tuple[Row, list[Span]]]:
    """Documents written before the detector ever ran on one; half of them were never read since."""
    rows = load(BLIND)
    return list(zip(rows, detector.scan_many([text for text, _ in rows]), strict=True))


def test_blind_set(blind: list[tuple[Row, list[Span]]]) -> None:
    shares = leaks(blind)
    assert shares["all"] < 0.10
    assert over(blind) < 20
    sizes = Counter[str]()
    for (_, gold), _ in blind:
        for start, end, kind in gold:
            sizes[kind] += end - start
    structured = {kind: size for kind, size in sizes.items() if kind not in FREE}
    # the promise of 1 % is kept on the set of our own; on texts nobody has read this is what was reached
    assert sum(shares[kind] * size for kind, size in structured.items()) / sum(structured.values()) < 0.04


# micro span F1 of presidio-analyzer 2.2.366 with the better of two spaCy models from PyPI (benchmarks/detection.py)
PRESIDIO = {"presidio_v2": 0.592, "presidio_large": 0.604, "wnut17_dev": 0.594}
SCORED = ("PERSON", "LOCATION", "CREDIT_CARD", "PHONE", "EMAIL", "IBAN", "US_SSN", "IP_ADDRESS", "URL")


@pytest.mark.parametrize("name", PRESIDIO)
def test_names_are_found_better_than_by_presidio(detector: Detector, name: str) -> None:
    path = SETS / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    types = set(SCORED if name.startswith("presidio") else FREE)
    right = given = wanted = 0
    rows = load(path)
    for (_, gold), found in zip(rows, detector.scan_many([text for text, _ in rows]), strict=True):
        gold = [g for g in gold if g[2] in types]
        mine = [(s.start, s.end, str(s.type)) for s in found if s.type in types]
        wanted, given = wanted + len(gold), given + len(mine)
        right += _matched(mine, gold)
    precision, recall = right / given, right / wanted
    assert 2 * precision * recall / (precision + recall) > PRESIDIO[name] + 0.02


def _matched(mine: list[tuple[int, int, str]], gold: list[tuple[int, int, str]]) -> int:
    """Pairs of one type that share at least half of what they cover, best first, each used once."""
    pairs = [
        ((min(b, d) - max(a, c)) / (max(b, d) - min(a, c)), i, j)
        for i, (a, b, kind) in enumerate(mine)
        for j, (c, d, other) in enumerate(gold)
        if kind == other and 2 * (min(b, d) - max(a, c)) >= max(b, d) - min(a, c)
    ]
    used_mine, used_gold = set[int](), set[int]()
    for _, i, j in sorted(pairs, reverse=True):
        if i not in used_mine and j not in used_gold:
            used_mine.add(i)
            used_gold.add(j)
    return len(used_mine)
