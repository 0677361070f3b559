"""Texts for search indexes: masked as the caller would see them, before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from .content import ContentMasker
from .duties import Duties
from .keys import Scope
from .restore import Restored

_NOBODY = "search index"  # to whom the tokens of an index are shown, until a hit with one leaves through the masker


@dataclass(frozen=True, slots=True)
class SearchTexts:
    """Masks for an index whatever `scope` says is calling. Implements `IndexTexts` of the search tool."""

    content: ContentMasker
    scope: Callable[[], Scope]

    def shared_by(self) -> Hashable:
        """Callers whose tokens are the same."""
        return self.scope().parts

    def masked(self, texts: Sequence[str], column: str, sources: Sequence[str], *, free: bool) -> list[str]:
        """Names, places and numbers as tokens (or masks, as their class has it); the rest stays. What an agent wrote
        is redacted here too, or a search for a token would tell whether it stands for a guess."""
        scope = replace(self.scope(), principal=_NOBODY)
        found = self.content.for_call(Duties(), scope, Restored())
        keys, places = [column] * len(texts), [tuple(sources)] * len(texts)
        return found.cells(texts, keys, free=free, places=places)
