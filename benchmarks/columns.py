"""Columns, search and export: what a column costs to classify, and how well it is done; an index and a question; rows.

Budgets: under 1 ms a column. The labelled schemas are those of the tests (`tests/data/columns`). Run:
`python -m benchmarks columns`, or this file.
"""

from __future__ import annotations

import importlib.util
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from gloveport.guardrails.masking.classify import classify_table
from gloveport.guardrails.masking.detect import Detector
from gloveport.tools.database.search.hashed import HashedEmbedder

ROOT = Path(__file__).parent.parent
NOTES = 20_000
PEOPLE = 20_000


def main() -> int:
    return int(classification()) + int(search()) + int(export())


def classification() -> bool:
    tests = _module(ROOT / "tests" / "guardrails" / "masking" / "test_classify.py")
    detector = Detector()
    over = False
    for name in ("tuned", "unseen"):
        tables = [(table, table.rows(200)) for table in tests.labelled(name)]
        times: list[float] = []
        for _ in range(5):
            began = time.process_time()
            for table, rows in tables:
                classify_table(table.table, table.columns, rows, detector=detector)
            times.append(time.process_time() - began)
        columns = sum(len(table.columns) for table, _ in tables)
        each = min(times) / columns * 1e3
        over |= each > 1
        found = tests.findings([table for table, _ in tables], detector)
        print(
            f"classify {name}: {columns} columns, {each:.2f} ms each; F1 {tests.f1(found, exact=False):.3f} sensitive, "
            f"{tests.f1(found, exact=True):.3f} of the right class"
        )
    return over


def search() -> bool:
    made = random.Random(1)
    words = ["".join(made.choices("abcdefghijklmnoprst", k=made.randint(3, 9))) for _ in range(5000)]
    notes = [" ".join(made.choices(words, k=30)) for _ in range(NOTES)]
    began = time.perf_counter()
    space = HashedEmbedder().fit(notes)
    built = time.perf_counter() - began
    times: list[float] = []
    right = 0
    for i in range(100):
        began = time.perf_counter()
        scores = space.rank(notes[i][:60])
        times.append(time.perf_counter() - began)
        right += int(scores.argmax()) == i
    print(f"search: {NOTES:,} notes indexed in {built:.1f} s; {statistics.median(times) * 1e3:.2f} ms a question, "
          f"{right} of 100 right")  # fmt: skip
    return False


def export() -> bool:
    from typer.testing import CliRunner

    from gloveport.guardrails.doors.cli.app import app

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _people(folder / "people.db")
        config = folder / "gloveport.yaml"
        config.write_text("databases:\n  people: {url: 'sqlite:///people.db'}\n")
        arguments = [
            "export",
            "people",
            "customers",
            "--to",
            str(folder / "out"),
            "--quasi",
            "zip,sex",
            "--config",
            str(config),
        ]
        began, cpu = time.perf_counter(), time.process_time()
        result = CliRunner().invoke(app, arguments)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    if result.exit_code:
        print(f"export: failed: {result.output}")
        return True
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"export: {PEOPLE:,} rows of 7 columns in {took:.1f} s ({PEOPLE / cpu:,.0f} rows a second of one core), "
          f"{most:.0f} MB at most")  # fmt: skip
    return False


def _people(path: Path) -> None:
    made = random.Random(2)
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, sex TEXT, zip TEXT, since DATE, spent REAL,"
        " notes TEXT)"
    )
    rows = [
        (
            i,
            f"person{i}@mail{i % 9}.org",
            made.choice("fm"),
            f"{made.randrange(10_000, 10_999)}",
            f"20{made.randrange(10, 25)}-0{made.randrange(1, 10)}-1{made.randrange(10)}",
            round(made.lognormvariate(4, 1), 2),
            f"Asked about order {i} and wants to be called at +49 30 {made.randrange(10**6, 10**7)}.",
        )
        for i in range(PEOPLE)
    ]
    connection.executemany("INSERT INTO customers VALUES (?,?,?,?,?,?,?)", rows)
    connection.commit()
    connection.close()


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
