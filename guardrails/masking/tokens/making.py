"""Values to tokens, a column at a time: which form a value takes, what goes into the vault, what was shown to whom."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final, cast

from loguru import logger

from ..keys import KeyRing, Scope
from ..remembered import KeyedHash, keyed_hashes
from . import payload
from .codecs.codec import Draft
from .codecs.dates import shifted
from .codecs.integers import IntegerCodec
from .codecs.money import noisy
from .forms import CLASS_FORMS, FORMS, OTHER_FORMS, VAULT_ONLY, Form, Proof
from .keyed import Keyed
from .recognise import SPACE, is_redaction, may_be_token, may_hold_tokens
from .typed import Natural, natural
from .vault import Vault, VaultRow

_RECENT_TOKENS: Final = 2000  # per session, to name near candidates from
_RECENT_COLUMNS: Final = 400
_RECENT_SESSIONS: Final = 200
_PLAIN_ID: Final = 1 << 31
_TEXTS: Final = frozenset({str, type(None)})
_REMEMBERED: Final = 50_000
_REMEMBERED_SECONDS: Final = 60.0


class Maker:
    """Makes tokens. ``token_class`` tells what is a token already. Safe to use from several threads."""

    def __init__(
        self, keys: KeyRing, keyed: Keyed, vault: Vault, token_class: Callable[[str, Scope], str | None]
    ) -> None:
        self._keys = keys
        self._keyed = keyed
        self._vault = vault
        self._token_class = token_class
        self._storing = threading.Lock()
        self._noting = threading.Lock()
        self._recent: OrderedDict[str, deque[set[str]]] = OrderedDict()  # by session, a column at a time
        self._memory = _Memory()

    def column(self, class_name: str, values: Sequence[object], scope: Scope) -> list[object]:
        """A token for every value; see `service.Tokens.tokenise`."""
        if _TEXTS.issuperset(map(type, values)):
            return self._texts(class_name, cast("Sequence[str | None]", values), scope)
        texts: dict[str, str] = {}
        others: dict[tuple[type, object], object] = {}
        for value in values:
            if type(value) is str:
                if value:
                    texts[value] = value
            elif value is not None:
                others[type(value), _hashable(value)] = value
        if texts:
            texts = dict(zip(texts, self._of_texts(class_name, list(texts), scope), strict=True))
        others = dict(zip(others, self._of_others(class_name, list(others.values()), scope), strict=True))
        return [self._picked(value, texts, others) for value in values]

    def _texts(self, class_name: str, values: Sequence[str | None], scope: Scope) -> list[object]:
        """The usual column: texts, and nothing else but NULL. Each different one is made once."""
        tokens: dict[str | None, str | None] = dict.fromkeys(values)
        distinct = [text for text in tokens if text]
        tokens.update(zip(distinct, self._of_texts(class_name, distinct, scope), strict=True))
        if "" in tokens:
            tokens[""] = ""
        return list(map(tokens.__getitem__, values))

    def _picked(self, value: object, texts: dict[str, str], others: dict[tuple[type, object], object]) -> object:
        if value is None or value == "":
            return value
        return texts[value] if type(value) is str else others[type(value), _hashable(value)]

    def recent(self, session: str) -> list[str]:
        """The tokens a session was shown lately."""
        with self._noting:
            return list(dict.fromkeys(token for column in self._recent.get(session, ()) for token in column))

    def forget(self) -> None:
        """Make every token anew from now on: rows of the vault were deleted."""
        self._memory.clear()

    def _of_texts(self, class_name: str, texts: Sequence[str], scope: Scope) -> list[str]:
        known = self._memory.tokens(self._keyed.place(scope).owner, class_name, self._keys.current)
        keys = keyed_hashes(texts)
        tokens = list(map(known.get, keys))
        if None not in tokens:
            return cast("list[str]", tokens)
        new = [i for i, token in enumerate(tokens) if token is None]
        cores = [texts[i].strip(SPACE) or texts[i] for i in new]
        for i, core, token in zip(new, cores, self._of_new(class_name, cores, scope), strict=True):
            if token is None:  # a token already, or a mask
                tokens[i] = texts[i]
            else:
                text = texts[i]
                tokens[i] = known[keys[i]] = token if len(core) == len(text) else text.replace(core, token, 1)
        return [token or f"[masked:{class_name}]" for token in tokens]

    def _of_new(self, class_name: str, cores: Sequence[str], scope: Scope) -> list[str | None]:
        """Tokens for texts; None for those that are one already, or a mask."""
        form = FORMS[CLASS_FORMS.get(class_name, OTHER_FORMS)[0]]
        tokens: list[str | None] = [None] * len(cores)
        if form.apart:
            tokens = list(self._made(form, class_name, cores, scope))
        values = [i for i, token in enumerate(tokens) if token is None]
        if may_hold_tokens(cores):
            values = [i for i in values if not self._is_masked(cores[i], scope)]
        made = self._of_cores(class_name, [cores[i] for i in values], scope) if values else ()
        for i, token in zip(values, made, strict=True):
            tokens[i] = token
        return tokens

    def _is_masked(self, text: str, scope: Scope) -> bool:
        return is_redaction(text) or (may_be_token(text) and self._token_class(text, scope) is not None)

    def _of_cores(self, class_name: str, cores: Sequence[str], scope: Scope) -> list[str]:
        """Try the forms of the class in their order; what is left takes the general ones."""
        if class_name == "money":
            return cast("list[str]", self.noise(class_name, cores, cores, scope))
        tokens: list[str | None] = [None] * len(cores)
        left = list(range(len(cores)))
        for name in CLASS_FORMS.get(class_name, OTHER_FORMS):
            if not left:
                break
            made = self._made(FORMS[name], class_name, [cores[i] for i in left], scope)
            for i, token in zip(left, made, strict=True):
                tokens[i] = token
            left = [i for i in left if tokens[i] is None]
        if left:
            marked = [payload.to_text(cores[i]) or "" for i in left]
            for i, token in zip(left, self._general(class_name, marked, scope), strict=True):
                tokens[i] = token
        return [token or f"[masked:{class_name}]" for token in tokens]

    def _made(self, form: Form, class_name: str, texts: Sequence[str], scope: Scope) -> Sequence[str | None]:
        epoch = self._keys.current
        if form.drafts is not None:
            made = self._stored(form, class_name, texts, scope, epoch)
        else:
            made = self._keyed.codec(form, class_name, scope, epoch).encode(texts)
        self._note(form, class_name, {token for token in made if token is not None}, scope, epoch)
        return made

    def _stored(self, form: Form, class_name: str, texts: Sequence[str], scope: Scope, epoch: int) -> list[str | None]:
        place = self._keyed.place(scope)
        drafts = self._keyed.vault_codec(form, class_name, scope, epoch).drafts(texts)
        usual = [None if draft is None else draft.spell(0) for draft in drafts]
        with self._storing:
            known = self._vault.digests(place.scope, class_name, [token for token in usual if token is not None])
            return [
                token
                if draft is None or token is None or known.get(token) == draft.digest
                else self._taken_in(draft, token, text, known, class_name, scope, epoch)
                for draft, token, text in zip(drafts, usual, texts, strict=True)
            ]

    def _taken_in(
        self, draft: Draft, usual: str, text: str, known: dict[str, bytes], class_name: str, scope: Scope, epoch: int
    ) -> str | None:
        """The token of a draft, in the vault; a longer one where another value has it already."""
        place = self._keyed.place(scope)
        for more in range(3):
            token = usual if more == 0 else draft.spell(more)
            digest = known.get(token)
            if digest is None and more:
                digest = self._vault.digests(place.scope, class_name, [token]).get(token)
            if digest is None:
                sealed = self._keyed.seal(text, token, class_name, scope, epoch)
                self._vault.put(VaultRow(place.scope, class_name, token, epoch, draft.digest, sealed), scope.kind)
                known[token] = draft.digest
                return token
            if digest == draft.digest:
                return token
            logger.warning("two values of class {} have the same id; one gets a longer token", class_name)
        return None

    def _of_others(self, class_name: str, values: Sequence[object], scope: Scope) -> list[object]:
        """Values that are no text. Types with a form of their own keep their type; the others become texts."""
        if class_name == "money":
            return self.noise(class_name, values, values, scope)
        if all(type(value) is int and 0 <= value < _PLAIN_ID for value in values):
            return self._of_ids(class_name, cast("Sequence[int]", values), scope)
        tokens: list[object] = [f"[masked:{class_name}]"] * len(values)
        by_form = defaultdict[str, list[tuple[int, Natural]]](list)
        left: list[int] = []
        for i, value in enumerate(values):
            known = natural(value)
            if known is None or FORMS[known.form].class_name not in (None, class_name):
                left.append(i)
            elif may_be_token(known.text) and self._token_class(known.text, scope) is not None:
                tokens[i] = value
            else:
                by_form[known.form].append((i, known))
        for name, entries in by_form.items():
            made = self._made(FORMS[name], class_name, [known.text for _, known in entries], scope)
            for (i, known), token in zip(entries, made, strict=True):
                if token is None:
                    left.append(i)
                else:
                    tokens[i] = known.typed(token)
        written = [(i, text) for i in left if (text := payload.to_text(values[i])) is not None]
        for (i, _), token in zip(written, self._general(class_name, [t for _, t in written], scope), strict=True):
            tokens[i] = token
        for i in left:
            if isinstance(values[i], float) and not math.isfinite(cast("float", values[i])):
                tokens[i] = values[i]  # NaN and the infinities are no data of anybody
        return tokens

    def _of_ids(self, class_name: str, ids: Sequence[int], scope: Scope) -> list[object]:
        """The usual case of whole numbers, without the detour over texts."""
        form, epoch = FORMS["integer"], self._keys.current
        tokens = cast("IntegerCodec", self._keyed.codec(form, class_name, scope, epoch)).encode_numbers(ids)
        self._note(form, class_name, set(map(str, tokens)), scope, epoch)
        return cast("list[object]", tokens)

    def _general(self, class_name: str, texts: Sequence[str], scope: Scope) -> list[str]:
        """Tokens of general form: sealed where short, else by the vault. Secrets are never sealed into a token."""
        tokens: list[str | None] = [None] * len(texts)
        if class_name not in VAULT_ONLY:
            tokens = list(self._made(FORMS["sealed"], class_name, texts, scope))
        left = [i for i, token in enumerate(tokens) if token is None]
        if left:
            kept = self._made(FORMS["span"], class_name, [texts[i] for i in left], scope)
            for i, token in zip(left, kept, strict=True):
                tokens[i] = token
        return [token or f"[masked:{class_name}]" for token in tokens]

    def noise(self, class_name: str, values: Sequence[object], rows: Sequence[object], scope: Scope) -> list[object]:
        """Amounts with keyed noise (see `codecs.money`); ``rows`` are the primary keys. What is no amount is
        redacted."""
        key = self._keyed.derive(scope, class_name, self._keys.current, "noise")
        return [
            value if value is None or value == "" else _or_redacted(noisy(key, value, row), class_name)
            for value, row in zip(values, rows, strict=True)
        ]

    def shift_dates(
        self, class_name: str, values: Sequence[object], subjects: Sequence[object], scope: Scope
    ) -> list[object]:
        """Dates moved by their subject's whole weeks (see `codecs.dates`); ``subjects`` name whose dates they are.
        What is no date, or nobody's, is redacted."""
        key = self._keyed.derive(scope, "subject", self._keys.current, "weeks")
        return [
            value
            if value is None or value == ""
            else _or_redacted(None if subject is None else shifted(key, value, subject), class_name)
            for value, subject in zip(values, subjects, strict=True)
        ]

    def _note(self, form: Form, class_name: str, tokens: set[str], scope: Scope, epoch: int) -> None:
        if not tokens:
            return
        if form.proof is Proof.ISSUED:
            place = self._keyed.place(scope)
            self._vault.note_issued(place.owner, place.scope, scope.kind, class_name, epoch, tokens)
        with self._noting:
            recent = self._recent.pop(scope.session, None) or deque[set[str]]()
            self._recent[scope.session] = recent
            recent.append(tokens)
            while len(recent) > _RECENT_COLUMNS or (len(recent) > 1 and sum(map(len, recent)) > _RECENT_TOKENS):
                recent.popleft()
            while len(self._recent) > _RECENT_SESSIONS:
                self._recent.popitem(last=False)


def _or_redacted(value: object | None, class_name: str) -> object:
    return f"[masked:{class_name}]" if value is None else value


class _Memory:
    """Tokens made lately, so that a query asked again costs little.

    It holds no value (see `keyed_hashes`). Nothing stays longer than a minute.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.clear()

    def tokens(self, owner: bytes, class_name: str, epoch: int) -> dict[KeyedHash, str]:
        """The tokens of one owner, class and epoch, to be read and added to."""
        if self._clock() >= self._until or sum(map(len, self._by_kind.values())) > _REMEMBERED:
            self.clear()
        return self._by_kind.setdefault((owner, class_name, epoch), {})

    def clear(self) -> None:
        self._by_kind: dict[tuple[bytes, str, int], dict[KeyedHash, str]] = {}
        self._until = self._clock() + _REMEMBERED_SECONDS


def _hashable(value: object) -> object:
    try:
        hash(value)
    except TypeError:
        return id(value)
    return value
