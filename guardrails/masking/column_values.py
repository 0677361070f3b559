"""What the sampled values of a column say: their kinds, how many differ, which forms and names they have.

Nothing of a value is kept but figures: a `Profile` may be shown.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from .detect import Detector
from .naming.given import NAMES
from .naming.telling import BELIEF, FIRM, ILL
from .vectors import as_vector, holds_vector

_DOCUMENTS: Final = 10  # looked into for vectors
_TEXTS: Final = 48  # distinct texts of a column that are looked at
_LONGEST: Final = 240  # characters of a text that are looked at
_TAGGED: Final = 24  # distinct texts of a column that the tagger looks at
_SENTENCE: Final = 3  # spaces of a text, on average, that is no label
_ENOUGH_NAMES: Final = 0.6  # share of texts written as names are, for the tagger to be asked
_COVERED: Final = 0.8  # share of a text that a finding must fill to be the value
_FIRST_YEAR: Final = 1900


class Kind(StrEnum):
    """What most values of a column are."""

    NONE = "no values"
    TEXT = "text"
    NUMBER = "number"
    FRACTION = "fraction"
    FLAG = "flag"
    WHEN = "date"
    BINARY = "binary"
    UUID = "uuid"
    JSON = "json"
    VECTOR = "vector"
    NUMBERS = "lists of numbers"  # too short, or too whole, to be vectors


@dataclass(frozen=True, slots=True)
class Profile:
    """Figures about the sampled values of one column. Shares are of the texts looked at, 0 to 1."""

    kind: Kind
    present: int = 0  # values that are neither NULL nor empty
    distinct: int = 0
    top: float = 0.0  # share of the most frequent value
    length: float = 0.0  # mean characters of a text
    words: float = 0.0  # mean words of a text
    is_: Mapping[str, float] = field(default_factory=dict[str, float])  # class: share of texts that are one value of it
    holds: float = 0.0  # share of texts in which anything was found
    names: float = 0.0  # share of texts that look like names of people and hold a common one
    mentions: float = 0.0  # share of texts that hold the name of somebody
    name_form: float = 0.0  # share of texts written as names are
    streets: float = 0.0
    beliefs: float = 0.0  # share of texts that name a religion, an origin, an orientation or a crime
    ill: float = 0.0  # share of texts that name an illness, an injury or a medicine
    urls: float = 0.0
    firms: float = 0.0  # share of texts that end as the names of firms do
    digits: float = 0.0  # share of texts with six digits or more
    numbered: float = 0.0  # share of texts with any digit
    at_signs: float = 0.0
    codes: float = 0.0  # share of texts without a space that hold a digit
    zips: float = 0.0
    secretive: float = 0.0  # share of texts that look like hashes or random keys
    running: bool = False  # whole numbers that number rows
    years: tuple[int, int] | None = None  # of dates
    coordinates: bool = False

    @property
    def differ(self) -> float:
        """The share of values that are there once."""
        return self.distinct / self.present if self.present else 0.0

    @property
    def enough(self) -> bool:
        """Whether there is enough to contradict a name."""
        return self.present >= 4


def profiles(names: Sequence[str], rows: Sequence[Sequence[object]], detector: Detector) -> list[Profile]:
    """A profile of each column; the texts of all columns are scanned in one pass."""
    columns = [[row[i] for row in rows if row[i] is not None and row[i] != ""] for i in range(len(names))]
    kinds = [_kind(values) for values in columns]
    looked = [_looked_at(k, v) for k, v in zip(kinds, columns, strict=True)]
    texts = [text for some in looked for text in some]
    keys = [name for name, some in zip(names, looked, strict=True) for _ in some]
    spans = iter(detector.scan_many(texts, keys, structured_only=True))
    people = _people(kinds, looked, detector)
    made: list[Profile] = []
    for kind, values, some, named in zip(kinds, columns, looked, people, strict=True):
        is_, holding = Counter[str](), 0
        for text in some:
            found = next(spans)
            holding += bool(found)
            if len(found) == 1 and found[0].end - found[0].start >= _COVERED * len(text):
                is_[found[0].class_name] += 1
        shares = {name: n / len(some) for name, n in is_.items()}
        made.append(_profile(kind, values, some, shares, holding / len(some) if some else 0.0, named))
    return made


@dataclass(frozen=True, slots=True)
class _People:
    """How many texts of a column are names of people, and how many hold one."""

    names: float = 0.0
    mentions: float = 0.0


def _people(kinds: Sequence[Kind], looked: Sequence[Sequence[str]], detector: Detector) -> list[_People]:
    """Names of people in each column: common ones, or such as the tagger of free text takes for names.

    The tagger is asked only about what is written as names are, and about sentences. A surname alone is too little for
    it, a list of common names is too short for the rest.
    """
    asked: list[tuple[int, str]] = []
    for i, (kind, texts) in enumerate(zip(kinds, looked, strict=True)):
        if kind is Kind.TEXT and texts:
            some = texts[:_TAGGED]
            formed = [_in_order(text) for text in some if _written_as_name(text)]
            if len(formed) >= _ENOUGH_NAMES * len(some):
                asked += [(i, text) for text in formed]
            elif sum(text.count(" ") for text in some) >= _SENTENCE * len(some):
                asked += [(i, text) for text in some]
    whole, within = Counter[int](), Counter[int]()
    for (i, text), spans in zip(asked, detector.scan_many([text for _, text in asked]), strict=True):
        people = [span for span in spans if span.class_name == "person"]
        within[i] += bool(people)
        whole[i] += any(span.end - span.start >= _COVERED * len(text) for span in people)
    made: list[_People] = []
    for i, texts in enumerate(looked):
        common = sum(map(_named, texts)) / len(texts) if kinds[i] is Kind.TEXT and texts else 0.0
        n = max(len(texts[:_TAGGED]), 1)
        made.append(_People(max(common, whole[i] / n), within[i] / n))
    return made


def _profile(
    kind: Kind, values: Sequence[object], texts: Sequence[str], is_: dict[str, float], holds: float, people: _People
) -> Profile:
    if kind in (Kind.NONE, Kind.VECTOR, Kind.NUMBERS, Kind.BINARY, Kind.JSON):
        return Profile(kind, len(values), len(values), is_=is_, holds=holds)
    counts = Counter(map(str, values))
    top = counts.most_common(1)[0][1] / len(values)
    lengths = [len(text) for text in texts]
    n = max(len(texts), 1)
    text_like = kind is Kind.TEXT
    return Profile(
        kind,
        present=len(values),
        distinct=len(counts),
        top=top,
        length=sum(lengths) / n,
        words=sum(text.count(" ") + 1 for text in texts) / n,
        is_=is_,
        holds=holds,
        names=people.names,
        mentions=people.mentions,
        name_form=sum(_NAME_FORM.fullmatch(text) is not None for text in texts) / n if text_like else 0.0,
        streets=sum(map(_street, texts)) / n if text_like else 0.0,
        beliefs=sum(BELIEF.search(text) is not None for text in texts) / n if text_like else 0.0,
        ill=sum(ILL.search(text) is not None for text in texts) / n if text_like else 0.0,
        firms=sum(FIRM.search(text) is not None for text in texts) / n if text_like else 0.0,
        urls=sum(_URL.match(text) is not None for text in texts) / n if text_like else 0.0,
        digits=sum(sum(map(str.isdigit, text)) >= 6 for text in texts) / n,
        numbered=sum(_DIGIT.search(text) is not None for text in texts) / n,
        at_signs=sum("@" in text for text in texts) / n if text_like else 0.0,
        codes=sum(_CODE.fullmatch(text) is not None for text in texts) / n,
        zips=sum(_ZIP.fullmatch(text) is not None for text in texts) / n,
        secretive=sum(_SECRETIVE.fullmatch(text) is not None for text in texts) / n if text_like else 0.0,
        running=kind in (Kind.NUMBER, Kind.TEXT) and _running(values),
        years=_years(values) if kind is Kind.WHEN else None,
        coordinates=kind is Kind.FRACTION and _coordinates(values),
    )


def _kind(values: Sequence[object]) -> Kind:
    if not values:
        return Kind.NONE
    kinds = Counter(_kind_of(value) for value in values[:60])
    kind, n = kinds.most_common(1)[0]
    if kind is Kind.VECTOR:
        lengths = {len(vector) for value in values[:60] if (vector := as_vector(value)) is not None}
        return Kind.VECTOR if len(lengths) <= 2 else Kind.JSON if isinstance(values[0], str) else Kind.BINARY
    if kind is Kind.JSON and any(holds_vector(value) for value in values[:_DOCUMENTS]):
        return Kind.VECTOR
    return kind if n >= 0.8 * sum(kinds.values()) else Kind.TEXT


def _kind_of(value: object) -> Kind:
    match value:
        case bool():
            return Kind.FLAG
        case int():
            return Kind.NUMBER
        case decimal.Decimal():
            whole = value.is_finite() and value == value.to_integral_value()
            return Kind.NUMBER if whole else Kind.FRACTION
        case float():
            return Kind.FRACTION
        case dt.date():
            return Kind.WHEN
        case uuid.UUID():
            return Kind.UUID
        case bytes() | bytearray() | memoryview():
            return Kind.VECTOR if as_vector(cast("bytes", value)) is not None else Kind.BINARY
        case dict():
            return Kind.JSON
        case list() | tuple():
            return _kind_of_list(cast("list[object]", value))
        case str():
            return _kind_of_text(value)
        case _:
            return Kind.TEXT


def _kind_of_list(items: Sequence[object]) -> Kind:
    if as_vector(items) is not None:
        return Kind.VECTOR
    numbers = all(isinstance(item, int | float | decimal.Decimal) or item is None for item in items)
    return Kind.NUMBERS if numbers else Kind.JSON


def _kind_of_text(text: str) -> Kind:
    text = text.strip()
    if text[:1] in "[{" and text[-1:] in "]}" and len(text) > 1:
        return Kind.VECTOR if as_vector(text) is not None else Kind.JSON
    if _WHEN.fullmatch(text):
        return Kind.WHEN
    if _UUID.fullmatch(text):
        return Kind.UUID
    if text in _FLAGS:
        return Kind.FLAG
    if _FRACTION.fullmatch(text):
        return Kind.FRACTION
    return Kind.TEXT  # digits in a text are no number: they may be a telephone's


def _looked_at(kind: Kind, values: Sequence[object]) -> list[str]:
    if kind not in (Kind.TEXT, Kind.NUMBER, Kind.JSON):
        return []
    distinct: dict[str, None] = {}
    for value in values:
        distinct[str(value)[:_LONGEST].strip()] = None
        if len(distinct) >= _TEXTS:
            break
    return list(distinct)


_WHEN: Final = re.compile(
    r"(?:1[5-9]|20)\d\d[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])(?:[T ]\d\d:\d\d.{0,20})?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:19|20)\d\d(?: \d\d:\d\d.{0,10})?"
)
_UUID: Final = re.compile(r"\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?")
_FRACTION: Final = re.compile(r"[-+]?\d{0,12}\.\d+(?:[eE][-+]?\d+)?")
_FLAGS: Final = frozenset(
    "true false True False TRUE FALSE t f yes no Yes No YES NO y n Y N ja nein nee J oui non tak nie sim não".split()
)
_LONGEST_NAME: Final = 60
_LONGEST_STREET: Final = 120  # characters
_DIGIT: Final = re.compile(r"\d")
_PLAIN: Final = re.compile(r"\d{1,15}")
_CODE: Final = re.compile(r"(?=\S*\d)[A-Za-z0-9#./_@\\-]{2,40}")
_ZIP: Final = re.compile(
    r"\d{5}(?:-\d{4})?|\d{4} ?[A-Z]{2}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{5}-?\d{3}"
    r"|\d{2}-\d{3}|\d{3} \d{2}"
)
_SECRETIVE: Final = re.compile(
    r"\$2[abxy]\$\d\d\$.{53}|\$argon2.+|\$[156y]\$.+|pbkdf2.+|scrypt:.+|\{S?SHA.+"
    r"|(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})|[A-Z2-7]{16,32}={0,6}"
)
_TITLE: Final = r"(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|M|Mme|Sr|Sra|Sig|Dott|Dhr|Mevr)\.? "
_SMALL: Final = r"von der|van der|van den|van de|de la|de los|von|van|de|da|dos|del|di|bin|ben|al|el|y|e"
_PART: Final = (
    r"(?:(?:[A-ZÀ-ÖØ-ÞĀ-Ž]\.)"
    r"|(?:(?:Mc|Mac|O'|D'|d'|De|Di|Van|von|van|de|da|dos|del|la|le)?[A-ZÀ-ÖØ-ÞĀ-ž][a-zß-öø-ÿĀ-ž']+))"
)
_NAME_FORM: Final = re.compile(
    rf"(?:{_TITLE})?{_PART}(?:,? (?:{_SMALL}) {_PART}|,? {_PART}|-{_PART}){{0,4}}(?:,? (?:Jr|Sr|II|III|MD|PhD)\.?)?"
    r"|[A-ZÀ-ÖØ-Þ]{2,}(?:,? [A-ZÀ-ÖØ-Þ'-]{2,}){1,3}"
)
_NOT_PEOPLE: Final = re.compile(
    r"\b(?:inc|llc|ltd|gmbh|ag|kg|plc|corp|co|company|sons|group|bank|sarl|spa|srl|bv|nv|ltda|university|school|street"
    r"|road|hospital)\b|&|\band\b",
    re.IGNORECASE,
)
_STREET: Final = re.compile(
    r"(?:^\d{1,6}[a-z]?,? .*\b(?:st|street|ave|avenue|rd|road|blvd|boulevard|dr|drive|ln|lane|ct|court|pl|place|sq"
    r"|square|way|ter|terrace|pkwy|parkway|hwy|highway|cir|circle|close|crescent|gardens|mews|row|walk|alley|loop|trail"
    r"|pass|plaza|path)\b"
    r"|^\d{1,5}(?: ?(?:bis|ter))?,? (?:rue|av\.?|avenue|boulevard|bd|chemin|place|impasse|all[ée]e|quai|route)\b"
    r"|(?:stra(?:ß|ss)e|str\.|gasse|weg|platz|allee|ring|damm|ufer|straat|laan|plein|gracht|kade|gatan|v[äa]gen|gate"
    r"|veien|vej|katu)\s\d{1,4}"
    r"|\b(?:calle|c/|avda\.?|avenida|paseo|plaza|camino|via|viale|corso|piazza|vicolo|largo|rua|travessa|estrada"
    r"|alameda|ul\.|ulica)\s.+\d{1,4}"
    r"|\b(?:p\.? ?o\.? box|postfach|apartado)\b"
    r"|\b(?:apt|apartment|suite|ste|unit|wohnung|appartement|piso)\.? ?#?\d)",
    re.IGNORECASE,
)


_URL: Final = re.compile(r"(?:https?://|www\.)[^\s/]+", re.IGNORECASE)
_LAST_FIRST: Final = re.compile(r"([^,\d]+), ([^,\d]+)")


def _written_as_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _NAME_FORM.fullmatch(text) is not None and not _NOT_PEOPLE.search(text)


def _in_order(text: str) -> str:
    """A name as a sentence would write it: ``SMITH, ANN`` is Ann Smith."""
    turned = _LAST_FIRST.fullmatch(text)
    text = f"{turned[2]} {turned[1]}" if turned else text
    return text.title() if text.isupper() else text


def _named(text: str) -> bool:
    if not _written_as_name(text):
        return False
    return any(word in NAMES for word in re.split(r"[ ,.\-]+", text.casefold()))


def _street(text: str) -> bool:
    return len(text) <= _LONGEST_STREET and _DIGIT.search(text) is not None and _STREET.search(text) is not None


def _running(values: Sequence[object]) -> bool:
    numbers = {int(str(value)) for value in values if _PLAIN.fullmatch(str(value))}
    return len(numbers) == len(values) and max(numbers) - min(numbers) < 50 * len(values)


def _years(values: Sequence[object]) -> tuple[int, int] | None:
    years = sorted(year for value in values if (year := _year(value)) is not None)
    if not years:
        return None
    cut = len(years) // 20  # a stray date or two says nothing
    return years[cut], years[-1 - cut]


def _year(value: object) -> int | None:
    if isinstance(value, dt.date):
        return value.year
    found = re.search(r"(?:1[5-9]|20)\d\d", str(value))
    return int(found[0]) if found else None


def _coordinates(values: Sequence[object]) -> bool:
    """Fractions of at least three places between -180 and 180."""
    try:
        numbers = [float(str(value)) for value in values[:50]]
    except ValueError:
        return False
    if not all(abs(x) <= 180 for x in numbers):  # not a number compares as false
        return False
    return sum(abs(x * 100 - round(x * 100)) > 1e-6 for x in numbers) >= 0.7 * len(numbers)
