"""An analysis is used again only where everything it depends on is the same."""

from __future__ import annotations

import threading

import pytest

from gloveport.tests.tools.database.sql.clinic import RULES, Clinic, rule
from gloveport.tools.database.sql import guard
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.database.sql.cache import AnalysisCache
from gloveport.tools.tool import Mask

TEXT = "SELECT id FROM patients WHERE email = 'tok_a'"


def test_the_same_question_is_answered_from_memory() -> None:
    clinic = Clinic(version="cache 1")
    assert clinic.analyse(TEXT) is clinic.analyse(TEXT)


@pytest.mark.parametrize(
    "changes",
    [
        {"inference": Inference.RELAXED},
        {"rules": {**RULES, "patients.email": rule("email", Mask.REDACT)}},
        {"version": "2"},
        {"closed": frozenset({"visits"})},
        {"writes": True},
        {"functions": frozenset({"f"})},
        {"class_inference": {"email": Inference.RELAXED}},
        {"token_joins": True},
    ],
)
def test_any_change_asks_again(changes: dict[str, object]) -> None:
    clinic = Clinic(rules={**RULES, "patients.email": rule("email", match_literal=True)})
    first = clinic.analyse("SELECT city FROM patients")
    assert clinic.but(**changes).analyse("SELECT city FROM patients") is not first


def test_an_identity_with_other_tokens_gets_its_own_analysis() -> None:
    knows, does_not = Clinic(tokens={"tok_a": "email"}), Clinic()
    assert len(knows.analyse(TEXT).slots) == 1
    assert not does_not.analyse(TEXT).slots  # a plain literal for this one
    assert len(knows.analyse(TEXT).slots) == 1


def test_writes_are_not_kept() -> None:
    clinic = Clinic(writes=True)
    text = "UPDATE visits SET cost = 1 WHERE id = 2"
    assert clinic.analyse(text) is not clinic.analyse(text)


def test_the_cache_forgets_the_oldest() -> None:
    cache = AnalysisCache(2)
    settings = Clinic().settings
    analysis = Clinic().analyse("SELECT 1")
    for text in ("a", "b", "c"):
        cache.put(text, settings, analysis, ())
    assert cache.get("a", settings) is None
    assert cache.get("c", settings) is analysis
    cache.clear()
    assert cache.get("c", settings) is None


def test_threads_share_it() -> None:
    clinic, texts = Clinic("postgresql", version="threads"), [f"SELECT city, {i} FROM patients" for i in range(40)]
    wrong: list[str] = []

    def ask() -> None:
        for i, text in enumerate(texts):
            if f", {i} FROM" not in clinic.analyse(text).sql:
                wrong.append(text)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_shapes_are_made_once() -> None:
    clinic = Clinic(version="shapes")
    assert guard.shapes_of(clinic.settings) is guard.shapes_of(clinic.settings)
