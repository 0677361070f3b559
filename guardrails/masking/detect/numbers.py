"""Runs of digits: cards, social security and other national numbers, telephone numbers, IPv4 addresses.

A run's *shape* (every digit a 0) decides which recognisers may apply, and shapes repeat: the timestamps of a log have
one shape. So the shape is analysed once and remembered, and what is left per run is check digits and context.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

from ..classes import EntityType
from . import checks, phones
from .network import ipv4
from .scan import Scan, words

# Everything a number is written with. Possessive: no run is ever read twice, whatever it ends with.
# All that can begin a run is written as 0 first: a search for one byte is the quickest there is.
_RUN: Final = re.compile(rb"0[0 ).\-/]{5,}+")
_TO_RUN: Final = bytes(48 if c in b"+(0123456789" else c for c in range(256))
_NOT_DIGITS: Final = b"+( ).-/"
_SHORTEST_RUN: Final = 6
_LONGEST_SHAPE: Final = 64
_TO_SHAPE: Final = bytes(48 if 48 <= c <= 57 else c for c in range(256))


class Candidate(NamedTuple):
    """What a part of a run could be by its shape alone."""

    kind: str
    start: int  # within the run
    end: int
    digits: int
    separators: str  # the distinct characters between the digits
    dated: bool  # whether a date, or two years, is written so


_B, _E = r"(?<!0)(?<!0[.\-/])", r"(?!0|[.\-/]0)"
_SHAPES: Final = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("plus", r"\+ ?\(?0[0 ().\-/]{5,22}(?<=0)"),  # first: what is dialled so is no other number
        ("ipv4", r"(?<![0.])0{1,3}\.0{1,3}\.0{1,3}\.0{1,3}(?!0|\.0)"),
        ("card", _B + r"0000([ .\-])0000\1 ?0000\1 ?0{1,4}(?:\1 ?0{1,3})?" + _E),
        ("card", _B + r"0000([ .\-])000000\1 ?0{4,5}" + _E),
        ("card", _B + r"0{12,19}" + _E),
        ("ssn", _B + r"000([ .\-])00\1 ?0000" + _E),
        ("nine", _B + r"(?:0{9}|000([ \-])000(?:\1)000)" + _E),
        ("ten", _B + r"(?:0{10}|000([ \-])000(?:\1)0000|0000 00000 0)" + _E),
        ("eleven", _B + r"(?:0{11}|000\.000\.000-00|00 000 000 000|0000 0000 000|00\.00\.00-000\.00)" + _E),
        ("aadhaar", _B + r"(?:0{12}|0000([ \-])0000(?:\1)0000)" + _E),
        ("nir", _B + r"(?:0{15}|0 00 00 00 000 000 00)" + _E),
        ("thirteen", _B + r"(?:0{13}|000\.0000\.0000\.00|000000 0000 00 0)" + _E),
        ("nordic", _B + r"(?:00)?000000[-+]0000" + _E),
        ("zeros", r"(?<!0)(?<!0[.\-/])00[0 ().\-]{7,22}(?<=0)"),
        ("nanp", r"(?<![0+])(?:0{1,3}[ .\-]{1,2}|0)?(?:\(000\)|000)[ .\-/]{0,3}000[ .\-]{1,3}0000" + _E),
        ("paren", r"(?<!0)\(0{2,5}\)[ .\-]{0,3}0{2,8}(?:[ .\-]0{2,5}){0,4}" + _E),
        ("groups", _B + r"0{1,5}(?:[ .\-/]{1,3}0{2,8}){1,5}" + _E),
        ("solid", _B + r"0{7,13}" + _E),
    )
)


_COVERING: Final = ("nanp", "paren", "plus", "ssn", "ipv4")


@lru_cache(maxsize=8192)
def _plan(shape: bytes) -> tuple[Candidate, ...]:
    text = shape.decode("ascii")
    plan: list[Candidate] = []
    covering: dict[str, list[tuple[int, int]]] = {kind: [] for kind in _COVERING}
    for kind, pattern in _SHAPES:
        for match in pattern.finditer(text):
            digits, separators = match[0].count("0"), "".join(sorted(set(match[0]) - {"0"}))
            if kind not in _PHONE_KINDS or _dialable(kind, match, digits, covering):
                dated = _DATED.match(match[0]) is not None
                plan.append(Candidate(kind, match.start(), match.end(), digits, separators, dated))
                if kind in covering:
                    covering[kind].append(match.span())
    return tuple(plan)


def _dialable(kind: str, match: re.Match[str], digits: int, covering: Mapping[str, Sequence[tuple[int, int]]]) -> bool:
    """Whether a shape can be a telephone number, and no more specific form covers it already."""
    if kind == "plus":
        return digits >= 7
    if not 6 <= digits <= 15 or (kind == "groups" and (digits > 13 or _GROUPED_NUMBER.fullmatch(match[0]))):
        return False
    # Matches of one kind stand in order and apart, so only the last one that begins before can cover this one.
    for spans in covering.values():
        before = bisect_right(spans, match.start(), key=itemgetter(0))
        if before and match.end() <= spans[before - 1][1]:
            return False
    return True


def recognise(scan: Scan) -> None:
    """Everything in all runs of digits of the buffer."""
    raw = scan.raw
    for run in _RUN.finditer(raw.translate(_TO_RUN)):
        start, end = run.span()
        shape = raw[start:end].rstrip(_NOT_DIGITS).translate(_TO_SHAPE)
        if len(shape) < _SHORTEST_RUN:
            continue
        candidates = _plan(shape) if len(shape) <= _LONGEST_SHAPE else _plan.__wrapped__(shape)
        if candidates:
            _judge(scan, start, candidates)


# 3.14159 and 1.234.567 are quantities
_GROUPED_NUMBER: Final = re.compile(r"0+\.0+|0{1,3}(?:\.000)+")

_DATE: Final = re.compile(
    r"(?:(?:19|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/. ](?:0?[1-9]|[12]\d|3[01])[-/. ](?:19|20)\d\d)(?!\d)"
)
_DATED: Final = re.compile(  # the shapes of both
    r"(?:0000[-/. ]00?[-/. ]00?|00?[-/. ]00?[-/. ]0000|0000 ?[-/ ]{1,3} ?0000)(?!0)"
)
_YEARS: Final = re.compile(r"(?:19|20)\d\d ?[-/ ]{1,3} ?(?:19|20)\d\d(?!\d)")
_EXTENSION: Final = re.compile(r" ?(?:x|ext\.?|extension|#) ?\d{1,6}(?!\w)", re.IGNORECASE)
_PHONE_SUFFIX: Final = re.compile(r"-(?:Office|Fax|Mobile|Home|Work|Cell|Desk|Main)\b", re.IGNORECASE)


def _judge(scan: Scan, base: int, candidates: tuple[Candidate, ...]) -> None:
    text, raw, found = scan.text, scan.raw, scan.found
    judged, embedded = (-1, -1), False
    for candidate in candidates:
        kind, first, last, _, separators, _ = candidate
        start, end = base + first, base + last
        if kind == "ipv4":
            ipv4(scan, start, end)
            continue
        if kind == "zeros" and not (raw[start] == raw[start + 1] == _ZERO):
            continue  # a shape does not tell one digit from another
        if judged != (start, end):
            judged, embedded = (start, end), _embedded(text, start, end)
        if embedded:
            continue
        inside = found[-1].type if found and found[-1].start <= start and end <= found[-1].end else None
        if kind not in _PHONE_KINDS:
            if inside == EntityType.PHONE:
                continue
            value = text[start:end]
            _IDENTIFIERS[kind](scan, start, end, _digits(value) if separators else value)
        elif inside not in _SURER:
            _phone(scan, candidate, start, end)


_SURER: Final = frozenset({EntityType.CREDIT_CARD, EntityType.US_SSN, EntityType.NATIONAL_ID, EntityType.IP_ADDRESS})
_ZERO: Final = 48  # the digit as a byte


def _digits(value: str) -> str:
    """The digits of a part of a run."""
    return value.encode("ascii").translate(None, _NOT_DIGITS).decode("ascii")


def _embedded(text: str, start: int, end: int) -> bool:
    """Part of a longer word, host name, path, version or time of day."""
    if start:
        before = text[start - 1]
        if before.isalnum() or before in "_\\%$€£":
            return True
        if before in ".-/:@=" and start > 1 and (text[start - 2].isalnum() or text[start - 2] in "/."):
            # 10-20-30 in a host or a path; but `tel:`, `id=` and `Name-0123` introduce values
            return before in "./@-" or (before == ":" and text[start - 2].isdigit())
    if end < len(text):
        after = text[end]
        if after.isalpha() or after == "_":
            return _EXTENSION.match(text, end) is None
        if after in ".-/:" and end + 1 < len(text) and text[end + 1].isalnum():
            return not (after == "-" and _PHONE_SUFFIX.match(text, end))
        if after == "%" or (after == "@" and end + 1 < len(text) and text[end + 1].isalnum()):
            return True
    return False


# --- cards ---------------------------------------------------------------------------------------------------------

_CARD_WORDS: Final = words(
    "card cards visa mastercard master amex american discover diners jcb maestro credit debit "
    "cc ccn pan cvv cvc "
    "payment pay",
    "paid charge charged kreditkarte karte carte tarjeta carta cart?o kort",
)
_ID_WORDS: Final = words(
    "uuid guid trace span request req order invoice ticket case tracking serial isbn ean upc "
    "sku imei imsi blk "
    "block pid tid",
    "offset size bytes count seq sequence epoch timestamp ts time version build commit hash "
    "checksum batch lot "
    "part model",
    "port ref reference rechnung bestellung error code line row article patent job run transaction txn id ids",
)


def _card(scan: Scan, start: int, end: int, digits: str) -> None:
    if not 12 <= len(digits) <= 19 or not checks.luhn(digits) or checks.repeated(digits):
        return
    brand = checks.card_brand(digits)
    if brand == 0 and not scan.near(_CARD_WORDS, start, end):
        return
    usual = brand == 2 and 14 <= len(digits) <= 16
    if scan.near(_CARD_WORDS, start, end):
        scan.add(start, end, EntityType.CREDIT_CARD, 0.95 if brand else 0.6)
    elif usual and not scan.introduced(_ID_WORDS, start):
        scan.add(start, end, EntityType.CREDIT_CARD, 0.8 if end - start > len(digits) else 0.7)


# --- national numbers ----------------------------------------------------------------------------------------------

_SSN_WORDS: Final = words("ssn ssns ss ssno social soc sozialversicherung taxpayer tin itin")
_NHS_WORDS: Final = words("nhs health patient")
_NATIONAL_WORDS: Final = words(
    "national identity identification identifier citizen personal tax taxpayer fiscal "
    "government govt steuer "
    "steuernummer idnr",
    "steueridentifikationsnummer insurance assurance securite s?curit? sociale insee nir sin nas tfn cpf "
    "cadastro aadhaar",
    "aadhar adhaar uidai bsn burgerservicenummer sofi pesel personnummer personnr cpr henkil?tunnus medicare",
    "rijksregister registre niss insz npi dni nif nie curp rfc fiscale vitale ssn social "
    "kimlik contribuinte sa rsa idno",
)


_NINE_WORDS: Final = _SSN_WORDS | _NATIONAL_WORDS
_TEN_WORDS: Final = _NHS_WORDS | _NATIONAL_WORDS


def _ssn(scan: Scan, start: int, end: int, digits: str) -> None:
    named = scan.near(_SSN_WORDS, start, end)
    dashed = scan.text[start + 3] == "-"
    if checks.ssn(digits):
        if named or dashed:
            scan.add(start, end, EntityType.US_SSN, 0.95 if named else 0.85)
    elif checks.itin(digits) and (named or dashed):
        scan.add(start, end, EntityType.US_SSN, 0.85 if named else 0.6)
    elif named and not checks.repeated(digits):
        scan.add(start, end, EntityType.US_SSN, 0.6)  # mistyped, or a state we know too little of: still somebody's


def _nine(scan: Scan, start: int, end: int, digits: str) -> None:
    if not scan.near(_NINE_WORDS, start, end):
        return
    american = scan.near(_SSN_WORDS, start, end) and (checks.ssn(digits) or checks.itin(digits))
    elsewhere = checks.sin(digits) or checks.tfn(digits) or checks.bsn(digits) or checks.nif(digits)
    grouped = end - start > 9  # 3-3-3, as Canada and Australia write theirs; an SSN is 3-2-4
    if elsewhere and (grouped or not american) and scan.near(_NATIONAL_WORDS, start, end):
        scan.add(start, end, EntityType.NATIONAL_ID, 0.85)
    elif american:
        scan.add(start, end, EntityType.US_SSN, 0.85)


def _ten(scan: Scan, start: int, end: int, digits: str) -> None:
    if not scan.near(_TEN_WORDS, start, end):
        return
    if checks.nhs(digits) and scan.near(_NHS_WORDS, start, end):
        scan.add(start, end, EntityType.NATIONAL_ID, 0.9)
    elif (checks.medicare_au(digits) or checks.npi(digits)) and scan.near(_NATIONAL_WORDS, start, end):
        scan.add(start, end, EntityType.NATIONAL_ID, 0.85)


def _eleven(scan: Scan, start: int, end: int, digits: str) -> None:
    grouped = end - start > 11
    if not grouped and not scan.near(_NATIONAL_WORDS, start, end):
        return
    separator = scan.text[start + 3] if grouped else ""
    likely = (
        (checks.cpf(digits) and (not grouped or separator == "."))
        or (checks.steuer_id(digits) and (not grouped or separator != "."))
        or (checks.belgian(digits) and (not grouped or end - start == 15))
        or (checks.pesel(digits) and not grouped)
        or (checks.kimlik(digits) and not grouped)
    )
    if likely:
        scan.add(start, end, EntityType.NATIONAL_ID, 0.85 if grouped else 0.9)


def _aadhaar(scan: Scan, start: int, end: int, digits: str) -> None:
    if digits[0] > "1" and checks.aadhaar(digits):
        if scan.near(_NATIONAL_WORDS, start, end):
            scan.add(start, end, EntityType.NATIONAL_ID, 0.95)
        elif end - start > 12 and not scan.near(_CARD_WORDS, start, end):
            scan.add(start, end, EntityType.NATIONAL_ID, 0.6)


def _nir(scan: Scan, start: int, end: int, digits: str) -> None:
    if checks.nir(digits) and not (scan.introduced(_ID_WORDS, start) and end - start == 15):
        scan.add(start, end, EntityType.NATIONAL_ID, 0.85)


def _thirteen(scan: Scan, start: int, end: int, digits: str) -> None:
    """The Swiss AHV number, and the South African one, which begins with a date of birth."""
    if checks.ahv(digits) and (end - start > 13 or scan.near(_NATIONAL_WORDS, start, end)):
        scan.add(start, end, EntityType.NATIONAL_ID, 0.85)
    elif checks.south_african(digits) and scan.near(_NATIONAL_WORDS | _ID_NAMED, start, end):
        scan.add(start, end, EntityType.NATIONAL_ID, 0.7)


_ID_NAMED: Final = words("id identity")


def _nordic(scan: Scan, start: int, end: int, digits: str) -> None:
    ten = digits[-10:]
    dated = 1 <= int(ten[:2]) <= 31 and 1 <= int(ten[2:4]) <= 12  # DK CPR: day and month, no check digit since 2007
    if checks.personnummer(ten) or (dated and scan.near(_NATIONAL_WORDS, start, end)):
        scan.add(start, end, EntityType.NATIONAL_ID, 0.8)


_IDENTIFIERS: Final = {
    "card": _card,
    "ssn": _ssn,
    "nine": _nine,
    "ten": _ten,
    "eleven": _eleven,
    "aadhaar": _aadhaar,
    "nir": _nir,
    "thirteen": _thirteen,
    "nordic": _nordic,
}


# --- telephone numbers ---------------------------------------------------------------------------------------------

_PHONE_KINDS: Final = frozenset({"plus", "zeros", "nanp", "paren", "groups", "solid"})
_PHONE_WORDS: Final = words(
    "phone phones telephone telephones tel mobile mob cell cellphone cellular fax call calling "
    "called dial ring "
    "rang sms",
    "whatsapp hotline pager beeper landline reach reached answering voicemail handy telefon telefono telefax fon tlf",
    "tel?fono t?l?phone telefone celular m?vil movil portable rufnummer mobil gsm puhelin "
    "telefoon mobiel ph "
    "msisdn caller",
    "callback helpline switchboard",
    "r?ckruf anrufen erreichbar erreichen festnetz durchwahl appeler appelez joignable joindre "
    "rappeler ll?mame llame llamar "
    "llamen chiamare chiami chiamami cellulare recapito ligar ligue telem?vel contacto contato "
    "bel bellen belt terugbellen "
    "vaste ringa ring telefonnummer dzwoni? zadzwo? zadzwoni? kom?rka telefonu cep ara ara?n "
    "telefonum n?s reachable voice",
)
_WEAK_PHONE_WORDS: Final = words(  # say so only when they stand right beside the number
    "office desk home work direct contact text texts signal message messages registered answer "
    "n?mero numero "
    "number nummer"
)
_NOT_PHONE_WORDS: Final = words(
    "isbn issn doi version ver build invoice order ticket case tracking serial sku zip "
    "postcode plz total amount "
    "sum price",
    "cost qty quantity eur usd gbp chf uid pid tid port size bytes offset length count row "
    "rows line lines score "
    "account acct",
    "iban policy member claim mrn ref reference part model lot batch epoch timestamp block blk section page "
    "pages pp vol rfc",
    "bug issue pr commit license licence passport card ssn nhs vat tax customer patient "
    "employee article item "
    "product upc ean",
    "imei error code between from year years range dose id ids",
)
_AFTER_PHONE: Final = words("fax mobile office home work cell desk phone tel voicemail landline")


def _phone(scan: Scan, candidate: Candidate, start: int, end: int) -> None:
    kind, _, _, _, separators, dated = candidate
    if kind == "plus" or kind == "zeros":
        _international(scan, kind, start, end)
        return
    text = scan.text
    value = text[start:end]
    if dated and kind not in ("paren", "nanp") and (_DATE.match(value) or _YEARS.match(value)):
        return
    if end + 1 < len(text) and text[end] == ":" and text[end + 1].isdigit():
        return
    if scan.introduced(_NOT_PHONE_WORDS, start):
        return
    score = _national_score(scan, candidate, value, start, end)
    if score >= 0.5 and not checks.repeated(_digits(value) if separators else value):
        _add_phone(scan, start, end, score)


def _national_score(scan: Scan, candidate: Candidate, value: str, start: int, end: int) -> float:
    """How sure a number without a country is: by its form first, then by the words around it."""
    kind, digits = candidate.kind, candidate.digits
    before, gap = scan.ahead(start)
    after = scan.behind(end)
    beside = (
        (bool(after) and after[0] in _AFTER_PHONE)
        or (bool(before) and gap <= 5 and before[-1] in _WEAK_PHONE_WORDS)
        or scan.introduced(_PHONE_WORDS, start)
    )
    if kind == "nanp":
        number = _digits(value)
        known = number[:-10] in ("", "1", "001", "01") and phones.north_american(number[-10:])
        base = 0.75 if known else 0.55
        if len(candidate.separators.translate(_NO_BRACKETS)) > 1:
            base -= 0.2
    elif kind == "paren":
        base = 0.6 if digits >= 8 else 0.45
    elif kind == "groups":
        if digits < 7 and not beside:
            return 0.0
        trunk = value[0] == "0" and 9 <= digits <= 12
        base = 0.6 if trunk and (end - start - digits > 1 or _AREA.fullmatch(value)) else 0.4
        base -= 0.0 if trunk else 0.2
        if _INDIAN.fullmatch(value):
            base = 0.55
    elif beside or (value[0] == "0" and 10 <= digits <= 11 and scan.near(_PHONE_WORDS, start, end)):
        base = 0.3
    else:
        return 0.0
    if beside or scan.near(_PHONE_WORDS, start, end):
        return min(base + 0.42, 0.95)
    return base + 0.2 if scan.near(_WEAK_PHONE_WORDS, start, end) else base


_AREA: Final = re.compile(r"0[1-9]\d{1,4}[ /]\d{5,8}|06-\d{8}")  # an area or a mobile net, and the rest in one
_INDIAN: Final = re.compile(r"[6-9]\d{4} \d{5}")
_NO_BRACKETS: Final = str.maketrans("", "", "() ")


def _international(scan: Scan, kind: str, start: int, end: int) -> None:
    """The longest run of whole groups after + or 00 that some country's plan allows."""
    text = scan.text
    skip = 2 if kind == "zeros" else 0
    for stop in (end, *reversed([m.start() for m in _SEPARATORS.finditer(text, start, end)])):
        digits = _digits(text[start:stop])[skip:]
        if len(digits) < 7:
            break
        if digits[0] != "0" and phones.international(digits):
            score = 0.9
            if kind == "zeros" and not scan.near(_PHONE_WORDS, start, stop):
                score = 0.4 if text[start:stop].isdigit() else 0.6
            _add_phone(scan, start, stop, score)
            return
    # A plus, and digits that no plan allows: mistyped, still somebody's.
    if kind == "plus" and 8 <= len(_digits(text[start:end])) <= 15 and scan.near(_PHONE_WORDS, start, end):
        _add_phone(scan, start, end, 0.6)


_SEPARATORS: Final = re.compile(r"[ ().\-/]+")


def _add_phone(scan: Scan, start: int, end: int, score: float) -> None:
    extension = _EXTENSION.match(scan.text, end)
    scan.add(start, extension.end() if extension else end, EntityType.PHONE, score)
