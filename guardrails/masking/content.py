"""Masking by content: what a text holds is found by the detector and replaced span by span.

Every value found gets the mask of its class: a token for identifiers, ``[masked:CLASS]`` for the rest, the same
tokens as in database columns. A value that an agent itself wrote there is redacted, never run through the data key (see
`origins`): a token for a guess would tell whether the guess is right.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, TypeAlias, cast

from ...tools.tool import Access, JsonObject, JsonValue, Mask, Text
from .classes import EntityType, data_class
from .detect import Detector, Span
from .detect.spans import resolve
from .detect.uniform import uniform
from .documents import PLAIN, media_of, opened
from .duties import ColumnMask, Duties
from .origins import dates_in, names_of, places_of
from .restore import Restored
from .shifting import person, shifted
from .spelling import folded
from .tokens.service import Scope, Tokens
from .transforms import transform

_CREDENTIAL: Final = re.compile(
    "pass(?:wor[dt]|wd|phrase)|pwd|secret|token|api.?key|access.?key|private.?key|credential|clave|contrase",
    re.IGNORECASE,
)
# Of files that people write; none is the end of a host's name.
_EXTENSIONS: Final = frozenset(
    "7z avif bak bin bmp bz2 conf config csv db doc docx eml gif gz heic htm html ini ipynb jpeg jpg js json jsonl key"
    " lock log markdown mp3 mp4 msg ndjson odt orig parquet pdf pem png ppt pptx rtf sql sqlite svg tar tgz tif tiff"
    " tmp toml tsv txt wav webp xls xlsx xml xz yaml yml".split()
)

_MOST_NAMES: Final = 4096  # key names remembered, and
_LONGEST_NAME: Final = 64  # how many characters one of them may have

Places: TypeAlias = tuple[str, ...]  # see `origins`
Cell: TypeAlias = tuple[str, str | None, Places]  # a text, the name it stands under, where it is from


@dataclass(frozen=True, slots=True)
class ContentMasker:
    """The detector and the tokens of one server; `for_call` binds them to one call."""

    detector: Detector
    tokens: Tokens
    _plain_names: set[str] = field(default_factory=set[str], init=False, repr=False, compare=False)

    def for_call(self, duties: Duties, scope: Scope, restored: Restored, accesses: Sequence[Access] = ()) -> Found:
        """``accesses`` are those of the call's plan: they say where its result is from."""
        places, names = tuple(places_of(accesses)), tuple(names_of(accesses))
        return Found(self.detector, self.tokens, duties, scope, restored, places, names, self._plain_names)

    def scrub(self, text: str) -> str:
        """Redact everything that looks like a value; used for messages, which need no tokens."""
        spans = self.detector.scan(text, structured_only=True)
        for span in reversed(spans):
            text = f"{text[: span.start]}[masked:{span.class_name}]{text[span.end :]}"
        return text


@dataclass(slots=True)
class Found:
    """Content masking for one call; ``found`` counts what was met, by class and transform.

    ``places`` are where a result without a place of its own is from, ``names`` where names of files are from,
    ``plain_names`` key names in which nothing was ever found, of all calls.
    """

    detector: Detector
    tokens: Tokens
    duties: Duties
    scope: Scope
    restored: Restored
    places: Places = ()
    names: Places = ()
    plain_names: set[str] = field(default_factory=set[str])
    found: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    _clean: frozenset[str] = frozenset()  # of the places looked up, those no agent ever wrote to

    def column(
        self, class_name: str, mask: Mask, cells: Sequence[object], places: Places, *, nulls_secret: bool = False
    ) -> Sequence[object]:
        """A whole column of one class, as one vector."""
        return self._values(class_name, mask, cells, [places] * len(cells), nulls_secret=nulls_secret)

    def dates(self, plan: ColumnMask, cells: Sequence[object], keys: Sequence[object], named: Places) -> list[object]:
        """A column of shifted dates; ``keys`` say whose each is, ``named`` where those keys are from. Dates of persons
        to whom an agent gave a row there are redacted."""
        assert plan.class_name is not None
        present = sum(value is not None for value in cells)
        if present:
            self.found[plan.class_name, str(plan.mask)] += present
        persons = [person(key) for key in keys]
        noted = (*named, *map(dates_in, named))
        own = [False] * len(persons)
        if not self._clean.issuperset(noted):
            own = self.tokens.agent_origin([who or "" for who in persons], self.scope, noted)
        whose = [
            None if who is None or mine else f"{plan.people}:{who}" for who, mine in zip(persons, own, strict=True)
        ]
        masked = shifted(self.tokens, plan.class_name, cells, whose, self.scope)
        redacted = f"[masked:{plan.class_name}]"
        return [redacted if plan.nulls_secret and (v is None or v == "") else v for v in masked]

    def redated(self, places: Places) -> bool:
        """Whether an agent changed shifted dates there; of places looked up."""
        return not self._clean.issuperset(map(dates_in, places))

    def uniform(self, texts: Sequence[str], name: str, places: Places) -> list[str] | None:
        """The texts of a column masked as one vector, where each of them is a value of one class; else None. What
        stands below a name such as ``password`` is a credential first, whatever its form."""
        class_name = None if _CREDENTIAL.search(name) else uniform(texts)
        if class_name is None:
            return None
        masked = self._values(
            class_name, self.duties.mask(class_name, data_class(class_name).mask), texts, [places] * len(texts)
        )
        return ["" if value is None else str(value) for value in masked]

    def look_up(self, places: Iterable[str]) -> None:
        """Ask for many places at once whether an agent ever wrote there; saves asking for each."""
        asked = frozenset(places)
        self._clean = asked.difference(self.tokens.agent_places(asked, self.scope))

    def cells(
        self,
        texts: Sequence[str],
        keys: Sequence[str | None],
        *,
        free: bool,
        redact: bool = False,
        places: Sequence[Places] | None = None,
    ) -> list[str]:
        """Texts with everything found in them replaced; ``free`` looks for names and places too.

        With ``redact`` nothing becomes a token: for texts the caller may have composed itself. ``places`` say where
        each text is from, if not from those of the call.
        """
        if not texts:
            return []
        cells = list(zip(texts, keys, places or [self.places] * len(texts), strict=True))
        distinct = list(dict.fromkeys(cells))  # columns repeat their values; each is looked through once
        parts = _Parts([cell for cell in distinct if media_of(cell[0]) == PLAIN])
        plain = len(parts.cells)
        inside = {c: parts.opened(c, media) for c in distinct if (media := media_of(c[0])) != PLAIN}
        masked = self._scanned(parts.cells, free=free, redact=redact)
        new = dict(zip(parts.cells[:plain], masked[:plain], strict=True))
        new.update((cell, whole(masked)) for cell, whole in inside.items())
        return list(map(new.__getitem__, cells))

    def text(self, text: str, places: Places | None = None) -> str:
        return self.cells([text], [None], free=True, places=None if places is None else [places])[0]

    def name(self, name: str) -> str:
        """A file name: looked through for values with a form of their own; names of people are not guessed."""
        stem, dot, extension = name.rpartition(".")  # ann@acme.com.pdf is a file, and ann@acme.com is in its name
        if extension.lower() not in _EXTENSIONS:
            stem, dot, extension = name, "", ""
        return self.cells([stem], [None], free=False, places=[self.names])[0] + dot + extension

    def document(self, text: Text) -> str:
        """A whole file, by its kind: columns of CSV and keys of JSON are context."""
        parts = _Parts()
        made = parts.opened((text.text, None, (text.name,)), text.media)
        return made(self._scanned(parts.cells, free=True, redact=False))

    def value(self, value: JsonValue, classes: Mapping[str, str]) -> JsonValue:
        """A JSON value of a custom tool: declared classes by key path, the rest by key name and content."""
        classes = {path.replace("[]", ""): name for path, name in classes.items()}
        texts: list[str] = []
        keys: list[str | None] = []
        declared: dict[str, list[JsonValue]] = {}
        names: dict[str, str] = {}
        _collect(value, (), classes, texts, keys, declared, names)
        names |= self._key_names([name for name in names if name not in self.plain_names])
        scanned = iter(self.cells(texts, keys, free=True))
        columns = {
            name: iter(self.column(name, self.duties.mask(name, data_class(name).mask), values, self.places))
            for name, values in declared.items()
        }
        return _rebuilt(value, (), classes, scanned, columns, names)

    def _key_names(self, names: Sequence[str]) -> dict[str, str]:
        """Key names with everything found in them replaced. A tool answers under the same names call after call: those
        that hold neither a value nor a token are remembered."""
        if not names:
            return {}
        met = self.found.total()
        masked = dict(zip(names, self.cells(names, [None] * len(names), free=False), strict=True))
        if self.found.total() == met:
            if len(self.plain_names) > _MOST_NAMES:
                self.plain_names.clear()
            tokens = self.tokens.find_many(names, self.scope)
            self.plain_names.update(
                name for name, held in zip(names, tokens, strict=True) if not held and len(name) <= _LONGEST_NAME
            )
        return masked

    def plain(self, extra: Mapping[str, JsonValue]) -> JsonObject:
        """Side facts of a result (counts, digests, paths): strings are looked through like names."""
        return {key: self.name(v) if isinstance(v, str) else v for key, v in extra.items()}

    def _scanned(self, cells: Sequence[Cell], *, free: bool, redact: bool) -> list[str]:
        if not cells:
            return []
        texts, keys, places = [c[0] for c in cells], [c[1] for c in cells], [c[2] for c in cells]
        tokens = dict(zip(texts, self.tokens.find_many(texts, self.scope), strict=True))
        spans = self.detector.scan_many(texts, keys, structured_only=not free, skip=tokens.__getitem__)
        for i, credential in self._credentials(texts, keys):
            if not tokens[texts[i]]:
                spans[i] = resolve([*spans[i], credential])
        return self._replaced(texts, spans, places, redact=redact)

    def _credentials(self, texts: Sequence[str], keys: Sequence[str | None]) -> Iterator[tuple[int, Span]]:
        """Values below a name such as ``password``: a credential has no form of its own, so it is judged as what is
        assigned to that name."""
        names = {key for key in set(keys) if key and _CREDENTIAL.search(key)}
        named = [i for i, key in enumerate(keys) if key in names and '"' not in texts[i]] if names else []
        if not named:
            return
        assigned = [f'{keys[i]} = "{texts[i]}"' for i in named]
        for i, text, found in zip(named, assigned, self.detector.scan_many(assigned), strict=True):
            start = len(text) - len(texts[i]) - 1
            for span in found:
                if span.type == EntityType.SECRET and span.start >= start and span.end < len(text):
                    yield i, span._replace(start=span.start - start, end=span.end - start)

    def _replaced(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]], places: Sequence[Places], *, redact: bool
    ) -> list[str]:
        by_class: dict[str, list[tuple[int, int]]] = {}
        for i, found in enumerate(spans):
            for n, span in enumerate(found):
                by_class.setdefault(span.class_name, []).append((i, n))
        new: dict[tuple[int, int], str] = {}
        for class_name, at in by_class.items():
            values: list[JsonValue] = [texts[i][spans[i][n].start : spans[i][n].end] for i, n in at]
            mask = self.duties.mask(class_name, Mask.REDACT if redact else data_class(class_name).mask)
            masked = self._values(class_name, mask, values, [places[i] for i, _ in at])
            new.update(zip(at, ("" if m is None else str(m) for m in masked), strict=True))
        return [self._joined(text, spans[i], i, new) if spans[i] else text for i, text in enumerate(texts)]

    def _joined(self, text: str, spans: Sequence[Span], i: int, new: Mapping[tuple[int, int], str]) -> str:
        parts: list[str] = []
        at = 0
        for n, span in enumerate(spans):
            parts += (text[at : span.start], new[i, n])
            at = span.end
        return "".join((*parts, text[at:]))

    def _values(
        self,
        class_name: str,
        mask: Mask,
        values: Sequence[object],
        places: Sequence[Places],
        *,
        nulls_secret: bool = False,
    ) -> Sequence[object]:
        """The one place where values become masks. What the agent wrote there itself never becomes a token."""
        present = sum(value is not None for value in values)
        if present:
            self.found[class_name, str(mask)] += present
        own = self._own(values, places) if mask is Mask.TOKEN else frozenset[int]()
        if not own:
            return transform(mask, class_name, values, tokens=self.tokens, scope=self.scope, nulls_secret=nulls_secret)
        others = [value for i, value in enumerate(values) if i not in own]
        tokens = iter(
            transform(mask, class_name, others, tokens=self.tokens, scope=self.scope, nulls_secret=nulls_secret)
        )
        return [f"[masked:{class_name}]" if i in own else next(tokens) for i in range(len(values))]

    def _own(self, values: Sequence[object], places: Sequence[Places]) -> frozenset[int]:
        """Which of the values this call spelt out itself, or an agent wrote where they are from."""
        spelt = self.restored.own  # before the first token of this call is made: a guess may look like that token
        if not spelt and self._clean.issuperset(chain.from_iterable(set(places))):
            return frozenset()
        by_places = defaultdict[Places, list[int]](list)
        for i, (value, where) in enumerate(zip(values, places, strict=True)):
            if value is not None and value != "":
                by_places[where].append(i)
        own: set[int] = set()
        for where, at in by_places.items():
            noted = self.tokens.agent_origin([values[i] for i in at], self.scope, where)
            own.update(i for i, mine in zip(at, noted, strict=True) if mine)
        if spelt:
            own.update(i for at in by_places.values() for i in at if folded(values[i]) in spelt)
        return frozenset(own)


class _Parts:
    """The plain texts that are to be looked through, in their order."""

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        self.cells = list(cells)

    def take(self, text: str, key: str | None, where: Places) -> int:
        self.cells.append((text, key, where))
        return len(self.cells) - 1

    def opened(self, cell: Cell, media: str) -> Callable[[Sequence[str]], str]:
        text, key, where = cell
        return opened(text, key, media, lambda part, name: self.take(part, name, where))


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
