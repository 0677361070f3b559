"""docs/tokens.md and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gloveport.guardrails.masking.classes import CLASSES
from gloveport.guardrails.masking.duties import LADDER
from gloveport.guardrails.masking.keys import open_keys
from gloveport.guardrails.masking.restore import RestoreRate
from gloveport.guardrails.masking.tokens.recognise import PATTERNS, REDACTED
from gloveport.guardrails.masking.transforms import LAST4
from gloveport.tools.tool import Place

PAGE = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text()


def block(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return code


def rows(heading: str) -> list[list[str]]:
    """The first table below a heading, without its head."""
    part = PAGE.split(f"## {heading}\n")[1]
    lines = [line for line in part.split("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_form_has_its_regular_expression() -> None:
    shown = dict(line.split(maxsplit=1) for line in block("tokens").splitlines())
    assert shown == dict(PATTERNS)
    assert [row[0].strip("`") for row in rows("How tokens look")] == list(PATTERNS)


def test_every_mask_has_its_regular_expression() -> None:
    assert f"`{REDACTED}`" in PAGE
    assert f"`{LAST4}`" in PAGE


def test_every_class_has_its_default() -> None:
    shown = [(row[0].strip("`"), row[1], row[2]) for row in rows("What each class gets")]
    assert shown == [(c.name, str(c.mask), c.meaning) for c in CLASSES.values()]


def test_masks_places_and_numbers() -> None:
    ladder = PAGE.split("from strictest to weakest ")[1].split(".")[0]
    assert re.findall(r"`(\w+)`", ladder) == [str(mask) for mask in LADDER]
    assert [row[0] for row in rows("Who can turn tokens back")] == [
        str(p) for p in (Place.EQUALITY, Place.VALUE, Place.NAME, Place.CONTENT)
    ]
    assert RestoreRate()._limit == 5000  # pyright: ignore[reportPrivateUsage]
    assert RestoreRate()._seconds == 60  # pyright: ignore[reportPrivateUsage]


def test_the_example_of_a_rotation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "docs/tokens.md", "exec"), {})
    assert open_keys("file:.gloveport/key").epochs == (1,)


@pytest.mark.parametrize("line", [line for line in PAGE.splitlines() if "  ->  " in line])
def test_the_tokens_shown_are_of_the_forms_given(line: str) -> None:
    token = line.split("->")[1].strip()
    assert any(re.fullmatch(pattern, token) for pattern in PATTERNS.values())
