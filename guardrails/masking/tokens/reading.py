"""Tokens to values: whether what looks like a token is one, and what it stands for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from ....tools.tool import TokenSpan
from ..keys import KeyRing, Scope
from ..remembered import Remembered, keyed_hashes
from . import payload
from .codecs import identifiers
from .forms import Form, Proof
from .keyed import Keyed
from .recognise import SPACE, Candidate, candidates, plausible, whole
from .typed import natural
from .vault import Vault


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that is one: its class and the value it stands for."""

    class_name: str
    value: object


class Reader:
    """Recognises and verifies tokens. Safe to use from several threads."""

    def __init__(self, keys: KeyRing, keyed: Keyed, vault: Vault, classes: frozenset[str]) -> None:
        self._keys = keys
        self._keyed = keyed
        self._vault = vault
        self._classes = classes
        self._without = Remembered()  # texts that hold nothing of a token's form

    def readings(self, value: object, scope: Scope) -> Iterator[Verified]:
        """What a whole value stands for if it is a token: usually one reading, or none.

        A token that is no text stands for a value of its own type. White space around a text was around its value,
        too; quotes and punctuation around it are not.
        """
        if isinstance(value, str):
            before, after = _space_around(value)
            for candidate in whole(value):
                if (found := self._verified(candidate, scope)) is not None:
                    real = found.value
                    yield Verified(found.class_name, f"{before}{real}{after}" if isinstance(real, str) else real)
        elif (known := natural(value)) is not None:
            for candidate in whole(known.text):
                if (found := self._verified(candidate, scope)) is not None:
                    yield Verified(found.class_name, known.typed(str(found.value)))

    def find(self, text: str, scope: Scope) -> list[TokenSpan]:
        """The tokens in a text, in their order."""
        return _swept(
            TokenSpan(c.start, c.end, found.class_name)
            for c in candidates(text)
            if (found := self._verified(c, scope)) is not None
        )

    def find_many(self, texts: Sequence[str], scope: Scope) -> list[list[TokenSpan]]:
        """`find` for many texts in one pass: no form of a token holds the character between them.

        Most texts hold nothing that has even the form of a token. Those seen lately are known by their hashes.
        """
        keys = keyed_hashes(texts)
        without = self._without.known()
        asked = [i for i, key in enumerate(keys) if key not in without]
        if not asked:
            return [[] for _ in texts]
        found: list[list[TokenSpan]] = [[] for _ in texts]
        starts = list(accumulate((len(texts[i]) + 1 for i in asked), initial=0))
        suspects: set[int] = set()
        for candidate in candidates("\0".join(texts[i] for i in asked)):
            at = bisect_right(starts, candidate.start) - 1
            suspects.add(at)
            if (token := self._verified(candidate, scope)) is not None:
                base = starts[at]
                found[asked[at]].append(TokenSpan(candidate.start - base, candidate.end - base, token.class_name))
        self._without.add(keys[i] for at, i in enumerate(asked) if at not in suspects)
        return [_swept(spans) if len(spans) > 1 else spans for spans in found]

    def look_alikes(self, text: str) -> list[TokenSpan]:
        """What has the form of a token of a class we know, true or not, in its order."""
        return _swept(
            TokenSpan(c.start, c.end, class_name)
            for c in candidates(text)
            if c.form.strong and plausible(c, text)
            if (class_name := c.form.class_name or identifiers.class_of(c.token)) in self._classes
        )

    def _verified(self, candidate: Candidate, scope: Scope) -> Verified | None:
        form, token = candidate.form, candidate.token
        if form.proof is Proof.ISSUED:
            return self._issued(form, token, scope)
        class_name = form.class_name or identifiers.class_of(token)
        if form.proof is Proof.VAULT or (form.class_name is None and identifiers.is_vault_id(token)):
            text = self._from_vault(class_name, token, scope)
            return None if text is None else _as_written(form, class_name, text)
        for epoch in self._keys.epochs:
            text = self._keyed.codec(form, class_name, scope, epoch).decode(token)
            if text is not None:
                return _as_written(form, class_name, text)
        return None

    def _issued(self, form: Form, token: str, scope: Scope) -> Verified | None:
        """By what was shown to this principal. Shown under two epochs for two values: nobody can say which, so none."""
        owner = self._keyed.place(scope).owner
        entries = self._vault.issued(owner, token)
        if (
            not entries and form.name == "uuid"
        ):  # the case of its letters is that of the value; it may come back changed
            token = token.upper() if token == token.lower() else token.lower()
            entries = self._vault.issued(owner, token)
        readings: set[tuple[str, str]] = set()
        for class_name, epoch in entries:
            if epoch in self._keys.epochs and form.class_name in (None, class_name):
                text = self._keyed.codec(form, class_name, scope, epoch).decode(token)
                if text is not None:
                    readings.add((class_name, text))
        if len(readings) != 1:
            return None
        class_name, text = readings.pop()
        return Verified(class_name, int(text) if form.name == "integer" else text)

    def _from_vault(self, class_name: str, token: str, scope: Scope) -> str | None:
        row = self._vault.get(self._keyed.place(scope).scope, class_name, token)
        if row is None or row.epoch not in self._keys.epochs:
            return None
        return self._keyed.unseal(row, scope)


def _as_written(form: Form, class_name: str, text: str) -> Verified:
    """Forms of one class stand for texts, the general ones for anything (see `payload`)."""
    return Verified(class_name, payload.from_text(text) if form.class_name is None else text)


def _space_around(text: str) -> tuple[str, str]:
    core = text.strip(SPACE)
    start = text.index(core)
    return text[:start], text[start + len(core) :]


def _swept(spans: Iterable[TokenSpan]) -> list[TokenSpan]:
    """Spans without overlaps: the leftmost first, and of those that start together the longest."""
    swept: list[TokenSpan] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if not swept or span.start >= swept[-1].end:
            swept.append(span)
    return swept
