"""From the words of a column's name to the class it promises. The values have the last word: see `classify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .names import Name, Subject

# Words that promise a class, the surest first: an ``email_address`` is an e-mail address, not a street.
_BY_WORD: Final = (
    ("iban", "iban"),
    ("ssn", "ssn"),
    ("card", "card"),
    ("national_id", "national_id"),
    ("email", "email"),
    ("ip", "ip"),
    ("mac", "mac"),
    ("phone", "phone"),
    ("device", "device"),
    ("account", "account"),
    ("member", "account"),
    ("postal", "address"),
    ("geo", "address"),
    ("address", "address"),
    ("special", "special"),
)
_NEVER_KEYS: Final = frozenset(
    {"card", "account", "address", "phone"}
)  # card_id names a row, email_id often an address
_CLASS_HEADINGS: Final = frozenset(heading for heading, _ in _BY_WORD)
_TELLING: Final = frozenset({"status", "statut", "type", "level", "group", "class", "score", "grade", "result"})
_FIGURES: Final = frozenset({"total", "totals", "sum", "max", "min", "avg", "mean", "rate"})
_LABELS: Final = frozenset({"code", "codes", "cd", "number", "no", "nr", "num", "id"})
# These words mean something else as often as not: they count only where the values do not speak against it.
_WEAK: Final = frozenset(
    """
    mail mails mobile cell tel portable long lat nie tin bal sin rg pan permis avs rut pass clave token tokens pin
    salt cookie dsn credential parola handle login badge plate chassis conto konto geb born apartment str rue
    drug treatment condition conditions pulse smoker surgery operation rent plafond saldo debt
    bonus commission mac balance nota notas history prompt answer answers reason statement blog web link
    partij unit vec emb embed race title geom gps pension initials cc cap cp account soc ips pay via bp medical
    """.split()
)


@dataclass(frozen=True, slots=True)
class Hint:
    """What a name promises. ``class_name`` None: openly something else, whatever its other words say."""

    class_name: str | None
    reason: str
    heading: str = ""
    strong: bool = True


def hint(name: Name, subject: Subject, *, people: bool, bodies: bool = False) -> Hint | None:
    """What a column's name promises in a table of this subject; None when it says nothing.

    ``people`` says whether the rows are about people at all: what a patient *has* is health, what a catalogue of
    medicines lists is not. ``bodies``: and so is a weight, which may be that of a parcel elsewhere.
    """
    decoy = _decoy(name)
    if decoy is not None:
        return decoy
    if name.has("vector"):
        return _hint("embedding", name, "vector")
    if name.has("secret") or (name.has("keyword") and {"key", "keys", "code", "codes"} & set(name.words)):
        return _hint("secret", name, "secret")
    if name.has("birth"):
        return _birth(name)
    if (found := _combined(name)) is not None:
        return found
    if name.has("place") and name.has("address") and not name.has("email", "ip", "mac", "phone", "postal", "geo"):
        return Hint(None, f"a place, which many people share ({' '.join(name.words)})", "place")
    if name.has("text", "describes") and name.words[-1] in _LABELS:
        return Hint(None, f"the name is of a label ({' '.join(name.words)})", "about")
    if "text" in name.head and not name.has("money") and not name.head & _CLASS_HEADINGS:
        return _hint("free_text", name, "text")
    if "describes" in name.head and not name.has("name"):
        return _hint("free_text", name, "describes")
    for heading, class_name in _BY_WORD:
        if name.has(heading) and not (heading in _NEVER_KEYS and name.key):
            return _hint(class_name, name, heading)
    if (found := _person(name, subject, people=people)) is not None:
        return found
    ill = name.has("health") and (people or (subject is Subject.UNKNOWN and "health" not in _weak_headings(name)))
    if ill or (name.has("body") and bodies):
        return _hint("health", name, "health")
    if name.has("money") and (people or "money" not in _weak_headings(name)):
        return _hint("money", name, "money")
    if name.has("url") and name.has("number") and subject is Subject.PEOPLE:
        return Hint("account", f"the name is of somebody's number elsewhere ({' '.join(name.words)})", "account")
    if name.has("url"):
        return _hint("url", name, "url") if subject is Subject.PEOPLE else None
    if name.has("text", "describes"):
        return _hint("free_text", name, "text" if name.has("text") else "describes")
    return None


def _decoy(name: Name) -> Hint | None:
    """``email_sent_count``, ``phone_type``, ``is_patient``, ``card_expiry``: about something, not the thing itself."""
    head, first = name.head, name.first
    word = " ".join(name.words)
    if "birth" in name.all and not ("about" in head and "birth" not in head):
        return None
    if len(name.words) > 1 and "leading" in first and not first & {"phone", "person"}:
        return Hint(None, f"the name begins as a label, flag or figure does ({word})", "about")
    if name.has("expires") and name.has("card", "cardword"):
        return None
    # hiv_status is the finding itself, and a total of what somebody earned is what they earned
    told = name.has("health", "special", "body") and bool(_TELLING & set(name.words))
    told |= name.has("money") and bool(_FIGURES & set(name.words[-1:])) and "money" not in _weak_headings(name)
    if "about" in head and not told and not head & {"text", "secret", "who", "quasi"}:
        return Hint(None, f"the name is of a label, flag or figure ({word})", "about")
    if "when" in head and len(name.words) > 1 and not name.has("birth"):
        return Hint(None, f"the name is of a time ({word})", "when")
    if "licence" not in name.all and "expires" in head and not name.has("account", "card", "cardword", "ssn"):
        return Hint(None, f"the name is of a part or a term ({word})", "about")
    return None


def _birth(name: Name) -> Hint:
    if name.has("place", "address"):
        return Hint(None, "a place of birth, which many people share", "place")
    if name.has("name"):
        return _hint("person", name, "person")
    if name.has("health"):
        return _hint("health", name, "health")
    return _hint("birth_date", name, "birth")


def _combined(name: Name) -> Hint | None:
    """Classes that take two words: ``card_no``, ``tax_number``, ``account_holder``, ``driver_licence``."""
    words = set(name.words)
    if name.has("name") and name.has("card", "bank", "account", "cardword") and not words & {"user", "login"}:
        return _hint("person", name, "person")
    if name.has("card", "cardword") and name.has("expires"):
        return Hint("card", f"the name is of a part of a card ({' '.join(name.words)})", "part")
    if name.has("cardword") and (name.has("bank") or name.has("number")) and not (name.has("national_id") or name.key):
        return _hint("card", name, "card")
    if name.has("licence") and (name.has("who", "number") or name.has("licence")) and not name.has("thing", "about"):
        return _hint("national_id", name, "national_id", strong=name.has("who", "number"))
    if name.has("personid") and name.has("number"):
        if words & {"security", "social"}:
            return _hint("ssn", name, "ssn")
        if words & {"insurance", "medical", "record"}:
            return _hint("account", name, "account")
        return _hint("national_id", name, "national_id")
    if "fiscal" in words and words & {"codice", "code", "codigo", "cod"}:
        return _hint("national_id", name, "national_id")
    others = name.has("who", "iban", "secret") or any("thing" in of and "bank" not in of for of in name.headings)
    if name.has("bank") and name.has("number") and not (others or name.key):
        return _hint("account", name, "account")
    return None


def _person(name: Name, subject: Subject, *, people: bool) -> Hint | None:
    word = " ".join(name.words)
    if name.has("person"):
        return _hint("person", name, "person")
    if name.has("name"):
        if name.has("thing", "place", "describes") and not name.has("who", "part"):
            return Hint(None, f"the name of a thing ({word})", "thing")
        if name.has("who", "part"):
            if words_of_users(name):
                return _hint("account", name, "account")
            heading = "person" if name.has("part") else "whose_name"
            return _hint("person", name, heading, strong=not name.has("thing", "catalogue"))
        if subject is Subject.CATALOGUE:
            return Hint(None, f"the name of a thing, in a table of things ({word})", "thing")
        return _hint("person", name, "name", strong=subject is Subject.PEOPLE)
    if len(name.words) > 1 and name.words[-1] == "by" and not name.has("number"):
        return Hint("person", f"the name is of somebody who did it ({word})", "who", strong=False)
    of_text = name.has("text") and "who" not in name.head
    if name.has("who") and not (of_text or name.has("number", "quasi", "health", "money", "url")):
        return Hint("person", f"the name is of somebody ({word})", "who", strong=False)
    if name.has("who") and name.has("number") and people and not name.key:
        return Hint("account", f"the name is of somebody's number ({word})", "whose_number", strong=False)
    return None


def words_of_users(name: Name) -> bool:
    """``user_name`` is what somebody signs in with, not what their parents called them."""
    return bool({"user", "usr", "login", "benutzer", "usuario", "utilisateur", "utente", "gebruiker"} & set(name.words))


def _hint(class_name: str, name: Name, heading: str, *, strong: bool | None = None) -> Hint:
    sure = heading not in _weak_headings(name) if strong is None else strong
    return Hint(class_name, f"the name says so ({' '.join(name.words)})", heading, sure)


def _weak_headings(name: Name) -> frozenset[str]:
    """Headings that only ambiguous words stand under."""
    weak: set[str] = set()
    firm: set[str] = set()
    for word, headings in zip(name.words, name.headings, strict=True):
        (weak if word in _WEAK else firm).update(headings)
    return frozenset(weak - firm)
