"""Masking by content: what a text holds is found by the detector and replaced span by span.

Every value found gets the mask of its class: a token for identifiers, ``[masked:CLASS]`` for the rest, the same
tokens as in database columns. A value the caller itself wrote is redacted, never run through the data key: a token
for a guess would tell whether the guess is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from ...tools.tool import JsonObject, JsonValue, Mask, Text, TokenSpan
from .classes import data_class
from .detect import Detector, Span
from .documents import leaves, replaced
from .duties import Duties
from .restore import Restored
from .tokens.service import Scope, Tokens
from .transforms import transform


@dataclass(frozen=True, slots=True)
class ContentMasker:
    """The detector and the tokens of one server; `for_call` binds them to one call."""

    detector: Detector
    tokens: Tokens

    def for_call(self, duties: Duties, scope: Scope, restored: Restored) -> Found:
        return Found(self.detector, self.tokens, duties, scope, restored)

    def scrub(self, text: str) -> str:
        """Redact everything that looks like a value; used for messages, which need no tokens."""
        spans = self.detector.scan(text, structured_only=True)
        for span in reversed(spans):
            text = f"{text[: span.start]}[masked:{span.class_name}]{text[span.end :]}"
        return text


@dataclass(slots=True)
class Found:
    """Content masking for one call; ``found`` counts what was met, by class and transform."""

    detector: Detector
    tokens: Tokens
    duties: Duties
    scope: Scope
    restored: Restored
    found: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def column(self, class_name: str, mask: Mask, cells: Sequence[object]) -> Sequence[object]:
        """A whole column of one class, as one vector."""
        return self._values(class_name, mask, cells)

    def cells(self, texts: Sequence[str], keys: Sequence[str | None], *, free: bool, redact: bool = False) -> list[str]:
        """Texts with everything found in them replaced; ``free`` looks for names and places too.

        With ``redact`` nothing becomes a token: for texts the caller may have composed itself.
        """
        if not texts:
            return []
        spans = self.detector.scan_many(texts, keys, structured_only=not free, skip=self._tokens_in)
        return self._replaced(texts, spans, redact=redact)

    def text(self, text: str) -> str:
        return self.cells([text], [None], free=True)[0]

    def name(self, name: str) -> str:
        """A file name: looked through for values with a form of their own; names of people are not guessed."""
        return self.cells([name], [None], free=False)[0]

    def document(self, text: Text) -> str:
        """A whole file, by its kind: columns of CSV and keys of JSON are context."""
        found = leaves(text.text, text.media)
        if found is None:
            return self.text(text.text)
        return replaced(text.text, found, self._leaves([leaf.text for leaf in found], [leaf.key for leaf in found]))

    def value(self, value: JsonValue, classes: Mapping[str, str]) -> JsonValue:
        """A JSON value of a custom tool: declared classes by key path, the rest by key name and content."""
        classes = {path.replace("[]", ""): name for path, name in classes.items()}
        texts: list[str] = []
        keys: list[str | None] = []
        declared: dict[str, list[JsonValue]] = {}
        names: dict[str, str] = {}
        _collect(value, (), classes, texts, keys, declared, names)
        names = dict(zip(names, self.cells(list(names), [None] * len(names), free=False), strict=True))
        scanned = iter(self._leaves(texts, keys))
        columns = {
            name: iter(self._values(name, self.duties.mask(name, data_class(name).mask), values))
            for name, values in declared.items()
        }
        return _rebuilt(value, (), classes, scanned, columns, names)

    def plain(self, extra: Mapping[str, JsonValue]) -> JsonObject:
        """Side facts of a result (counts, digests, paths): strings are looked through like names."""
        return {key: self.name(v) if isinstance(v, str) else v for key, v in extra.items()}

    def _leaves(self, texts: Sequence[str], keys: Sequence[str | None]) -> list[str]:
        return self.cells(texts, keys, free=True)

    def _tokens_in(self, text: str) -> Sequence[TokenSpan]:
        return self.tokens.find(text, self.scope)

    def _replaced(self, texts: Sequence[str], spans: Sequence[Sequence[Span]], *, redact: bool) -> list[str]:
        by_class: dict[str, list[tuple[int, int]]] = {}
        for i, found in enumerate(spans):
            for n, span in enumerate(found):
                by_class.setdefault(span.class_name, []).append((i, n))
        new: dict[tuple[int, int], str] = {}
        for class_name, places in by_class.items():
            values: list[JsonValue] = [texts[i][spans[i][n].start : spans[i][n].end] for i, n in places]
            mask = self.duties.mask(class_name, Mask.REDACT if redact else data_class(class_name).mask)
            masked = self._found_values(class_name, mask, values)
            new.update(zip(places, ("" if m is None else str(m) for m in masked), strict=True))
        return [self._joined(text, spans[i], i, new) for i, text in enumerate(texts)]

    def _joined(self, text: str, spans: Sequence[Span], i: int, new: Mapping[tuple[int, int], str]) -> str:
        if not spans:
            return text
        parts: list[str] = []
        at = 0
        for n, span in enumerate(spans):
            parts += (text[at : span.start], new[i, n])
            at = span.end
        return "".join((*parts, text[at:]))

    def _found_values(self, class_name: str, mask: Mask, values: Sequence[object]) -> Sequence[object]:
        masked = self._values(class_name, mask, values)
        if mask is Mask.TOKEN:
            own = self.tokens.agent_origin(values, self.scope)
            return [f"[masked:{class_name}]" if mine else m for m, mine in zip(masked, own, strict=True)]
        return masked

    def _values(self, class_name: str, mask: Mask, values: Sequence[object]) -> Sequence[object]:
        """The one place where values become masks."""
        present = sum(value is not None for value in values)
        if present:
            self.found[class_name, str(mask)] += present
        return transform(mask, class_name, values, tokens=self.tokens, scope=self.scope)


def _collect(
    value: JsonValue,
    path: tuple[str, ...],
    classes: Mapping[str, str],
    texts: list[str],
    keys: list[str | None],
    declared: dict[str, list[JsonValue]],
    names: dict[str, str],
) -> None:
    """The leaves of a JSON value in order: those whose path has a class, and the texts to look through."""
    if isinstance(value, dict):
        for key, item in value.items():
            names[key] = key  # a key may hold a value: {"ann@acme.com": 3}
            _collect(item, (*path, key), classes, texts, keys, declared, names)
    elif isinstance(value, list):
        for item in value:
            _collect(item, path, classes, texts, keys, declared, names)
    elif (class_name := _declared(path, classes)) is not None:
        declared.setdefault(class_name, []).append(value)
    elif isinstance(value, str):
        texts.append(value)
        keys.append(path[-1] if path else None)


def _rebuilt(
    value: JsonValue,
    path: tuple[str, ...],
    classes: Mapping[str, str],
    scanned: Iterator[str],
    columns: Mapping[str, Iterator[object]],
    names: Mapping[str, str],
) -> JsonValue:
    if isinstance(value, dict):
        return {
            names[key]: _rebuilt(item, (*path, key), classes, scanned, columns, names) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_rebuilt(item, path, classes, scanned, columns, names) for item in value]
    if (class_name := _declared(path, classes)) is not None:
        return cast("JsonValue", next(columns[class_name]))
    return next(scanned) if isinstance(value, str) else value


def _declared(path: tuple[str, ...], classes: Mapping[str, str]) -> str | None:
    """The class a tool declared for a key path: ``customer.email``; ``[]`` in a declared path stands for a list."""
    return classes.get(".".join(path)) if classes else None
