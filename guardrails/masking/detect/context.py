"""Values that only the words before them give away: dates of birth, medical records, passports, licences, accounts."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from ..classes import EntityType
from .scan import Anchor, Handler, Scan
from .spans import Span

# --- dates of birth ------------------------------------------------------------------------------------------------

_MONTH = (
    r"(?:jan(?:uary|uar|vier|eiro|v)?|feb(?:ruary|ruar|r)?|f[eé]v(?:rier|ereiro)?|mar(?:ch|zo|s|[cç]o)?|m[aä]rz|apr(?:il|ile)?"
    r"|avr(?:il)?|abr(?:il)?|may|mai|mayo|maggio|maio|june?|juni|juin|junio|giugno|junho|july?|juli|juil(?:let)?|julio|luglio"
    r"|julho|aug(?:ust)?|ao[uû]t|ago(?:sto)?|sept?(?:ember|embre|iembre)?|set(?:tembre|embro)?|oct(?:ober|obre|ubre)?"
    r"|okt(?:ober)?|ott(?:obre)?|out(?:ubro)?|nov(?:ember|embre|iembre|embro)?|dec(?:ember)?|dez(?:ember|embro)?"
    r"|d[eé]c(?:embre)?|dic(?:embre|iembre)?|ene(?:ro)?|gen(?:naio)?|lug|giu|mag|fev)\.?"
)
_DATE: Final = (
    r"(?:(?:18|19|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/. ](?:0?[1-9]|[12]\d|3[01])[-/. ](?:(?:18|19|20)\d\d|\d\d)"
    r"|(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|er|\.|º)?(?:[ -]| of | de | d')+"
    + _MONTH
    + r"(?:,? ?[ -]| de | del )(?:18|19|20)?\d\d"
    r"|" + _MONTH + r"[ -]*(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?:,? ?[ ,-]|, )(?:18|19|20)?\d\d"
    r"|(?:18|19|20)\d\d[- ]" + _MONTH + r"[- ](?:0?[1-9]|[12]\d|3[01]))(?![\d])"
)


@cache
def _expressions() -> tuple[re.Pattern[bytes], re.Pattern[str]]:
    """Where a date may begin, and a date: large, and compiled when a birth is first spoken of.

    The first is over bytes in lower case: to look for thirty words without regard to case takes eight times as long.
    """
    month = _MONTH.encode("ascii", "replace")
    begins = re.compile(rb"\b(?=[\dadefgjlmnos])(?:\d|" + month + rb"[ .\d])")
    return begins, re.compile(_DATE, re.IGNORECASE)


def _birth(scan: Scan, end: int) -> None:
    text, lower = scan.text, scan.buffer.lower
    begins, date_form = _expressions()
    limit = min(len(text), end + 60)
    at = end
    for _ in range(3):  # "born 3 weeks early, on 2 May 1980": not every number behind the word is the date
        match = begins.search(lower, at, limit)
        if match is None or "\x00" in text[end : match.start()]:
            return
        date = date_form.match(text, match.start())
        if date is not None:
            scan.add(date.start(), date.end(), EntityType.DATE_OF_BIRTH, 0.85)
            return
        at = match.end()


def _birth_mark(scan: Scan, end: int) -> None:
    """``* 3.4.1980`` and ``(b. 3 April 1980)``."""
    date = _expressions()[1].match(scan.text, end)
    if date is not None:
        scan.add(date.start(), date.end(), EntityType.DATE_OF_BIRTH, 0.7)


def _birth_star(scan: Scan, end: int) -> None:
    """``*3.4.1980``, and no ``2*10/3/2020``."""
    if scan.text[max(0, end - 3) : end - 2].strip(" \t\n,;(") == "":
        _birth_mark(scan, end - 1)


def _record(scan: Scan, end: int) -> None:
    """``|1981-04-12|F|``: the anchor ends behind the sex, and the date beside it is that person's birth."""
    text, delimiter = scan.text, scan.text[end - 1]
    if text[end - 3] != delimiter:
        return
    before = text.rfind(delimiter, max(0, end - 30), end - 3) + 1
    form = _expressions()[1]
    date = (form.fullmatch(text, before, end - 3) if before else None) or form.match(text, end)
    if date is not None and text[date.end() : date.end() + 1] in (delimiter, "\n", ""):
        scan.add(*date.span(), EntityType.DATE_OF_BIRTH, 0.75)


# --- numbers behind a name -----------------------------------------------------------------------------------------

_LINK = (
    r"(?:(?:umber|umero|úmero|ummer|um|o|r|°|º)\b\.?)?"  # behind an anchor that ends in " n"
    r"(?:'?s?[ _-]?(?:card|book|identification|registration))?"
    r"(?:[ _-]?(?:number|numero|número|nummer|num|no|nr|n°|nº|id|code|ref|reference|#)\b\.?)?"
    r"[\"']?(?:[ \t]{0,3}(?:is|was|are|ist|est|es|è|:|=|#|-|–|\(|\n|\t|\|)){0,2}"
    r"[\"' \t]{0,3}(?:is |was |no\.? ?|nr\.? ?|# ?)?"
)
_NUMBER = re.compile(_LINK + r"(?P<value>[A-Za-z]{0,4}[ -]?\d(?:[A-Za-z0-9]|[-./ ](?=\d)){3,19})(?![A-Za-z0-9])")
_MIXED = re.compile(_LINK + r"(?P<value>(?=[A-Za-z0-9]*\d[A-Za-z0-9]*\d[A-Za-z0-9]*\d)[A-Z0-9]{6,18})(?![A-Za-z0-9-])")
_FURTHER = re.compile(r"[^\n\x00.;]{1,48}?\b(?P<value>(?=(?:[A-Z]*\d){5})[A-Z0-9]{8,9})(?![A-Za-z0-9/-])")
_NOT_A_NUMBER = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|(?:19|20)\d\d(?:[-/.]\d{1,2}){2}|\d{4}")


def _valued(
    kind: str,
    score: float,
    *,
    digits: int = 4,
    mixed: bool = False,
    further: bool = False,
    before: re.Pattern[bytes] | None = None,
    class_name: str | None = None,
) -> Handler:
    """A recogniser for a number that follows its name, at most a link word away."""

    def handle(scan: Scan, end: int) -> None:
        text = scan.text
        if before is not None and not before.search(scan.buffer.lower, max(0, end - 40), end):
            return
        match = _NUMBER.match(text, end) or (_MIXED.match(text, end) if mixed else None)
        if match is None and further:  # some words away, but of a form that little else has
            match = _FURTHER.match(text, end)
        if match is None:
            return
        value = match["value"]
        value = _first_number(value)
        if sum(map(str.isdigit, value)) < digits or _NOT_A_NUMBER.fullmatch(value):
            return
        start = match.start("value")
        if class_name is None:
            scan.add(start, start + len(value), kind, score)
        else:
            scan.found.append(Span(start, start + len(value), kind, score, class_name))
        if further and (another := _FURTHER.match(text, start + len(value))) is not None:
            scan.add(*another.span("value"), kind, score)

    return handle


def _first_number(value: str) -> str:
    """``00123456 12`` is one number in groups, ``00123456 2024-01-02`` is a number and a date."""
    parts = value.split(" ")
    while len(parts) > 1 and (_NOT_A_NUMBER.fullmatch(parts[-1]) or len(parts[0]) > 5):
        parts.pop()
    return " ".join(parts)


_DRIVER = re.compile(
    rb"\b(?:driv\w+|d)['?]?s?[ _-]?(?:licen[cs]e)\Z|dl\W*\Z|f.?.?hrerschein\w*\Z|permis de conduire\Z|patente\Z"
)
_medical = _valued(EntityType.MEDICAL_RECORD, 0.85)
_passport = _valued(EntityType.PASSPORT, 0.85, digits=3, mixed=True, further=True)
_licence = _valued(EntityType.NATIONAL_ID, 0.8, mixed=True)
_account = _valued(EntityType.IBAN, 0.75, digits=6, class_name="account")
_identity = _valued(EntityType.NATIONAL_ID, 0.7, digits=6, mixed=True)
_driver_licence = _valued(EntityType.NATIONAL_ID, 0.85, mixed=True, before=_DRIVER)


def _word(pattern: str, handler: Handler) -> Anchor:
    return Anchor(pattern, handler, caseless=True)


ANCHORS: Final = (
    # birth
    *(
        _word(pattern, _birth)
        for pattern in (
            "\\bdob\\b",
            "d\\.o\\.b",
            "_dob\\b",
            "birth",
            "\\bborn\\b",
            "\\bgeb\\.",
            "\\bgeboren",
            "geburt",
            "naissance",
            "\\bn[?e]e? le ",
            "nacimiento",
            "nacid[oa]",
            "nascita",
            "\\bnat[oa] il",
            "nascimento",
            "nascid[oa]",
            "geboortedatum",
            "f[?o]delse",
            "f[?o]dsels",
            "\\bf[?o]d[dt] ",
            "\\bgeb[=:]",
            "\\bgeb_?dat",
            "\\bgeb ",
            "\\bn[?e]e? [?a] ",
            "cumplea",
            "compleanno",
            "verjaardag",
            "\\bn[?e]\\(e\\) le ",
            "\\bnasc\\.",
            "\\bnac\\.",
            "\\bnat[oa] a ",
            "\\bur\\. ",
            "urodz",
            "do[?g]um tarih",
            "do[?g]umlu",
            "\\bjanm ",
            "\\blahir\\b",
            "naroz",
            "sz[?u]let",
        )
    ),
    Anchor("\\* ", _birth_mark),
    Anchor("\\*[0-9]", _birth_star),
    *(Anchor(f"{delimiter}[FM]{delimiter}", _record) for delimiter in ("\\|", ",", ";", "\t")),
    Anchor("\\bb\\. ", _birth_mark),
    # medical records
    *(
        _word(pattern, _medical)
        for pattern in (
            "\\bmrn\\b",
            "medical record",
            "\\bmed\\.? rec",
            "health record",
            "patient[ _\\-]?id\\b",
            "patient n",
            "\\bchart\\b",
            "hospital n",
            "\\bhosp\\.? n",
            "\\burn\\b",
            "\\bpatienten-?n",
            "fallnummer",
            "encounter",
            "admission n",
            "member[ _\\-]?id\\b",
            "membership n",
            "subscriber id",
            "policy n",
            "beneficiary",
            "health plan",
            "unit number",
            "\\bpt[ .]id\\b",
            "\\bcsn\\b",
            "accession",
            "\\bnhc\\b",
            "\\bipp\\b",
            "\\bnhi\\b",
            "\\bpatienten-?id\\b",
            "historia cl[?i]nica",
            "prontu[?a]rio",
            "cartella clinica",
            "cartella n",
            "\\bjournalnummer",
            "dossier m[?e]dical",
            "\\bks\\. ?g[?l]\\.",
            "\\bpati[?e]ntnummer",
        )
    ),
    # papers
    *(
        _word(pattern, _passport)
        for pattern in (
            "passport",
            "passeport",
            "pasaporte",
            "passaporto",
            "passaporte",
            "reisepass",
            "paspoort",
            "paszport",
            "pasaport",
        )
    ),
    *(_word(pattern, _driver_licence) for pattern in ("licen[cs]e", "\\bdl\\b", "hrerschein", "permis de conduire")),
    *(
        _word(pattern, _identity)
        for pattern in (
            "national id\\b",
            "identity card",
            "\\bid card",
            "personalausweis",
            "ausweisnummer",
            "tax id\\b",
            "\\btin\\b",
            "carte d'identit",
            "identity n",
            "national insurance",
            "social insurance",
            "steuer-?id\\b",
            "\\bein\\b",
            "\\bid no\\b",
            "kimlik no",
            "c[?e]dula",
            "\\bc\\.c\\.",
            "\\bkvnr\\b",
            "versicherten-?n",
            "versicherungsnummer",
            "sv-nummer",
            "\\bahv\\b",
            "\\bcurp\\b",
            "\\brfc:",
            "\\bppsn?\\b",
            "emirates id\\b",
            "\\bmykad\\b",
            "contribuinte",
            "\\bnif\\b",
            "\\bpesel\\b",
            "dow[?o]d osobisty",
            "personnummer",
            "voter id\\b",
        )
    ),
    # bank accounts without an IBAN
    *(
        _word(pattern, _account)
        for pattern in (
            "account n",
            "account #",
            "\\bacct\\b",
            "\\ba/c\\b",
            "kontonummer",
            "\\baccount_n",
            "bank account",
        )
    ),
)
