"""Names: how an engine folds them, and which relation of the catalog one means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sqlglot import exp

from ..catalog import Catalog, Relation
from .profiles import Fold, Profile

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def ascii_lower(text: str) -> str:
    """Lower case, ASCII letters only: engines do not fold the Kelvin sign to k, Python's ``lower`` does."""
    return text.translate(_LOWER)


class Names:
    """Looks up relations and folds identifiers as the engine of one catalog would."""

    __slots__ = ("_by_name", "_exact", "catalog", "default_schema", "profile")

    def __init__(self, catalog: Catalog, profile: Profile) -> None:
        self.catalog, self.profile = catalog, profile
        self._exact = profile.fold is Fold.QUOTED_EXACT
        self.default_schema = catalog.default_schema or profile.default_schema
        self._by_name: dict[tuple[str | None, str], Relation] = {}
        for relation in catalog.relations.values():
            schema = None if relation.schema is None else self.stored(relation.schema)
            self._by_name[schema, self.stored(relation.name)] = relation

    def fold(self, identifier: exp.Expr) -> str:
        """The name an identifier in a statement stands for."""
        text: str = identifier.args["this"]
        if self._exact and identifier.args.get("quoted"):
            return text
        return ascii_lower(text)

    def fold_text(self, text: str, quoted: bool) -> str:
        return text if self._exact and quoted else ascii_lower(text)

    def stored(self, name: str) -> str:
        """The folded form of a name the catalog gives: what `fold` of a right spelling returns."""
        return name if self._exact else ascii_lower(name)

    def relation(self, table: exp.Expr) -> Relation | None:
        """The relation a table reference means, open or not; None when there is none."""
        if table.args.get("catalog") is not None:
            return None
        schema = table.args.get("db")
        folded = None if schema is None else self.fold(schema)
        if folded is not None and folded == self.stored(self.default_schema):
            folded = None
        return self._by_name.get((folded, self.fold(table.args["this"])))

    def open_names(self) -> list[str]:
        return sorted(self.catalog.open_relations)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence naming the nearest known names, or nothing."""
    by_lower = {ascii_lower(name): name for name in known}
    near = difflib.get_close_matches(ascii_lower(word), by_lower, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(by_lower[n] for n in near)}?" if near else ""
