"""The policy folder that `gloveport init` writes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

FILES = ("guard.yaml", "rules/access.cedar", "rules/limits.cedar", "rules/writes.cedar", "tests/default.yaml")


def write_default(folder: Path) -> None:
    """Write the default rules into a folder, made if absent. Files that exist are not touched."""
    source = resources.files("gloveport.policies.templates")
    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(source.joinpath(name).read_text("utf-8"), encoding="utf-8")
