"""The authorizer: what a statement may do, and what it would read."""

from __future__ import annotations

from .library import sqlite3

OWN = ("sqlite_", "pragma_", "dbstat")  # SQLite's own tables
SELECT, READ, FUNCTION, RECURSIVE = 21, 20, 31, 33  # actions of the authorizer
INSERT, UPDATE, DELETE = 18, 23, 9


class Judge:
    """The authorizer: what a statement may do, and what it would read."""

    def __init__(self) -> None:
        self.trusted = True  # the worker's own statements
        self.target: str | None = None  # the table a write may change
        self.triggers: frozenset[str] = frozenset()  # what they read is their owner's decision
        self.reads: set[tuple[str, str]] = set()
        self.functions: set[str] = set()
        self.denied = False

    def watch(self, target: str | None) -> None:
        self.trusted, self.target, self.denied = False, target, False
        self.reads, self.functions = set(), set()

    def seen(self) -> tuple[list[tuple[str, str]], list[str]]:
        """Tables with their columns, and functions, both sorted."""
        return sorted(self.reads), sorted(self.functions)

    def __call__(self, action: int, first: str | None, second: str | None, base: str | None, inner: str | None) -> int:
        if self.trusted or action in (SELECT, RECURSIVE):
            return sqlite3.SQLITE_OK
        if action == READ and base in ("main", None) and first and not first.lower().startswith(OWN):
            if self.target is None or inner not in self.triggers:
                self.reads.add((first, second or ""))
            return sqlite3.SQLITE_OK
        if action == FUNCTION and second:
            self.functions.add(second.lower())
            return sqlite3.SQLITE_OK
        # ``inner`` names the trigger that writes: the owner's rules may change other tables, the agent's statement not
        if self.target and action in (INSERT, UPDATE, DELETE) and (inner or first == self.target) and base == "main":
            return sqlite3.SQLITE_OK
        self.denied = True
        return sqlite3.SQLITE_DENY
