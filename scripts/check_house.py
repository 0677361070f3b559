"""Checks of the house that no linter knows: packages listed, files small, one home for every test."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("guardrails", "tools", "policies", "recordings", "examples")
LONGEST_FILE = 500


def main() -> int:
    complaints = [*unlisted_packages(), *long_files(), *tests_without_a_home()]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


def unlisted_packages() -> Iterator[str]:
    """pyproject.toml lists every package, because the repository root itself is one."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    listed = set(settings["packages"])
    found = {"gloveport"}
    for top in PACKAGES:
        for init in (ROOT / top).rglob("__init__.py"):
            found.add(".".join(("gloveport", *init.parent.relative_to(ROOT).parts)))
    yield from (f"pyproject.toml: packages lacks {name}" for name in sorted(found - listed))
    yield from (f"pyproject.toml: packages names {name}, which does not exist" for name in sorted(listed - found))


def long_files() -> Iterator[str]:
    for top in PACKAGES:
        for path in (ROOT / top).rglob("*.py"):
            length = len(path.read_text(encoding="utf-8").splitlines())
            if length > LONGEST_FILE:
                yield f"{path.relative_to(ROOT)}: {length} lines; a file over {LONGEST_FILE} asks to be two"


def tests_without_a_home() -> Iterator[str]:
    """Tests mirror the folders: a test's folder is the folder of what it tests."""
    extra = {"e2e", "data", "docs", "conformance", "benchmarks", "scripts"}
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = path.parent.relative_to(ROOT / "tests")
        if folder.parts and folder.parts[0] not in extra and not (ROOT / folder).is_dir():
            yield f"{path.relative_to(ROOT)}: there is no folder {folder}"


if __name__ == "__main__":
    sys.exit(main())
