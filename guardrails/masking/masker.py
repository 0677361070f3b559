"""The one exit. Every result, every refusal and every error text leaves through here.

A table is masked by plan: a column with a class as one vector, by lineage; only open text, free text and JSON are
looked through by content, all cells of a result in one pass. A file is masked whole and cut to the window asked for
afterwards, so that no window can cut a value in two. A search meets masked texts only. What cannot be masked raises,
and the chain
releases nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ...recordings import events
from ...tools.tool import (
    ColumnRules,
    Entries,
    JsonObject,
    JsonValue,
    Plan,
    Result,
    Search,
    Table,
    Text,
    Value,
)
from .content import ContentMasker, Found
from .duties import ColumnMask, Duties
from .restore import Restored
from .tables import mask_table
from .tokens.service import Scope


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked payload and what was done to it. ``content`` is released as it stands."""

    content: JsonObject
    columns: Sequence[tuple[str, ColumnMask, int]] = ()  # name, mask, cells changed
    found: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])  # (class, transform): n
    sources: Sequence[Sequence[str]] = ()
    microseconds: int = 0
    masker: str = ""

    @property
    def classes(self) -> frozenset[str]:
        """Every class of data that was met, masked or not."""
        by_column = {mask.class_name for _, mask, _ in self.columns if mask.class_name}
        return frozenset(by_column | {class_name for class_name, _ in self.found})

    def event(self) -> events.MaskApplied:
        columns = [
            events.Column(
                name=name,
                act=str(mask.mask),
                class_name=mask.class_name,
                reason=mask.reason,
                sources=list(sources),
                count=count,
            )
            for (name, mask, count), sources in zip(self.columns, self.sources, strict=True)
        ]
        found = [events.Found(c, n, act=act) for (c, act), n in sorted(self.found.items())]
        return events.MaskApplied(columns=columns, found=found, masker=self.masker, us=self.microseconds)


class Masker:
    """Masks results by lineage and by content. ``rules`` gives a database's column rules by its name."""

    def __init__(self, content: ContentMasker, rules: Callable[[str], Awaitable[ColumnRules]], digest: str) -> None:
        self._content = content
        self._rules = rules
        self.digest = digest

    async def mask(self, result: Result, plan: Plan, duties: Duties, scope: Scope, restored: Restored) -> Masked:
        """The masked payload of a result. Raises on anything it does not understand."""
        began = time.perf_counter_ns()
        content = self._content.for_call(duties, scope, restored, plan.accesses)
        match result:
            case Table():
                databases = {source.database for column in result.columns for source in column.sources}
                rules = {name: await self._rules(name) for name in databases}
                table = mask_table(result, rules, duties, content)
                payload, columns = table.payload, table.columns
            case Text():
                payload, columns = _text(result, content), ()
            case Search():
                payload, columns = _search(result, content), ()
            case Entries():
                payload, columns = _entries(result, content), ()
            case Value():
                masked = content.value(result.value, result.classes)
                payload, columns = {"value": masked}, ()
        if not isinstance(result, Table):
            payload["masked"] = _summary(content.found)
        return Masked(
            content={**payload, **content.plain(result.extra)},
            columns=columns,
            found=dict(content.found),
            sources=[sorted(map(str, c.sources)) for c in result.columns] if isinstance(result, Table) else (),
            microseconds=(time.perf_counter_ns() - began) // 1000,
            masker=self.digest,
        )

    def scrub(self, text: str) -> str:
        """A message, freed of everything that looks like a value."""
        return self._content.scrub(text)

    def scrub_json(self, value: JsonObject) -> JsonObject:
        return {k: self.scrub(v) if isinstance(v, str) else v for k, v in value.items()}


def _text(result: Text, content: Found) -> JsonObject:
    lines = content.document(result).splitlines(keepends=True)
    first = min(result.window.offset, len(lines))
    last = len(lines) if result.window.limit is None else min(first + result.window.limit, len(lines))
    return {
        "text": "".join(lines[first:last]),
        "offset": first,
        "lines": last - first,
        "total_lines": len(lines),
        "truncated": result.truncated or last < len(lines),
    }


def _search(result: Search, content: Found) -> JsonObject:
    needle = result.needle.casefold()
    hits: list[JsonValue] = []
    more = False
    for text in result.texts:
        for number, line in enumerate(content.document(text).splitlines(), 1):
            if needle not in line.casefold():
                continue
            if len(hits) >= result.limit:
                more = True
                break
            hits.append({"path": content.name(text.name), "line": number, "text": line})
    return {"entries": hits, "truncated": result.truncated or more}


def _entries(result: Entries, content: Found) -> JsonObject:
    entries: list[JsonValue] = [
        {key: content.name(v) if key in result.scanned and isinstance(v, str) else v for key, v in entry.items()}
        for entry in result.entries
    ]
    return {"entries": entries, "truncated": result.truncated}


def _summary(found: Counter[tuple[str, str]]) -> list[JsonValue]:
    by_class = Counter[str]()
    for (class_name, _), n in found.items():
        by_class[class_name] += n
    return [{"class": name, "count": n} for name, n in sorted(by_class.items())]
