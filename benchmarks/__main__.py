"""`make bench [ONLY=name]`: every figure of the README, each by one module of this folder with a ``main()``.

Figures are printed as they are measured, with the machine they were measured on; `benchmarks/README.md` keeps the last.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from pathlib import Path

HERE = Path(__file__).parent
HELPERS = {"__init__", "__main__"}


def names() -> list[str]:
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem not in HELPERS and not p.stem.startswith("_"))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def main() -> int:
    wanted = [name for arg in sys.argv[1:] for name in arg.split(",")] or names()
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        print(f"no benchmark {unknown[0]}; known: {', '.join(names())}", file=sys.stderr)
        return 2
    system, python = f"{platform.system()} {platform.release()}", platform.python_version()
    print(f"{processor()}, {os.cpu_count()} cores, {system}, Python {python}")
    for name in wanted:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
