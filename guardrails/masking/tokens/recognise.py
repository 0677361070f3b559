"""Finding what looks like a token: by form alone, without keys. Whether it is one, `service.Tokens` says.

Models and people change what they copy. What is read back: another case, o for 0, i and l for 1, ``%40`` for @,
quotes and punctuation around. Nothing fuzzier: a token with a wrong symbol is no token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .codecs import identifiers
from .forms import FORMS, Form, Spelling
from .sealed import SIZES

REDACTED: Final = r"\[masked:[a-z][a-z0-9_]{0,39}\]"

# The regular expression of every token as it is written, by the name of its form; docs/tokens.md explains each.
PATTERNS: Final[Mapping[str, str]] = MappingProxyType({form.name: form.pattern for form in FORMS.values()})

_CASELESS: Final = re.IGNORECASE | re.ASCII  # a dotted capital I is no i
_GLUED: Final = r"[0-9A-Za-z_.%@+\-]"  # what must not stand right before a token
_END: Final = r"(?![0-9A-Za-z_@]|-[0-9A-Za-z])"  # a dot may follow: a token may be the name of a file
_AFTER_BREAK: Final = re.compile(_GLUED.replace("[", "[^", 1))


class Traces:
    """What a text holds, in a few spellings that are searched at the speed of memory (see `Form.traces`)."""

    def __init__(self, text: str) -> None:
        self.lower = text.encode("ascii", "replace").lower()  # a byte for each code point: offsets stay
        self._spelt = {Spelling.LOWER: self.lower}

    def any(self, traces: Sequence[tuple[Spelling, bytes]]) -> bool:
        for spelling, trace in traces:  # noqa: SIM110 - the generator of an any() costs more than the search
            if trace in self._as(spelling):
                return True
        return False

    def _as(self, spelling: Spelling) -> bytes:
        if (spelt := self._spelt.get(spelling)) is None:
            spelt = self._spelt[spelling] = self.lower.translate(*_SPELT[spelling])
        return spelt


_HEX: Final = bytes(104 if c in b"0123456789abcdef" else c for c in range(256))
_DIGITS: Final = bytes(48 if c in b"0123456789" else c for c in range(256))
_SPELT: Final = {
    Spelling.HEX: (_HEX,),
    Spelling.JOINED_HEX: (_HEX, b"-"),
    Spelling.JOINED_DIGITS: (_DIGITS, b" -"),
}


class _Finder:
    """Looks for one form in texts."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._tail = re.compile((form.tail + _END).encode("ascii")) if form.tail else None
        self._sieve = re.compile(form.sieve.encode("ascii")) if form.sieve else None
        self._pattern = re.compile(form.loose + _END if "|" not in form.loose else f"(?:{form.loose}){_END}")
        if form.traces:
            self._pattern = re.compile(f"(?:{form.loose}){_END}", _CASELESS)
        self._whole = re.compile(f"(?<!{_GLUED})(?:{form.loose})\\Z", _CASELESS)
        self._bounded = re.compile(f"(?<!{_GLUED})(?:{form.loose}){_END}", _CASELESS)

    def may_stand_in(self, text: str, traces: Traces) -> bool:
        """False where the form surely stands nowhere."""
        if self.form.traces and not traces.any(self.form.traces):
            return False
        if (part := self._tail or self._sieve) is not None:
            return part.search(traces.lower) is not None
        return self._pattern.search(text) is not None

    def matches(self, text: str, traces: Traces) -> Iterator[tuple[int, str]]:
        """Where the form stands, and as what."""
        if self.form.traces and not traces.any(self.form.traces):
            return
        if self._tail is not None:
            yield from self._before_tails(self._tail, text, traces.lower)
        elif self._sieve is not None:
            for found in self._sieve.finditer(traces.lower):
                for match in self._bounded.finditer(text, found.start(), found.end() + 2):
                    yield match.start(), match[0]
        else:
            yield from self._anywhere(text)

    def _anywhere(self, text: str) -> Iterator[tuple[int, str]]:
        """A pattern that begins with a lookbehind cannot skip ahead, so what stands before is looked at afterwards."""
        at = 0
        while (match := self._pattern.search(text, at)) is not None:
            start = match.start()
            if start and _AFTER_BREAK.match(text, start - 1) is None:
                gap = _AFTER_BREAK.search(text, start)
                if gap is None:
                    return
                at = gap.end()
            else:
                yield start, match[0]
                at = match.end()

    def _before_tails(self, tail: re.Pattern[bytes], text: str, lower: bytes) -> Iterator[tuple[int, str]]:
        at = 0
        while (found := tail.search(lower, at)) is not None:
            if match := self._whole.search(text, max(0, found.start() - self.form.reach), found.end()):
                yield match.start(), match[0]
                at = match.end()
            else:
                at = found.start() + 1


_WHOLE: Final = tuple((form, re.compile(form.loose, _CASELESS)) for form in FORMS.values() if form.name != "span")
_CARD: Final = FORMS["card"]
_CARD_LIKE: Final = re.compile(_CARD.loose)
_ANY_OTHER: Final = re.compile("|".join(f"(?:{form.loose})" for form in FORMS.values() if form is not _CARD), _CASELESS)
_REDACTED: Final = re.compile(REDACTED)
_MINUS: Final = re.compile("-(?<![0-9A-Za-z]-)[1-9]")  # of a whole number, which is looked for nowhere inside a text
SPACE: Final = " \t\r\n"
_AROUND: Final = SPACE + "\"'`“”‘’«»"
_BEHIND: Final = ".,;:!?"
_SHORTEST, _LONGEST = 5, 400

# The form "sealed" finds tokens of the form "span" too.
_FINDERS: Final = tuple(_Finder(form) for form in FORMS.values() if form.in_text and form.name != "span")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stretch of text that looks like a token: code point offsets, and the token as it was once written."""

    start: int
    end: int
    form: Form
    token: str


def candidates(text: str) -> Iterator[Candidate]:
    """Everything in a text that looks like a token, longest reading of each place first; readings may overlap."""
    traces = Traces(text)
    for finder in _FINDERS:
        for start, match in finder.matches(text, traces):
            yield from _readings(finder.form, match, start)


def whole(text: str) -> Iterator[Candidate]:
    """The ways to read a whole text as a token; quotes and space around it and punctuation behind it do not count."""
    core = text.strip(_AROUND).rstrip(_BEHIND).rstrip(_AROUND)
    if len(core) > _LONGEST or (len(core) < _SHORTEST and core[:1] != "-"):  # a whole number may be short
        return
    start = text.index(core)
    for form, pattern in _WHOLE:
        if pattern.fullmatch(core) and (token := form.canonical(core)) is not None:
            yield Candidate(start, start + len(core), form, token)


def is_redaction(text: str) -> bool:
    return text[0] == "[" and _REDACTED.fullmatch(text) is not None


def may_be_token(text: str) -> bool:
    """False for most texts that are no token; cheap."""
    core = text.strip(_AROUND + _BEHIND)
    if _CARD_LIKE.fullmatch(core):  # real card numbers look like tokens until their check digit is looked at
        return _CARD.canonical(core) is not None
    return _ANY_OTHER.fullmatch(core) is not None


def may_hold_tokens(texts: Sequence[str]) -> bool:
    """False for most columns of which no value is a token or a mask; much cheaper than asking for each."""
    joined = "\n".join(texts)
    if "[masked:" in joined or _MINUS.search(joined):
        return True
    traces = Traces(joined)
    return any(finder.may_stand_in(joined, traces) for finder in _FINDERS)


def plausible(candidate: Candidate, text: str) -> bool:
    """Whether a form is kept in every detail that needs no key: only such a text is called an unknown token."""
    token, behind = candidate.token, text[candidate.end : candidate.end + 2]
    if behind[:1] == "." and behind[1:].isalnum():
        return False
    match candidate.form.name:
        case "email":
            local, _, host = token.removesuffix(".example").partition("@")
            return len(local) in SIZES and len(host) in SIZES and _has_digit(local) and _has_digit(host)
        case "sealed":
            symbols = len(identifiers.symbols_of(token)) - 1
            return symbols in SIZES or symbols in identifiers.VAULT_SYMBOLS
        case "ssn":
            return "-" in token or " " in token
        case "ipv4":
            return token.count(":") >= 6
        case _:
            return True


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def _readings(form: Form, text: str, start: int) -> Iterator[Candidate]:
    """The match, and where its end is not certain, all shorter ones that end before a separator."""
    while len(text) >= _SHORTEST:
        if (token := form.canonical(text)) is not None:
            yield Candidate(start, start + len(text), form, token)
        cut = max((text.rfind(separator) for separator in form.separators), default=-1)
        if cut <= 0:
            return
        text = text[:cut].rstrip(form.separators)
