"""Figures in flat memory, and that they can be put down and taken up again."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.export.groups import Groups
from gloveport.guardrails.export.sketch import Distinct, Gaps, Paired, hashes
from gloveport.guardrails.export.state import TableState, open_state
from gloveport.guardrails.export.writers import Format, writer

KEY = b"k" * 32


def sketch_of(values: range) -> Distinct:
    made = Distinct()
    for start in range(values.start, values.stop, 5000):
        made.add(hashes(KEY, range(start, min(start + 5000, values.stop))))
    return made


def test_few_values_are_counted_exactly_and_many_nearly() -> None:
    few, many = sketch_of(range(3000)), sketch_of(range(100_000))
    assert (few.exact, few.count) == (True, 3000)
    assert not many.exact
    assert many.count == pytest.approx(100_000, rel=0.03)


def test_which_share_of_keys_finds_its_row() -> None:
    assert sketch_of(range(1000)).share_in(sketch_of(range(500, 2000))) == 0.5
    assert sketch_of(range(40_000)).share_in(sketch_of(range(20_000, 90_000))) == pytest.approx(0.5, abs=0.05)
    assert Distinct().share_in(sketch_of(range(5))) == 0.0


def test_nulls_and_empty_texts_are_no_values() -> None:
    assert len(hashes(KEY, [None, "", "a", "a"])) == 2


def test_a_paired_sample_keeps_rows_together_and_goes_on() -> None:
    paired = Paired(2, seed=7)
    for start in range(0, 30_000, 1000):
        rows = np.arange(start, start + 1000, dtype=np.float64)
        paired.add(np.stack((rows, rows * 2), axis=1), np.stack((rows + 1, rows * 2 + 1), axis=1), start)
        paired = Paired(2, 7, paired.state())
    assert len(paired.before) == 10_000
    assert (paired.after - paired.before == 1).all()
    assert paired.before[:, 0].mean() == pytest.approx(15_000, rel=0.05)


def test_gaps_are_those_of_each_person_and_go_on() -> None:
    gaps = Gaps()
    who = hashes(KEY, [f"p{i}" for i in range(50)])
    for visit in range(4):
        days = np.arange(50) + visit * 10.0
        gaps.add(who, days, days + 70)
        gaps = Gaps(gaps.state())
    before, after = gaps.gaps()
    assert len(before) == 150
    assert set(before) == set(after) == {10.0}


def test_groups_count_on_disk_and_go_on(tmp_path: Path) -> None:
    for _ in range(2):
        groups = Groups(tmp_path / "g", KEY)
        groups.add([("a", 1), ("a", 1), ("b", None)])
        groups.commit()
        groups.close()
    groups = Groups(tmp_path / "g", KEY)
    assert groups.distribution() == {2: 1, 4: 1}
    assert groups.rows_below(4) == 2
    assert groups.sizes([groups.digest(("a", 1)), groups.digest(("a", 2))]) == [4, 0]
    assert groups.digest(("a", "bc")) != groups.digest(("ab", "c"))
    groups.close()


@pytest.mark.parametrize(
    "key",
    [
        (7,),
        ("x", 3),
        (UUID(int=5),),
        (dt.date(2024, 2, 3), dt.datetime(2024, 2, 3, 4, 5, 6)),
        (Decimal("1.50"), b"\x00\xff"),
        (True, 1.5),
    ],
)
def test_the_last_key_comes_back_in_its_type(tmp_path: Path, key: tuple[object, ...]) -> None:
    state = open_state(tmp_path / "out", tmp_path / "state", "f")
    state.progress.tables["t"] = TableState(read=5)
    state.save_point("t", key, {"a": np.arange(3)})
    again = open_state(tmp_path / "out", tmp_path / "state", "f")
    assert again.last("t") == key
    arrays = again.arrays("t")
    assert arrays is not None
    assert arrays["a"].tolist() == [0, 1, 2]


def test_a_key_that_cannot_be_kept_is_not(tmp_path: Path) -> None:
    state = open_state(tmp_path / "out", tmp_path / "state", "f")
    state.save_point("t", (1, object()), {})
    assert state.last("t") is None


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.none() | st.text(), st.none() | st.integers() | st.booleans()), min_size=1, max_size=6))
def test_csv_is_read_back_as_written(rows: list[tuple[str | None, int | bool | None]]) -> None:
    import csv
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = writer(Format.CSV, Path(folder), "t", ["a", "b"])
        file.write(list(zip(*rows, strict=True)))
        file.close()
        (path,) = file.paths
        with path.open(newline="", encoding="utf-8", errors="surrogatepass") as read:
            found = list(csv.reader(read))
    words = {True: "true", False: "false", None: ""}
    expected = [[a or "", words[b] if b is None or isinstance(b, bool) else str(b)] for a, b in rows]
    assert found == [["a", "b"], *expected]


def test_json_lines_hold_any_text(tmp_path: Path) -> None:
    import json

    file = writer(Format.JSONL, tmp_path, "t", ["a", "b"])
    file.write([["x\ud800y", "é"], [2**60, None]])
    file.close()
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert rows == [{"a": "x\ud800y", "b": 2**60}, {"a": "é", "b": None}]


def test_a_text_file_goes_on_from_a_position(tmp_path: Path) -> None:
    file = writer(Format.JSONL, tmp_path, "t", ["a"])
    file.write([[1, 2]])
    position = file.position()
    file.write([[3]])  # lost with the interruption
    file.close()
    again = writer(Format.JSONL, tmp_path, "t", ["a"], position)
    again.write([[4]])
    again.close()
    assert (tmp_path / "t.jsonl").read_text() == '{"a":1}\n{"a":2}\n{"a":4}\n'
