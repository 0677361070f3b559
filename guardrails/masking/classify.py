"""What the columns of a table hold, told by their names, their table, their types and a sample of their values.

Names alone do not carry to the next schema and values alone miss birth dates and diagnoses, so both are weighed:
values of an unmistakable form (an e-mail address, an IBAN whose check digits hold) beat any name; a name counts unless
the values speak against it; what is left is judged by figures. In a table about people, text that differs from row to
row and cannot be told is not opened: it stays ``unclassified``, which is redacted, until a person names it.

Pure: no database, no clock, no state. Evidence holds figures and the words of names, never a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from ...tools.tool import Mask
from .classes import CLASSES, FREE_TEXT, UNCLASSIFIED
from .column_types import Declared, declared_kind
from .column_values import Kind, Profile, profiles
from .detect import Detector
from .naming.hints import Hint, hint
from .naming.names import Name, Subject, read, subject
from .transforms import too_few


@dataclass(frozen=True, slots=True)
class ColumnFinding:
    """What a column holds. ``class_name`` None: looked at, open. ``mask`` None: the default of the class.

    ``sure`` is 0 to 1. ``quasi``: open, but together with others it may tell who somebody is (sex, age, place).
    """

    column: str
    class_name: str | None
    mask: Mask | None
    evidence: tuple[str, ...]
    sure: float = 1.0
    quasi: bool = False


def classify_table(
    table: str,
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[object]],
    *,
    detector: Detector | None = None,
) -> list[ColumnFinding]:
    """Classify the columns of a table: one finding each, in their order.

    Args:
        table: its name, with its schema unless that is the default one.
        columns: name and declared type of each.
        rows: a sample, as wide as ``columns``; it may be empty.
        detector: finds values of a known form; one is made and kept when absent.

    Raises:
        ValueError: a row is not as wide as the table.
    """
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("a sampled row is not as wide as its table")
    names = [read(name) for name, _ in columns]
    facts = profiles([name for name, _ in columns], rows, detector or _detector())
    about = _about(table, names, facts)
    about = replace(about, bodies=about.people and _bodies(table, names))
    return [
        _judged(column, declared_kind(type_), name, fact, about)
        for (column, type_), name, fact in zip(columns, names, facts, strict=True)
    ]


@lru_cache(maxsize=1)
def _detector() -> Detector:
    return Detector()


@dataclass(frozen=True, slots=True)
class _About:
    """What the rows of a table are about."""

    subject: Subject
    people: bool  # about people: what they are, do, or have done to them
    why: str
    bodies: bool = False  # and their bodies: a weight is a person's


_ANY_VALUE: Final = frozenset("value values val data wert werte valor valores valeur waarde valore wartosc".split())
_SHORTEST_SECRET: Final = 3  # digits, of a code on a card
_TELLING: Final = ("person", "birth", "ssn", "national_id", "email", "phone", "address")
_NUMBERS: Final = ("ssn", "national_id", "card", "account", "phone", "device")
_STRONG: Final = ("email", "iban", "card", "ssn", "national_id", "ip", "mac", "secret")


def _about(table: str, names: Sequence[Name], facts: Sequence[Profile]) -> _About:
    what = subject(table)
    if what in (Subject.PEOPLE, Subject.DOING):
        return _About(what, people=True, why=f"the table is of {what.value}")
    told = [name for name, fact in zip(names, facts, strict=True) if not _of_labels(fact)]
    telling = {h for name in told for h in _TELLING if name.has(h) and not name.has("about", "leading")}
    telling |= {c for fact in facts for c, share in fact.is_.items() if share > 0.5 and c in ("email", "phone", "ssn")}
    if any(fact.names > 0.4 for fact in facts):
        telling.add("person")
    if any(fact.streets > 0.4 for fact in facts):
        telling.add("address")
    if len(telling) >= 3 or (len(telling) == 2 and telling & {"person", "birth", "ssn", "national_id"}):
        return _About(Subject.PEOPLE, people=True, why="its columns are those of a table of people")
    if any(name.has("who") and name.has("number") for name in names):
        return _About(what, people=True, why="its rows belong to somebody")
    return _About(what, people=False, why=f"the table is of {what.value}")


def _of_labels(fact: Profile) -> bool:
    """Whether a column holds flags, or two or three labels: whatever its name, it tells nobody."""
    return fact.kind is Kind.FLAG or (fact.present >= 10 and fact.distinct <= 3)


def _bodies(table: str, names: Sequence[Name]) -> bool:
    """Whether a weight in a table of what people are or do is theirs, and not that of what they ordered."""
    if subject(table) is Subject.PEOPLE or read(table).has("health", "body"):
        return True
    return any(name.has("birth") for name in names) or sum(name.has("health") for name in names) >= 2


def _judged(column: str, declared: Declared, name: Name, fact: Profile, about: _About) -> ColumnFinding:
    promised = hint(name, about.subject, people=about.people, bodies=about.bodies)
    for judge in (_by_storage, _by_values, _by_name, _by_figures):
        found = judge(declared, name, fact, promised, about)
        if found is not None:
            class_name, reasons, sure, mask = found
            if class_name is None:
                quasi = about.people and name.has("quasi", "place", "postal", "birth")
                return ColumnFinding(column, None, None, reasons, sure, quasi)
            mask, why = _masked(class_name, mask, fact)
            return ColumnFinding(column, class_name, mask, (*reasons, *why), sure)
    return _open(column, declared, name, fact, promised, about)


_Judgement = tuple[str | None, tuple[str, ...], float, Mask | None]


def _by_storage(
    declared: Declared, name: Name, fact: Profile, promised: Hint | None, about: _About
) -> _Judgement | None:
    """Vectors, blobs and documents: what they are kept in says enough."""
    arrays = declared is Declared.VECTOR and fact.kind is Kind.NUMBERS  # of a few numbers each, as a place or a colour
    if fact.kind is Kind.VECTOR or (declared is Declared.VECTOR and not arrays):
        return "embedding", ("holds vectors of numbers",), 1.0, None
    if fact.kind is Kind.BINARY or (declared is Declared.BINARY and fact.kind is Kind.NONE):
        if promised is not None and promised.class_name in ("secret", "embedding"):
            return promised.class_name, (promised.reason,), 0.9, None
        if fact.kind is Kind.BINARY and name.has("number") and about.subject is not Subject.UNKNOWN:
            return None, ("binary keys",), 0.6, None
        return "binary", ("holds binary data",), 0.9, None
    if declared is Declared.JSON or fact.kind is Kind.JSON:
        if fact.kind is Kind.NONE and promised is not None and promised.class_name == "embedding":
            return "embedding", (promised.reason, "no values to look at"), 0.7, None
        if about.people or fact.holds > 0 or fact.kind is Kind.NONE:
            return FREE_TEXT, ("holds documents (JSON); looked through value by value",), 0.8, None
        return None, ("holds documents (JSON) without personal data in the sample",), 0.6, None
    if declared is Declared.ADDRESS:
        return "ip", ("its type holds network addresses",), 0.9, None
    if declared is Declared.MAC:
        return "mac", ("its type holds hardware addresses",), 0.9, None
    if declared is Declared.PLACE:
        return ("address", ("its type holds places",), 0.7, Mask.REDACT) if about.people else None
    return None


def _by_values(
    declared: Declared, name: Name, fact: Profile, promised: Hint | None, about: _About
) -> _Judgement | None:
    """Values of an unmistakable form."""
    if not fact.is_:
        return None
    class_name, share = max(fact.is_.items(), key=lambda item: item[1])
    named = promised.class_name if promised is not None else None
    if named is not None and fact.is_.get(named, 0) >= 0.3:
        class_name, share = named, fact.is_[named]
    if share < 0.6 or (fact.kind is Kind.NUMBER and fact.running):
        return None
    whole = fact.kind is Kind.NUMBER and (promised is None or promised.class_name is None)
    if class_name in _STRONG and not (whole and class_name in ("ssn", "national_id", "card")):
        if promised is not None and promised.strong and named in _NUMBERS and class_name in (*_NUMBERS, "secret"):
            class_name = named  # nine digits may be many things: the name decides between them
        return class_name, (f"{share:.0%} of the sampled values have the form of {_a(class_name)}",), share, None
    if class_name == "url" and (about.people or named == "url"):
        return "url", (f"{share:.0%} of the sampled values are web addresses with personal parts",), share, None
    vague = promised is None or promised.class_name is None or promised.heading in ("who", "whose_number")
    if class_name == "phone" and (vague or named == "phone") and not whole:
        if promised is not None and promised.class_name is None and promised.heading != "about":
            return None
        return "phone", (f"{share:.0%} of the sampled values have the form of a phone number",), share, None
    if class_name == "account" and (promised is None or promised.class_name == "account"):
        return "account", (f"{share:.0%} of the sampled values have the form of an account number",), share, None
    return None


def _by_name(declared: Declared, name: Name, fact: Profile, promised: Hint | None, about: _About) -> _Judgement | None:
    """What the name promises, unless type or values speak against it."""
    if promised is None:
        return None
    if promised.class_name is None:
        if (promised.heading == "thing" and fact.names > 0.5) or (promised.heading == "place" and fact.streets > 0.3):
            return None
        if about.subject is Subject.PEOPLE and promised.heading == "about" and _opaque(fact):
            return None  # labels are few
        return None, (promised.reason,), 0.8, None
    against = _against(promised, declared, name, fact, about)
    if against is not None:
        return None
    sure = 0.9 if promised.strong else 0.7
    reasons = (promised.reason,) if fact.kind is not Kind.NONE else (promised.reason, "no values to look at")
    mask: Mask | None = None
    match promised.heading:
        case "geo" | "part":
            mask = Mask.REDACT
        case "postal":
            reasons = (*reasons, "a postal code")
        case "birth" if fact.kind is Kind.NUMBER or {"year", "yob", "jahr", "annee"} & set(name.words):
            mask = Mask.GENERALISE if fact.kind is Kind.NUMBER else None
        case _:
            pass
    return promised.class_name, reasons, sure, mask


def _against(promised: Hint, declared: Declared, name: Name, fact: Profile, about: _About) -> str | None:
    """Why a promise does not hold; None when nothing speaks against it."""
    kind = fact.kind if fact.kind is not Kind.NONE else declared.kind
    if declared is Declared.FLAG and kind is Kind.NUMBER and fact.distinct <= 2:
        kind = Kind.FLAG  # SQLite and MySQL keep 0 and 1
    if kind is Kind.FLAG and promised.class_name not in ("health", "special"):
        return "flags"
    match promised.class_name:
        case "email":
            if kind not in (Kind.TEXT, Kind.NONE) or (fact.present and fact.at_signs < 0.3):
                return "no e-mail addresses"
        case "phone":
            if kind not in (Kind.TEXT, Kind.NUMBER, Kind.NONE) or (fact.enough and fact.digits < 0.5):
                return "no phone numbers"
            if kind is Kind.NUMBER and fact.running:
                return "numbers of rows"
        case "person":
            return _against_person(promised, kind, fact, about)
        case "address":
            if promised.heading == "geo":
                if kind not in (Kind.FRACTION, Kind.TEXT, Kind.NONE) or (not about.people and not fact.coordinates):
                    return "no coordinates"
                return "places of things" if about.subject is Subject.CATALOGUE and not about.people else None
            if promised.heading == "postal":
                if not promised.strong and fact.enough and fact.zips < 0.5:
                    return "no postal codes"
                return None if kind in (Kind.TEXT, Kind.NUMBER, Kind.NONE) else "no postal codes"
            if kind not in (Kind.TEXT, Kind.NONE) or (fact.enough and not promised.strong and fact.streets < 0.3):
                return "no addresses"
        case "ssn" | "national_id" | "card" | "iban" | "account" | "device":
            if kind is Kind.UUID and promised.class_name == "device" and not name.key:
                return None  # advertising identifiers
            if kind not in (Kind.TEXT, Kind.NUMBER, Kind.NONE):
                return "no numbers of somebody"
            if kind is Kind.NUMBER and fact.running and promised.class_name in ("account", "card", "device"):
                return "numbers of rows"
            return _against_number(promised, kind, fact, about)
        case "ip" | "mac":
            if kind not in (Kind.TEXT, Kind.NONE) or (fact.present and fact.is_.get(promised.class_name, 0) < 0.3):
                return "no addresses"
        case "birth_date":
            if kind not in (Kind.WHEN, Kind.NUMBER, Kind.TEXT, Kind.NONE):
                return "no dates"
            if kind is Kind.TEXT and fact.enough and fact.digits < 0.3 and fact.codes < 0.3 and not promised.strong:
                return "no dates"
        case "secret":
            if kind not in (Kind.TEXT, Kind.NUMBER, Kind.NONE) or (not promised.strong and fact.words > 3):
                return "no secrets"
            if fact.enough and kind is Kind.NUMBER and fact.length < _SHORTEST_SECRET:
                return "small numbers"
            if not promised.strong and fact.enough and kind is Kind.NUMBER and (fact.running or not about.people):
                return "numbers"
            if fact.present >= 10 and fact.distinct <= 3 and kind is Kind.TEXT and not promised.strong:
                return "labels"
        case "money":
            if kind not in (Kind.NUMBER, Kind.NUMBERS, Kind.FRACTION, Kind.TEXT, Kind.NONE):
                return "no amounts"
            if kind is Kind.TEXT and fact.enough and not promised.strong and fact.numbered < 0.3:
                return "no amounts"
        case "health":
            if kind is Kind.NUMBER and fact.running and fact.present > 20:
                return "numbers of rows"
            if kind is Kind.UUID or (name.key and (fact.present == 0 or fact.distinct == fact.present)):
                return "keys"  # but a diagnosis_id that repeats says who has the same
            if kind is Kind.WHEN and not promised.strong:
                return "dates"
        case "special":
            if kind is Kind.NUMBER and not promised.strong:
                return "numbers"
        case "free_text":
            return _against_text(promised, kind, fact, about)
        case "url":
            if kind not in (Kind.TEXT, Kind.NONE):
                return "no addresses"
        case "embedding":
            return "no vectors"  # those were known by what they are kept in
        case _:
            pass
    return None


def _against_person(promised: Hint, kind: Kind, fact: Profile, about: _About) -> str | None:
    if kind not in (Kind.TEXT, Kind.NONE):
        return "no names"
    if promised.heading in ("who", "name") and not promised.strong:
        if fact.present == 0:
            return None if about.people else "nothing to look at"
        named = fact.names >= 0.3 or (fact.name_form >= 0.8 and fact.differ > 0.5 and fact.words > 1.5)
        return None if named else "no names"
    asked = fact.name_form >= 0.6 and fact.words >= 1.5  # two words in Latin letters: names of people would be known
    if promised.heading == "name" and asked and fact.present >= 30 and fact.distinct <= 12 and fact.names < 0.1:
        return "labels"
    numbered = fact.digits if promised.heading == "person" else fact.numbered
    if fact.enough and (fact.words > 6 or numbered > 0.5):
        return "no names"
    return None


def _against_number(promised: Hint, kind: Kind, fact: Profile, about: _About) -> str | None:
    if promised.heading in ("whose_number", "member"):
        if kind is not Kind.TEXT or (fact.present and (fact.running or fact.differ < 0.9 or fact.codes < 0.6)):
            return "keys of rows"
        return None if promised.strong or about.subject is Subject.PEOPLE else "keys of rows"
    if fact.enough and fact.kind is Kind.TEXT and not promised.strong and fact.codes < 0.3 and fact.digits < 0.3:
        return "no numbers"
    if fact.enough and fact.words > 4:
        return "sentences"
    if fact.enough and fact.numbered < 0.1 and promised.class_name in ("ssn", "national_id", "card", "iban"):
        return "no digits"
    return None


def _against_text(promised: Hint, kind: Kind, fact: Profile, about: _About) -> str | None:
    if kind not in (Kind.TEXT, Kind.NONE):
        return "no text"
    if promised.heading == "describes" and not about.people:
        return "describes things"
    if fact.present >= 10 and (fact.distinct <= 12 or fact.differ < 0.1) and fact.words < 4 and fact.holds == 0:
        return "labels"
    return None


def _by_figures(
    declared: Declared, name: Name, fact: Profile, promised: Hint | None, about: _About
) -> _Judgement | None:
    """What no name tells: names, streets, sentences, dates of birth and keys by the look of their values."""
    if fact.kind is Kind.TEXT:
        things = name.has("place", "quasi") or (name.has("thing") and fact.distinct < 10)  # brands are called as people
        if fact.names >= 0.4 and fact.name_form >= 0.7 and not things:
            return "person", (f"{fact.names:.0%} of the sampled values are names of people",), 0.7, None
        if fact.streets >= 0.5:
            return "address", (f"{fact.streets:.0%} of the sampled values are street addresses",), 0.8, None
        if fact.ill >= 0.35 and not name.has("place") and (about.people or about.subject is Subject.UNKNOWN):
            return "health", (f"{fact.ill:.0%} of the sampled values name an illness or a medicine",), 0.7, None
        if fact.beliefs >= 0.4 and about.people:
            return (
                "special",
                (f"{fact.beliefs:.0%} of the sampled values name a belief, an origin or a crime",),
                0.7,
                None,
            )
        if fact.urls >= 0.6 and (about.subject is Subject.PEOPLE or name.has("who") or fact.holds >= 0.2):
            return "url", ("web addresses of people or with personal parts",), 0.6, None
        if fact.secretive >= 0.8 and fact.differ > 0.9 and about.subject is not Subject.CATALOGUE:
            return "secret", ("values look like hashes or random keys",), 0.6, None
        if fact.words >= 5 and fact.differ > 0.3 and (about.people or about.subject is Subject.UNKNOWN):
            return FREE_TEXT, (f"sentences of {fact.words:.0f} words on average", about.why), 0.7, None
        if fact.holds >= 0.2 and promised is not None and promised.heading == "who" and fact.words < 2.5:
            return "person", (promised.reason, f"{fact.holds:.0%} of its values tell who it is"), 0.6, None
        if fact.mentions >= 0.15 and fact.words >= 4 and promised is None:
            return FREE_TEXT, (f"people are named in {fact.mentions:.0%} of the sampled texts",), 0.6, None
        if fact.holds >= 0.2 or (fact.holds > 0 and _any_value(name) and fact.differ > 0.3):
            return FREE_TEXT, (f"personal data in {fact.holds:.0%} of the sampled texts",), 0.7, None
        if name.has("url") and about.people and fact.words < 2:
            return None
    if (
        fact.kind is Kind.WHEN
        and about.subject is Subject.PEOPLE
        and fact.years is not None
        and not name.all - {"noise"}
    ):
        first, last = fact.years
        if fact.present >= 10 and first < 1980 and last - first >= 25:
            return "birth_date", ("dates many decades apart in a table of people",), 0.6, None
    return None


def _open(
    column: str, declared: Declared, name: Name, fact: Profile, promised: Hint | None, about: _About
) -> ColumnFinding:
    """What is left: open, or unclassified where opening it would be a guess."""
    decoy = promised is not None and promised.class_name is None
    quasi = about.people and name.has("quasi", "place")
    if quasi:
        return ColumnFinding(column, None, None, ("shared by many people; open",), 0.7, quasi=True)
    wordy = declared in (Declared.TEXT, Declared.UNKNOWN)
    if fact.kind is Kind.NONE and wordy and _unsafe_when_empty(name, promised, about):
        return ColumnFinding(column, UNCLASSIFIED, None, ("no values to look at", about.why), 0.3)
    if name.key and fact.words < 1.2:
        return ColumnFinding(column, None, None, ("a key of rows",), 0.7)
    personal = about.subject is Subject.PEOPLE or (about.people and promised is not None and not decoy)
    if personal and _opaque(fact) and not name.has("thing") and fact.firms < 0.4:
        why = f"text that differs from row to row and cannot be told; {about.why}"
        return ColumnFinding(column, UNCLASSIFIED, None, (why,), 0.4)
    if promised is not None and decoy:
        return ColumnFinding(column, None, None, (promised.reason,), 0.8)
    return ColumnFinding(column, None, None, (_seen(fact), "no class fits"), 0.6)


def _seen(fact: Profile) -> str:
    """What a column that nothing is known about holds, as far as figures tell: what a reviewer wants to know."""
    match fact.kind:
        case Kind.NONE:
            return "no values to look at"
        case Kind.TEXT if fact.differ <= 0.5:
            return f"text of {fact.distinct} different values in {fact.present}"
        case Kind.TEXT:
            return "text that differs from row to row"
        case Kind.NUMBER if fact.running:
            return "numbers that count up"
        case Kind.NUMBER | Kind.FRACTION:
            return "numbers"
        case Kind.WHEN:
            return "dates"
        case Kind.FLAG:
            return "flags"
        case kind:
            return f"holds {kind.value}"


def _any_value(name: Name) -> bool:
    """Whether a name promises values of any kind: the ``meta_value`` of rows of keys and values."""
    return bool(name.words) and name.words[-1] in _ANY_VALUE


def _opaque(fact: Profile) -> bool:
    """Text that differs from row to row: no label, and no row number either."""
    return fact.kind is Kind.TEXT and fact.enough and fact.differ > 0.5 and not fact.running


def _unsafe_when_empty(name: Name, promised: Hint | None, about: _About) -> bool:
    """Whether a column without values may hold anything: a weak promise, or a name that says nothing at all."""
    if promised is not None:
        return promised.class_name is not None and not promised.strong
    said_nothing = not name.all - {"noise", "number", "qualifier", "part"} and not name.key
    return said_nothing and about.subject in (Subject.PEOPLE, Subject.UNKNOWN)


def _masked(class_name: str, mask: Mask | None, fact: Profile) -> tuple[Mask | None, tuple[str, ...]]:
    """The mask, and why: a column of few different values is not tokenised."""
    usual = CLASSES[class_name].mask if mask is None else mask
    if usual is not Mask.TOKEN or class_name == FREE_TEXT:
        return mask, ()
    if too_few(fact.distinct, fact.present, fact.top):
        return Mask.REDACT, (f"{fact.distinct} different values in {fact.present}: equal tokens would betray them",)
    return mask, ()


def _a(class_name: str) -> str:
    meaning = CLASSES[class_name].meaning
    return meaning if meaning.startswith(("a ", "an ")) else f"a {class_name}"
