"""Tokens: the one object that makes them, recognises them and gives the values back.

    tokens = Tokens.open("file:.gloveport/key", Path(".gloveport/vault.sqlite"))
    scope = Scope("default", "ann", "support", "01J…")
    tokens.tokenise("email", ["ann@acme.com", None, ""], scope)     # ["k3v9q2m4@8zt1h6wd.example", None, ""]
    await tokens.flush()                                            # before anything leaves

Equal values of a class give equal tokens within a scope. A token is never made of a token.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ....tools.tool import UNKNOWN, TokenSpan
from ..classes import CLASSES
from ..keys import KeyRing, KeyUnusable, Scope, ScopeKind, open_keys
from .keyed import Keyed
from .making import Maker
from .reading import Reader
from .vault import Vault, VaultUnavailable
from .written import Written

__all__ = ["KeyUnusable", "Scope", "ScopeKind", "Tokens", "VaultUnavailable"]

_CLOSE: Final = 0.75  # how alike a near candidate must be, 0 to 1


class Tokens:
    """Makes, recognises and restores tokens. All methods may be called from any thread.

    Args:
        keys: the key ring.
        vault: the open vault.
        classes: names of classes of your own, so that their tokens are known by form too.

    Raises:
        KeyUnusable: the vault was made under another key.
    """

    def __init__(self, keys: KeyRing, vault: Vault, *, classes: Iterable[str] = ()) -> None:
        _check_keys(keys, vault)
        self._keys = keys
        self._vault = vault
        self._keyed = Keyed(keys)
        self._written = Written(keys, vault)
        self._reader = Reader(keys, self._keyed, vault, frozenset(CLASSES) | frozenset(classes))
        self._maker = Maker(keys, self._keyed, vault, self.token_class)

    @classmethod
    def open(cls, key: str, vault: Path, *, classes: Iterable[str] = ()) -> Tokens:
        """Open the key at ``env:NAME`` or ``file:PATH`` and the vault file; both are made if absent.

        Raises:
            KeyUnusable, VaultUnavailable: with one line that says what and how to mend.
        """
        return cls(open_keys(key), Vault(vault), classes=classes)

    # Values to tokens

    def tokenise(self, class_name: str, values: Sequence[object], scope: Scope) -> list[object]:
        """A token for every value of a column or a list of finds.

        NULL and the empty text stay, and so does what is a token of this scope already, or a mask. Whole numbers give
        whole numbers, texts give texts. What does not fit the form of its class gets a token of general form; what
        cannot be a token at all (a boolean, a list) is redacted. Nothing raises for a value.

        Never call it for what an agent wrote itself: see `agent_origin`.

        Raises:
            VaultUnavailable: the vault cannot be read.
        """
        return self._maker.column(class_name, values, scope)

    def noise(self, class_name: str, values: Sequence[object], rows: Sequence[object], scope: Scope) -> list[object]:
        """Amounts with keyed noise (see `codecs.money`); ``rows`` are the primary keys. What is no amount is
        redacted."""
        return self._maker.noise(class_name, values, rows, scope)

    def shift_dates(
        self, class_name: str, values: Sequence[object], subjects: Sequence[object], scope: Scope
    ) -> list[object]:
        """Dates moved by their subject's whole weeks (see `codecs.dates`); ``subjects`` name whose dates they are.
        What is no date, or nobody's, is redacted."""
        return self._maker.shift_dates(class_name, values, subjects, scope)

    # Tokens to values

    def restore(self, token: object, scope: Scope, *, class_name: str | None = None) -> object:
        """The value of a token, or `UNKNOWN`: it is none of this scope, none of this class, or was not shown to this
        principal where its form alone proves nothing."""
        for found in self._reader.readings(token, scope):
            if class_name in (None, found.class_name):
                return found.value
        return UNKNOWN

    def token_class(self, value: str | int, scope: Scope) -> str | None:
        """The class of a value that is a token as a whole, else None."""
        return next((found.class_name for found in self._reader.readings(value, scope)), None)

    def find(self, text: str, scope: Scope | None = None) -> list[TokenSpan]:
        """The tokens in a text, in their order. Without a scope: what has the form of one, unproven."""
        return self._reader.look_alikes(text) if scope is None else self._reader.find(text, scope)

    def find_many(self, texts: Sequence[str], scope: Scope) -> list[list[TokenSpan]]:
        """`find` for many texts at once: much faster than one by one."""
        return self._reader.find_many(texts, scope)

    def unknown(self, text: str, scope: Scope) -> list[TokenSpan]:
        """What has the form of a token and is none: mistyped, made up, or of another scope. Never write it anywhere."""
        suspects = self._reader.look_alikes(text)
        known = self._reader.find(text, scope) if suspects else []
        return [s for s in suspects if not any(s.start < k.end and k.start < s.end for k in known)]

    def near(self, token: str, scope: Scope, *, limit: int = 3) -> list[str]:
        """Tokens this session was shown lately that look much like this one; for messages."""
        return difflib.get_close_matches(token, self._maker.recent(scope.session), limit, _CLOSE)

    # What was shown, and what agents wrote

    def note_issued(self, class_name: str, tokens: Iterable[object], scope: Scope) -> None:
        """These tokens of the current epoch were shown to this principal (`tokenise` notes its own)."""
        place = self._keyed.place(scope)
        shown = {str(token) for token in tokens}
        self._vault.note_issued(place.owner, place.scope, scope.kind, class_name, self._keys.current, shown)

    def note_agent_origin(self, values: Iterable[object], scope: Scope, places: Iterable[str]) -> None:
        """An agent itself wrote these values to these places: found there, they must be redacted and never run through
        the data key, or a guess and its token would tell whether the guess is right (see `masking.origins`)."""
        self._written.note(values, scope, places)

    def note_agent_composed(self, place: str, scope: Scope) -> None:
        """An agent had values put together there: nothing found in that place is ever run through the data key."""
        self._written.note_composed(place, scope)

    def carry_agent_origin(self, source: str, place: str, scope: Scope) -> None:
        """What an agent wrote to the source may be copied to this place now: it stays the agent's own there."""
        self._written.carry(source, place, scope)

    def agent_origin(self, values: Sequence[object], scope: Scope, places: Iterable[str]) -> list[bool]:
        """Which of the values an agent wrote itself to one of the places, in whatever spelling."""
        return self._written.which(values, scope, places)

    def agent_places(self, places: Iterable[str], scope: Scope) -> list[str]:
        """Those of the places that an agent ever wrote anything to: usually none."""
        return self._written.places(places, scope)

    # Durability

    async def flush(self) -> None:
        """Returns when everything that `tokenise` and the notes took in is on disk. Raises `VaultUnavailable`."""
        await self._vault.flush()

    def flush_now(self) -> None:
        """`flush` for threads and scripts: blocks."""
        self._vault.flush_now()

    def erase(self, tokens: Iterable[str], scope: Scope) -> int:
        """Delete the vault's values of these tokens for good. Tokens that need no vault die with their epoch's key."""
        self._maker.forget()
        return self._vault.erase(self._keyed.place(scope).scope, list(tokens))

    def expire_sessions(self, idle_seconds: float) -> int:
        """Forget the tokens of session scopes that nobody used for so long; returns how many sessions."""
        self._maker.forget()
        return self._vault.expire_sessions(idle_seconds)

    def close(self) -> None:
        """Write what is waiting and close the vault."""
        self._vault.close()


def _check_keys(keys: KeyRing, vault: Vault) -> None:
    for epoch in keys.epochs:
        name = f"key {epoch}"
        if vault.meta(name) is None:
            vault.set_meta(name, keys.check_value(epoch))
        if vault.meta(name) != keys.check_value(epoch):
            raise KeyUnusable(
                f"{vault.path}: was made under another key for epoch {epoch}; "
                "bring that key back, or move the vault away to start anew"
            )
