"""Tokens: FF1 over arrays, one column of a page, every codec, and what an idle `flush` costs a call.

Budget: at least 3 million 16-digit values/s, a 50-row column under 0.3 ms (issue 4).
Run: `python -m benchmarks tokens`, or this file.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

import numpy as np

from gloveport.guardrails.masking.tokens.ff1 import FF1
from gloveport.guardrails.masking.tokens.service import Scope, Tokens

MANY = 1 << 19
ROWS = 50
SCOPE = Scope("default", "bench", "support", "S1")

COLUMNS: dict[str, Callable[[int], object]] = {
    "email": lambda i: f"ann.{i:07d}@mail{i % 7}.example.org",
    "phone": lambda i: f"+1 212-{i // 10_000 % 1000:03d}-{i % 10_000:04d}",
    "card": lambda i: _luhn(f"400000{i:09d}"),
    "ssn": lambda i: f"{100 + i % 600:03d}-{1 + i % 99:02d}-{1 + i % 9999:04d}",
    "iban": lambda i: f"DE{(98 - int(f'{i:018d}131400') % 97):02d}{i:018d}",
    "account": lambda i: f"MRN-{i:06d}",
    "ip": lambda i: f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}",
    "mac": lambda i: f"00:1b:44:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}",
    "url": lambda i: f"https://acme.org/u/{i}",
    "person": lambda i: f"Ann Smith {i}",
    "address": lambda i: f"{i} Main Street, Boston",
    "id": lambda i: 1000 + i,
}


def main() -> int:
    over = False
    cipher = FF1(bytes(range(32)), 10)
    numbers = np.random.default_rng(1).integers(0, 10**16, MANY, dtype=np.uint64)
    rate = MANY / best(lambda _: cipher.encrypt_array(numbers, 16), 5)
    print(f"ff1 16 digits, arrays:            {rate / 1e6:.1f} million values/s (budget 3)")
    over |= rate < 3e6
    page = [int(n) for n in numbers[:ROWS]]
    took = best(lambda _: cipher.encrypt_numbers(page, 16), 500)
    print(f"ff1 16 digits, {ROWS} Python ints:    {took * 1e3:.3f} ms (budget 0.3)")
    over |= took > 0.3e-3
    with tempfile.TemporaryDirectory() as folder:
        tokens = Tokens.open(f"file:{folder}/key", Path(folder) / "vault.sqlite")
        for name, made in COLUMNS.items():
            over |= _column(tokens, name, made)
        print(f"flush with nothing new:           {asyncio.run(_idle_flush(tokens)) * 1e6:.2f} us")
        tokens.close()
    return int(over)


def _column(tokens: Tokens, name: str, made: Callable[[int], object]) -> bool:
    """One class: a cold column of 50 new values, the same again, and how fast a long column goes."""
    class_name = "account" if name == "id" else name
    pages = [[made(ROWS * n + i) for i in range(ROWS)] for n in range(100)]
    tokens.tokenise(class_name, pages[0], SCOPE)  # keys are derived, modules imported
    cold = best(lambda n: tokens.tokenise(class_name, pages[n], SCOPE), 99, start=1)
    warm = best(lambda _: tokens.tokenise(class_name, pages[0], SCOPE), 200)
    tokens.flush_now()
    long = [made(10**5 + i) for i in range(20_000)]
    rate = len(long) / best(lambda _: tokens.tokenise(class_name, long, SCOPE), 1)
    tokens.flush_now()
    page = f"{ROWS} rows new {cold * 1e3:.3f} ms, again {warm * 1e3:.3f} ms"
    print(f"{name:8} {page}; {rate / 1e3:.0f} k new values/s")
    return name == "card" and cold > 0.3e-3


async def _idle_flush(tokens: Tokens) -> float:
    started = time.perf_counter()
    for _ in range(10_000):
        await tokens.flush()
    return (time.perf_counter() - started) / 10_000


def best(work: Callable[[int], object], rounds: int, start: int = 0) -> float:
    """The best time of some rounds, in seconds: what the code costs, without what else the machine did."""
    times: list[float] = []
    for n in range(start, start + rounds):
        began = time.perf_counter()
        work(n)
        times.append(time.perf_counter() - began)
    return min(times)


def _luhn(body: str) -> str:
    total = sum(int(c) if i % 2 else sum(divmod(2 * int(c), 10)) for i, c in enumerate(reversed(body)))
    return f"{body}{-total % 10}"


if __name__ == "__main__":
    sys.exit(main())
