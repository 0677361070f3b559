"""`make sql-cases` itself: that it serves, asks and judges; the whole run is a target of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "sql_cases.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_one_case_through_a_real_server(shared: Path):
    if not (shared / "sql-cases").is_dir():
        pytest.skip("may skip in CI: no SQL cases in ../shared")
    ran = run("--dialect", "sqlite", "--mode", "strict", "--id", "B0003", "--quiet")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == "sqlite strict attacks held 0/0 () benign right 1/1 ok".split()


def test_without_cases_it_says_what_to_give(tmp_path: Path):
    ran = run("--cases", str(tmp_path))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == f"sql-cases: {tmp_path}: no cases there; give --cases FOLDER\n"
