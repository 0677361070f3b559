"""Writes blind.jsonl: documents written by hand before the detector ever saw them, with known spans and hard decoys.

    python tests/data/make_blind.py > tests/data/blind.jsonl

`blind_texts.txt` was written without a look at the detector, at its training sentences or at the texts of
detection.jsonl. In a document ``⟦P:Ann Smith⟧`` is a value to be found and everything else is not. ``⟦N.cpf:...??⟧``
has its question marks filled so that the check digits are right (by code of this file, not by the product's), ``⟦-.luhn:...⟧``
does the same for a decoy, and ``<20:b>`` stands for random characters, so that no key is spelled out in the repository.

What is labelled: names without titles; an address as one span a line, towns and countries in prose; dates only where they are
a birth; the secret alone inside a connection string. What is not: names of firms, products, streets inside them and time
zones, names of accounts, loopback addresses, addresses at example.com, numbers of firms.
"""

# ruff: noqa: E501 - tables of numbers

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import random
import re
import string
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

TYPES = {
    "P": "PERSON",
    "L": "LOCATION",
    "E": "EMAIL",
    "T": "PHONE",
    "C": "CREDIT_CARD",
    "I": "IBAN",
    "S": "US_SSN",
    "N": "NATIONAL_ID",
    "PP": "PASSPORT",
    "M": "MEDICAL_RECORD",
    "D": "DATE_OF_BIRTH",
    "IP": "IP_ADDRESS",
    "MAC": "MAC_ADDRESS",
    "U": "URL",
    "CR": "CRYPTO",
    "K": "SECRET",
}
MARK = re.compile(r"⟦(-|[A-Z]+)(?:\.(\w+))?:(.+?)⟧", re.S)
RANDOM = re.compile(r"<(\d+):(\w)>|<(gh|jwt|btc|pem)(?::([A-Z ]+))?>")
LETTERS = string.ascii_letters + string.digits
ALPHABETS = {
    "d": string.digits,
    "x": "0123456789abcdef",
    "X": "0123456789ABCDEF",
    "a": string.ascii_lowercase + string.digits,
    "A": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase,
    "b": LETTERS,
    "B": LETTERS + "-_",
    "S": LETTERS + "+/",
}
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# the beginnings of keys, broken by an escape in the JSON so that scanners of repositories stay quiet
KEYS = re.compile(
    r"AKIA|ASIA|ghp_|gho_|ghs_|github_pat_|glpat-|[spr]k_(?:live|test)_|whsec_|xox[a-z]-|AIza|eyJ|SG\.|npm_|pypi-|sk-|dop_v1_|"
    r"shpat_|hf_|-----BEGIN|hooks\.slack|key-(?=[0-9a-f]{32})|AC(?=[0-9a-f]{32})|SK(?=[0-9a-f]{32})|hvs\.|dapi|lin_api_|sq0|EAAA|NRAK|glc_|PMAK|xapp-|"
    r"figd_|ya29|r8_|AccountKey|AGE-"
)


def digits(text: str) -> list[int]:
    return [int(c) for c in text if c.isdigit()]


def luhn(text: str) -> bool:
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits(text)))]
    return sum(doubled) % 10 == 0


def weighted(text: str, weights: list[int]) -> int:
    return sum(d * w for d, w in zip(digits(text), weights, strict=False))


def iban(text: str) -> bool:
    plain = re.sub(r"\W", "", text).upper()
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def nhs(text: str) -> bool:
    return len(digits(text)) == 10 and weighted(text, [*range(10, 0, -1)]) % 11 == 0


def cpf(text: str) -> bool:
    d = digits(text)
    first, second = (10 * sum(a * b for a, b in zip(d, range(n + 1, 1, -1), strict=False)) % 11 % 10 for n in (9, 10))
    return len(d) == 11 and d[9:] == [first, second]


def dni(text: str) -> bool:
    """Spain's DNI; a NIE begins with X, Y or Z, which stand for 0, 1 and 2."""
    body = text[:-1].translate(str.maketrans("XYZ", "012"))
    return text[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23]


FISCAL_ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]


def fiscal(text: str) -> bool:
    """Italy's codice fiscale: digits and letters count alike, those at odd places by a table."""
    values = [int(c) if c.isdigit() else ord(c) - ord("A") for c in text[:15]]
    total = sum(FISCAL_ODD[v] if i % 2 == 0 else v for i, v in enumerate(values))
    return len(text) == 16 and text[15] == string.ascii_uppercase[total % 26]


def nir(text: str) -> bool:
    d = "".join(map(str, digits(text)))
    return len(d) == 15 and int(d[13:]) == 97 - int(d[:13]) % 97


def steuer(text: str) -> bool:
    d, product = digits(text), 10
    for digit in d[:10]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    counts = sorted(map(d[:10].count, range(10)))
    return len(d) == 11 and d[10] == (11 - product) % 10 and counts[-1] in (2, 3) and counts[-2] == 1


def verhoeff(text: str) -> bool:
    permuted, check = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], 0
    for i, digit in enumerate(reversed(digits(text))):
        for _ in range(i % 8):
            digit = permuted[digit]
        check = _dihedral(check, digit)
    return check == 0


def _dihedral(a: int, b: int) -> int:
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def medicare(text: str) -> bool:
    return weighted("".join(map(str, digits(text)[:8])), [1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digits(text)[8]


def bsn(text: str) -> bool:
    return weighted(text, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 == 0


def pesel(text: str) -> bool:
    return len(digits(text)) == 11 and weighted(text, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 == 0


def swedish(text: str) -> bool:
    return luhn("".join(map(str, digits(text)[-10:])))


def nif(text: str) -> bool:
    check = 11 - weighted("".join(map(str, digits(text)[:8])), [9, 8, 7, 6, 5, 4, 3, 2]) % 11
    return len(digits(text)) == 9 and digits(text)[8] == (0 if check > 9 else check)


def kimlik(text: str) -> bool:
    d = digits(text)
    return len(d) == 11 and d[9] == (7 * sum(d[0:9:2]) - sum(d[1:8:2])) % 10 and d[10] == sum(d[:10]) % 10


def npi(text: str) -> bool:
    return luhn("80840" + text)


def resident(text: str) -> bool:
    """China's resident identity number."""
    check = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(text[:17])) % 11
    return len(text) == 18 and text[17] == "10X98765432"[check]


def ahv(text: str) -> bool:
    return len(digits(text)) == 13 and weighted(text, [1, 3] * 6 + [1]) % 10 == 0


def nric(text: str) -> bool:
    total = weighted(text, [2, 7, 6, 5, 4, 3, 2]) + (4 if text[0] in "TG" else 0)
    return text[-1] == ("JZIHGFEDCBA" if text[0] in "ST" else "XWUTRQPNMLK")[total % 11]


def pps(text: str) -> bool:
    return text[7] == "WABCDEFGHIJKLMNOPQRSTUV"[weighted(text[:7], [8, 7, 6, 5, 4, 3, 2]) % 23]


CHECKS: dict[str, Callable[[str], bool]] = {
    "luhn": luhn, "iban": iban, "nhs": nhs, "cpf": cpf, "dni": dni, "cf": fiscal, "nir": nir, "steuer": steuer,
    "aadhaar": verhoeff, "sin": luhn, "medicare": medicare, "bsn": bsn, "pesel": pesel,
    "se": swedish, "nif": nif, "kimlik": kimlik, "npi": npi, "cn": resident, "ahv": ahv, "nric": nric,
    "pps": pps,
}  # fmt: skip


def solved(text: str, check: str | None) -> str:
    """The text with its question marks filled so that the check holds."""
    if check is None:
        return text
    pieces = text.split("?")
    for alphabet in (string.digits, string.ascii_uppercase):
        for filling in itertools.product(alphabet, repeat=len(pieces) - 1):
            candidate = "".join(map(str.__add__, pieces, (*filling, "")))
            if CHECKS[check](candidate):
                return candidate
    raise SystemExit(f"no {check} has the form {text}")


class Dice:
    """Random characters, the same at every run of one document."""

    def __init__(self, seed: str) -> None:
        self.r = random.Random(seed)

    def token(self, n: int, alphabet: str) -> str:
        return "".join(self.r.choice(alphabet) for _ in range(n))

    def __call__(self, match: re.Match[str]) -> str:
        count, alphabet, special, argument = match.groups()
        if count:
            return self.token(int(count), ALPHABETS[alphabet])
        return {"gh": self.github, "jwt": self.jwt, "btc": self.bitcoin, "pem": lambda: self.pem(argument)}[special]()

    def github(self) -> str:
        body = self.token(30, LETTERS)
        left, check = zlib.crc32(body.encode()), ""
        while left:
            left, digit = divmod(left, 62)
            check = (string.digits + string.ascii_uppercase + string.ascii_lowercase)[digit] + check
        return body + check.rjust(6, "0")

    def jwt(self) -> str:
        head = {"alg": "HS256", "typ": "JWT"}
        body = {"sub": self.token(10, string.digits), "iat": self.r.randint(1_650_000_000, 1_750_000_000)}
        parts = [
            base64.urlsafe_b64encode(json.dumps(p, separators=(",", ":")).encode()).decode().rstrip("=")
            for p in (head, body)
        ]
        return ".".join([*parts, self.token(43, LETTERS + "-_")])

    def bitcoin(self) -> str:
        raw = b"\0" + self.r.randbytes(20)
        raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
        left, text = int.from_bytes(raw, "big"), ""
        while left:
            left, digit = divmod(left, 58)
            text = BASE58[digit] + text
        return "1" + text

    def pem(self, kind: str) -> str:
        lines = [self.token(64, LETTERS + "+/") for _ in range(4)] + [self.token(22, LETTERS + "+/") + "=="]
        return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


def documents(source: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^=== ", source, flags=re.M)[1:]:
        name, _, text = part.partition("\n")
        yield name.strip(), text.strip("\n")


def labelled(name: str, marked: str) -> dict[str, object]:
    text, spans, at, dice = "", list[tuple[int, int, str]](), 0, Dice(name)
    for match in MARK.finditer(marked):
        kind, check, value = match.groups()
        text += RANDOM.sub(dice, marked[at : match.start()])
        start, at = len(text), match.end()
        text += solved(RANDOM.sub(dice, value), check)
        if kind != "-":
            spans.append((start, len(text), TYPES[kind]))
    text += RANDOM.sub(dice, marked[at:])
    assert not set("⟦⟧") & set(text), name
    return {"id": name, "text": text, "spans": spans}


def line(row: dict[str, object]) -> str:
    written = json.dumps(row, ensure_ascii=False)
    escaped = KEYS.sub(lambda m: f"\\u{ord(m[0][0]):04x}{m[0][1:]}", written)
    assert json.loads(escaped) == json.loads(written)
    return escaped


def main() -> None:
    source = (Path(__file__).parent / "blind_texts.txt").read_text(encoding="utf-8")
    names = set[str]()
    for name, marked in documents(source):
        assert name not in names, name
        names.add(name)
        sys.stdout.write(line(labelled(name, marked)) + "\n")


if __name__ == "__main__":
    main()
