from __future__ import annotations

import base64
import gzip
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from gloveport.tests.canaries import CANARIES, leaks

HIDDEN: dict[str, Callable[[str], object]] = {
    "as it is": lambda c: f"<b>{c}</b>",
    "upper": str.upper,
    "reversed": lambda c: c[::-1],
    "hex": lambda c: c.encode().hex().upper(),
    "upper in hex": lambda c: c.upper().encode().hex(),
    "base64": lambda c: base64.b64encode(c.encode()).decode(),
    "base64 inside": lambda c: base64.b64encode(f"xy {c}; more".encode()).decode(),
    "base64url": lambda c: base64.urlsafe_b64encode(f"?{c}?".encode()).decode(),
    "url": lambda c: f"/q?x={quote(c, safe='')}",
    "every byte as %XX": lambda c: "".join(f"%{b:02X}" for b in c.encode()),
    "html": lambda c: html.escape(c),
    "json": lambda c: {"a": [1, {"b": c}]},
    "json key": lambda c: {c: 1},
    "unicode escapes": lambda c: "".join(f"\\u{ord(x):04x}" for x in c),
    "bytes": lambda c: c.encode("utf-16-le"),
    "gzip": lambda c: gzip.compress(json.dumps(c).encode()),
}


@pytest.mark.parametrize("way", HIDDEN)
@pytest.mark.parametrize("name", CANARIES)
def test_a_canary_is_found_however_it_is_written(name: str, way: str) -> None:
    assert [leak.split(" (")[0] for leak in leaks(HIDDEN[way](CANARIES[name]))][:1] == [name]


def test_a_folder_is_searched_whole(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log.bin").write_bytes(b"\xff\x00" + CANARIES["email"].encode() + b"\x00")
    assert leaks(tmp_path) == ["email (as it is)"]


def test_what_is_clean_is_clean() -> None:
    assert leaks({"columns": [{"name": "email", "mask": None}], "rows": [["[masked:ssn]", 4539, "zebra"]]}) == []


def test_no_value_is_in_the_report() -> None:
    assert not any(value in leak for leak in leaks(list(CANARIES.values())) for value in CANARIES.values())
