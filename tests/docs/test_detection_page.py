"""docs/detection.md: its console examples print what it says, and every type is in its table."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gloveport.guardrails.masking.classes import CLASS_OF_TYPE, EntityType

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "detection.md").read_text()
EXAMPLES = re.findall(r"^\$ echo '([^']*)' \| gloveport (\w+)\n(.*)$", PAGE, re.MULTILINE)
ROWS = re.findall(r"^\| (`[A-Z_`, ]+`) \| (`[a-z_`, ]+`) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("given", "command", "printed"), EXAMPLES)
def test_examples(given: str, command: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gloveport", command],
        input=f"{given}\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == f"{printed}\n"


def test_every_type_and_its_class() -> None:
    assert len(EXAMPLES) == 2
    types: list[str] = []
    for kinds, classes in ROWS:
        named, their = re.findall(r"`(\w+)`", kinds), re.findall(r"`(\w+)`", classes)
        types += named
        assert {CLASS_OF_TYPE[kind] for kind in named} == set(their)
    assert sorted(types) == sorted(EntityType)
