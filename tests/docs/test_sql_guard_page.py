"""What docs/sql-guard.md says of statements, codes and modes is what the guard does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gloveport.tests.tools.database.sql.clinic import Clinic
from gloveport.tools.database.sql import refusals
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.tool import ToolRefused

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sql-guard.md").read_text()
EXAMPLE = re.compile(r"^(?P<sql>(?:INSERT|UPDATE|DELETE|SELECT|WITH|DROP).*;)\s+-- (?P<says>.*)$", re.MULTILINE)
BLOCKS = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str, bool]]:
    return [(m["sql"], m["says"], block.startswith("-- writes")) for block in BLOCKS for m in EXAMPLE.finditer(block)]


def test_every_line_of_the_examples_is_checked() -> None:
    lines = [line for block in BLOCKS for line in block.splitlines() if line and line != "-- writes"]
    assert len(examples()) == len(lines)


@pytest.mark.parametrize(("sql", "says", "writes"), examples(), ids=lambda value: str(value)[:60])
def test_examples(sql: str, says: str, writes: bool) -> None:
    clinic = Clinic("postgresql", tokens={"tok_email": "email"}, writes=writes)
    if says.startswith("allowed"):
        assert clinic.analyse(sql).sql
    else:
        assert clinic.refusal(sql).code == says.removeprefix("refused: ")


def test_every_code_is_explained() -> None:
    source = Path(refusals.__file__).read_text()
    codes = set(re.findall(r'ToolRefused\(\s*"(\w+)"', source))
    assert len(codes) == 13
    assert codes <= set(re.findall(r"`(\w+)`", PAGE))


# a row of the table of modes: what stands for it, and the word its cells begin with
ROWS = {
    "in the select list": "SELECT email FROM patients",
    "in an expression that cannot fail": "SELECT upper(email) FROM patients",
    "in anything that can fail": "SELECT income + 1 FROM patients",
    "`= token`": "SELECT id FROM patients WHERE email = 'tok_email'",
    "`= 'literal'`": "SELECT id FROM patients WHERE ssn = 'x'",
    "any other condition": "SELECT id FROM patients WHERE income > 1",
    "`JOIN`": "SELECT p.id FROM patients p JOIN staff s ON s.email = p.email",
    "`GROUP BY column`": "SELECT email, count(*) FROM patients GROUP BY email",
    "`count(column)`": "SELECT count(email) FROM patients",
    "`sum`": "SELECT sum(income) FROM patients",
}
ALLOWED = ("allowed", "masked", "the whole output", "same", "label", "outermost")


@pytest.mark.parametrize("start", ROWS)
def test_the_table_of_modes(start: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {start}")]
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[2:5]]
    for mode, cell in zip(Inference, cells, strict=True):
        try:
            Clinic("postgresql", mode, {"tok_email": "email"}).analyse(ROWS[start])
        except ToolRefused:
            assert not cell.startswith(ALLOWED) or "'literal'" in start, (mode, cell)
        else:
            assert cell.startswith(ALLOWED), (mode, cell)
