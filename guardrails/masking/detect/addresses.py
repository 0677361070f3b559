"""Street lines, postal codes and post boxes by their form, as postal services of several countries write them.

Only whole forms count: a street with its number, a code behind its name or beside its town. What else belongs to the
same address (town, country) is for the tagger to find, and is joined to it in ``tagger/names.py``.
"""

from __future__ import annotations

import re
from typing import Final

from ..classes import EntityType
from .scan import Anchor, Handler, Scan

_SCORE: Final = 0.85
_REACH: Final = 72  # characters between the beginning of a street line and its kind of street or its number
_UNIT: Final = re.compile(
    r",?\s{1,6}(?:(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|building|bldg|lot|box|appt|wohnung|piso)"
    r"\.?\s?#?\s?(?=[\w-]{0,5}\d)[\w-]{1,6}|#\s?[\w-]{1,6}|\d{1,2}(?:st|nd|rd|th) floor)(?!\w)",
    re.IGNORECASE,
)


def _add(scan: Scan, start: int, end: int) -> None:
    unit = _UNIT.match(scan.text, end)
    scan.add(start, unit.end() if unit else end, EntityType.LOCATION, _SCORE)


# --- 12 Oak Street -------------------------------------------------------------------------------------------------

_ENGLISH_KINDS: Final = (
    "street st avenue ave av road rd lane ln drive dr boulevard blvd court ct place pl way terrace close "
    "crescent cres square sq "
    "parkway pkwy circle cir trail trl highway hwy row gardens mews grove alley loop quay walk rise hill wharf pike"
).split()
_PLAIN_KINDS: Final = frozenset("street avenue ave road rd lane boulevard blvd drive st".split())
_ENGLISH: Final = re.compile(
    r"(?<![\w.,:/#$€£%-])\d{1,5}(?:[-/]\d{1,4})?[A-Za-z]?,? (?P<name>(?:[\w'’.\-]{1,24} ){1,4})(?P<kind>[A-Za-z]+)\Z"
)
_ENGLISH_TAIL: Final = re.compile(r"\.(?=[\s,])|(?:\.?,? (?:[NSEW]|[NS][EW]|North|South|East|West)\b)")
_NOT_NAMES: Final = frozenset(
    (
        "a an the in on at to of and or for from by with is are was were be been my your our his her their this "
        "that these "
        "those down up off along across over under into onto per about than then it its we you he she they i not "
        "no year years "
        "month months week weeks day days hour hours minute minutes min mins second seconds mile miles km "
        "kilometers metres "
        "meters people men women cars more less other same new users items percent times way right left block blocks"
    ).split()
)
_INSIDE: Final = frozenset("of the de la and del".split())


def _english(scan: Scan, end: int) -> None:
    text = scan.text
    if not scan.places or (end < len(text) and (text[end].isalnum() or text[end] == "_")):
        return
    match = _ENGLISH.search(text[max(0, end - _REACH) : end])
    if match is None or not _named(match["name"].split(), match["kind"]):
        return
    tail = _ENGLISH_TAIL.match(text, end)
    _add(scan, end - (match.end() - match.start()), tail.end() if tail else end)


def _named(words: list[str], kind: str) -> bool:
    """Whether the words between number and "street" can be its name: "12 Oak", not "5 minutes down the"."""
    lowered = [w.lower() for w in words]
    if all(w.islower() or not w[0].isalpha() for w in words):
        return kind.lower() in _PLAIN_KINDS and len(words) <= 3 and _NOT_NAMES.isdisjoint(lowered)
    if kind.islower():
        return kind in _PLAIN_KINDS and words[0][0].isupper() and _NOT_NAMES.isdisjoint(lowered)
    if not all(w[0].isupper() or w[0].isdigit() for w in (words[0], words[-1])) or lowered[0] in _NOT_NAMES:
        return False
    return all(w[0].isupper() or w[0].isdigit() or low in _INSIDE for w, low in zip(words, lowered, strict=True))


# --- 12 rue de la Paix, Via Roma 3, Calle Mayor, 5 -----------------------------------------------------------------

_KIND_FIRST: Final = (
    "rue avenue av\\. boulevard bd place chemin all[e?]e impasse quai route calle c/ avenida avda\\.? plaza "
    "paseo carrer camino "
    "ronda via viale corso piazza piazzale vicolo largo strada rua travessa pra[c?]a alameda estrada ulica ul\\. "
    "al\\. aleja plac "
    "pl\\. bulevardul jalan jl\\. lorong ulitsa trg"
).split()
_LINKS: Final = (
    r"(?:(?:de|del|della|delle|dei|di|da|do|dos|das|du|des|la|las|los|le|les|el|san|santa|saint) "
    r"|[dl]['’]|dell['’]){0,3}"
)
_PART: Final = _LINKS + r"(?:[^\W\d_a-zà-ÿ][\w'’.\-]{0,24}|\d{1,2}(?= [a-z]))"
_STREET_NAME: Final = re.compile(rf" ?{_PART}(?:[ -]{_PART}){{0,4}}")
_KIND_WORD: Final = re.compile(r"(?<!\w)[^\W\d_]+[./]? \Z")
_NUMBER_BEFORE: Final = re.compile(r"(?<![\w.,:/#$€£%-])\d{1,4}(?: ?(?:bis|ter|[A-Da-d]))?,? \Z")
_NUMBER_AFTER: Final = re.compile(
    r",? (?:(?:n[º°o.]|nr\.?|no\.?) ?)?\d{1,4}(?:[/-]\d{1,4})?[A-Za-z]?(?![\w%€$]|[.,/:]\d)", re.IGNORECASE
)


def _kind_first(scan: Scan, end: int) -> None:
    """Streets whose kind comes first: the number stands before the kind or behind the name."""
    text = scan.text
    if not scan.places or (name := _STREET_NAME.match(text, end - 1)) is None:
        return
    word = _KIND_WORD.search(text, max(0, end - 16), end)
    if word is None:
        return
    kind = word.start()
    before = _NUMBER_BEFORE.search(text, max(0, kind - 14), kind)
    after = _NUMBER_AFTER.match(text, name.end())
    if before is None and after is None:
        return
    _add(scan, before.start() if before else kind, after.end() if after else name.end())


# --- Hauptstraße 12, Prinsengracht 263, Storgatan 4 B ----------------------------------------------------------------

_GERMANIC_KINDS: Final = (
    "stra(?:ss|\\?)e str\\. weg gasse platz allee damm ufer chaussee ring straat laan plein gracht kade dijk "
    "singel gatan v\\?gen "
    "gr\\?nd gata gate veien vej vei gade v\\?g katu kuja utca caddesi sokak"
).split()
_GERMANIC: Final = re.compile(
    r"(?<!\w)(?:[A-ZÄÖÜÅØÆİŞÇŁŐÁÉ][\w'’.\-]{0,30}[ -]){0,3}[A-ZÄÖÜÅØÆİŞÇŁŐÁÉ][\w'’.\-]{1,40} \d{1,4}"
    r"(?: ?[a-zA-Z](?![\w.])|[-/]\d{1,4})?(?![\w%€$]|[.,:]\d)"
)


def _germanic(scan: Scan, end: int) -> None:
    """The anchor ends on the first digit of the number."""
    text = scan.text
    if not scan.places:
        return
    for match in _GERMANIC.finditer(text, max(0, end - _REACH), min(len(text), end + 12)):
        if match.start() < end - 1 < match.end() and "\n" not in match[0]:
            _add(scan, *match.span())
            return


# --- post boxes and codes ------------------------------------------------------------------------------------------

_BOX_NUMBER: Final = re.compile(r"[ :#]{1,2}(?:no\.? ?|n[º°] ?)?\d{1,3}(?:[ .]?\d{1,3}){0,2}(?!\w)", re.IGNORECASE)
_BOX_NAME: Final = re.compile(
    r"(?:p\.? ?o\.? ?|post office |apartado de |bo[îi]te |casella |caixa |skrytka )?[^\W\d_]+\Z", re.IGNORECASE
)
_CODE_NAMED: Final = re.compile(
    r"[\"']?(?: (?:is|of|was|here is|number|no\.?))?[ :=#\"'\t]{1,4}"
    r"(?P<code>\d{3,6}(?:[- ]\d{2,4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2})(?!\w)",
    re.IGNORECASE,
)
_CODE: Final = re.compile(
    r"(?:[A-PR-UWYZ][A-HK-Y]?\d[\dA-HJKP-Y]? \d[ABD-HJLNP-UW-Z]{2}"
    r"|[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] \d[ABCEGHJ-NPRSTV-Z]\d)(?![\w-])"
)
_STATES: Final = frozenset(
    (
        "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND "
        "OH OK OR PA RI SC "
        "SD TN TX UT VT VA WA WV WI WY DC PR"
    ).split()
)
_TOWN: Final = re.compile(r"(?<!\w)(?:[A-Z][\w'’.\-]{1,24} ){0,2}[A-Z][\w'’.\-]{1,24},? [A-Z]{2} \d{5}\Z")
_ZIP_TAIL: Final = re.compile(r"-\d{4}(?![\w-])")


def _box(scan: Scan, end: int) -> None:
    text = scan.text
    number = None if not scan.places else _BOX_NUMBER.match(text, end - 1)
    name = None if number is None else _BOX_NAME.search(text, max(0, end - 24), end - 1)
    if number is not None and name is not None:
        _add(scan, name.start(), number.end())


def _code_named(scan: Scan, end: int) -> None:
    match = None if not scan.places else _CODE_NAMED.match(scan.text, end)
    if match is not None:
        scan.add(*match.span("code"), EntityType.LOCATION, _SCORE)


def _code(scan: Scan, end: int) -> None:
    """A British or Canadian code: letters and digits in turn need no name."""
    text = scan.text
    if not scan.places:
        return
    for start in range(max(0, end - 8), end - 5):
        if (match := _CODE.match(text, start)) and not (
            start and (text[start - 1].isalnum() or text[start - 1] in "_-")
        ):
            scan.add(start, match.end(), EntityType.LOCATION, 0.75)
            return


def _zip(scan: Scan, end: int) -> None:
    """``Springfield, IL 62704``: the anchor ends behind five digits."""
    text = scan.text
    if not scan.places or text[end - 8 : end - 6] not in _STATES or (end < len(text) and text[end].isalnum()):
        return
    tail = _ZIP_TAIL.match(text, end)
    town = _TOWN.search(text, max(0, end - _REACH), end)
    scan.add(town.start() if town else end - 8, tail.end() if tail else end, EntityType.LOCATION, _SCORE)


def _word(pattern: str, handler: Handler) -> Anchor:
    return Anchor(pattern, handler, caseless=True)


ANCHORS: Final = (
    *(_word(f" {kind}\\b", _english) for kind in _ENGLISH_KINDS),
    *(_word(f"\\b{kind} ", _kind_first) for kind in _KIND_FIRST),
    *(_word(f"{kind} [0-9]", _germanic) for kind in _GERMANIC_KINDS),
    *(
        _word(f"\\b{name}[ :#]", _box)
        for name in ("p\\.? ?o\\.? ?box", "post office box", "postfach", "postbus", "postboks")
    ),
    *(_word(f"\\b{name}[ :#]", _box) for name in ("apartado", "correos", "postale", "postal", "pocztowa")),
    *(
        _word(f"\\b{name}\\b", _code_named)
        for name in ("zip", "zip ?code", "post ?code", "postal code", "plz", "postleitzahl")
    ),
    *(
        _word(f"\\b{name}\\b", _code_named)
        for name in ("code postal", "c[?o]digo postal", "cep", "pin ?code", "eircode")
    ),
    Anchor("[A-Z][0-9][0-9A-Z]? [0-9][A-Z][A-Z0-9]", _code),
    Anchor("\\b[A-Z]{2} [0-9]{5}\\b", _zip),
)
