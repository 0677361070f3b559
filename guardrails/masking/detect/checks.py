"""Check digits and issuing rules: small exact functions over strings of ASCII digits and letters.

All take the value without separators and answer whether a real one could look like this. Nothing here raises.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from operator import mul
from typing import Final

# Digit sums of 2 x digit, indexed by the ASCII code of the digit, and plain digit values.
_DOUBLED: Final = bytes(0 if not 48 <= c <= 57 else (2 * (c - 48) // 10 + 2 * (c - 48) % 10) for c in range(256))
_VALUE: Final = bytes(0 if not 48 <= c <= 57 else c - 48 for c in range(256))
_B36: Final = {c: str(i) for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_B36_TABLE: Final = str.maketrans(_B36)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: the mod-10 check of payment cards and many national numbers."""
    raw = digits.encode("ascii")
    return (sum(raw[-1::-2].translate(_VALUE)) + sum(raw[-2::-2].translate(_DOUBLED))) % 10 == 0


def mod97(value: str) -> int:
    """ISO/IEC 7064 mod 97-10 over 0-9 and A-Z (A = 10); ``value`` is upper case."""
    return int(value.translate(_B36_TABLE)) % 97


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    """The sum of digit times weight, for as many as there are weights."""
    return sum(map(mul, digits.encode("ascii").translate(_VALUE), weights))


def repeated(digits: str) -> bool:
    """One symbol over and over (``000000000``): passes many check sums, is never issued."""
    return digits == digits[0] * len(digits)


def sequential(digits: str) -> bool:
    """A run up or down the keyboard (``123456789``): a placeholder."""
    return digits in "01234567890123456789" or digits in "98765432109876543210"


# --- payment cards -------------------------------------------------------------------------------------------------

# (lowest prefix, highest prefix, digits of the prefix, allowed lengths); networks' published ranges.
_IIN: Final = (
    (4, 4, 1, (13, 16, 19)),  # Visa
    (51, 55, 2, (16,)),  # Mastercard
    (2221, 2720, 4, (16,)),  # Mastercard
    (34, 34, 2, (15,)),  # American Express
    (37, 37, 2, (15,)),
    (300, 305, 3, (14, 16)),  # Diners Club
    (3095, 3095, 4, (14, 16)),
    (36, 36, 2, (14, 16)),
    (38, 39, 2, (14, 16)),
    (3528, 3589, 4, (16, 17, 18, 19)),  # JCB
    (1800, 1800, 4, (15,)),  # JCB, old
    (2131, 2131, 4, (15,)),
    (6011, 6011, 4, (16, 17, 18, 19)),  # Discover
    (644, 659, 3, (16, 17, 18, 19)),
    (62, 62, 2, (16, 17, 18, 19)),  # UnionPay
    (60, 60, 2, (16,)),  # RuPay and others
    (81, 82, 2, (16,)),
    (2200, 2204, 4, (16, 17, 18, 19)),  # Mir
    (9792, 9792, 4, (16,)),  # Troy
)
_MAESTRO: Final = ("50", "56", "57", "58", "63", "67", "69")


def card_brand(digits: str) -> int:
    """2: prefix and length of a known network, 1: of Maestro (many lengths), 0: of none."""
    return _brand(digits[:4], len(digits))


@lru_cache(maxsize=4096)
def _brand(prefix: str, length: int) -> int:
    for low, high, width, lengths in _IIN:
        if length in lengths and low <= int(prefix[:width]) <= high:
            return 2
    return 1 if 12 <= length <= 19 and prefix[:2] in _MAESTRO else 0


# --- United States -------------------------------------------------------------------------------------------------


def ssn(digits: str) -> bool:
    """Social security numbers: area not 000, 666 or 9xx, group not 00, serial not 0000 (SSA, since 2011 random)."""
    return (
        len(digits) == 9
        and digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
        and not repeated(digits)
    )


def itin(digits: str) -> bool:
    """Individual taxpayer numbers: 9xx with a group of 50-65, 70-88, 90-92 or 94-99 (IRS)."""
    if len(digits) != 9 or digits[0] != "9":
        return False
    group = int(digits[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


def npi(digits: str) -> bool:
    """US provider numbers: Luhn over 80840 and ten digits that start with 1 or 2 (45 CFR 162.406)."""
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


# --- other states --------------------------------------------------------------------------------------------------


def nhs(digits: str) -> bool:
    """UK NHS number: weights 10..2, mod 11 (NHS data dictionary)."""
    if len(digits) != 10 or repeated(digits):
        return False
    check = 11 - weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return check != 10 and check % 11 == int(digits[9])


_NINO_BAD: Final = frozenset(("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"))


def nino(value: str) -> bool:
    """UK national insurance number: prefix letters never D F I Q U V (second nor O), suffix A-D (HMRC NIM39110)."""
    return (
        len(value) == 9
        and value[0] not in "DFIQUV"
        and value[1] not in "DFIQUVO"
        and value[:2] not in _NINO_BAD
        and value[2:8].isdigit()
        and value[8] in "ABCD"
    )


def cpf(digits: str) -> bool:
    """BR CPF: two mod-11 digits."""
    if len(digits) != 11 or repeated(digits):
        return False
    first = weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) * 10 % 11 % 10
    second = weighted(digits, (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) * 10 % 11 % 10
    return first == int(digits[9]) and second == int(digits[10])


_DNI: Final = "TRWAGMYFPDXBNJZSQVHLCKE"


def dni(value: str) -> bool:
    """ES DNI (8 digits, letter) and NIE (X, Y or Z, 7 digits, letter): letter by mod 23."""
    if len(value) != 9:
        return False
    digits = value[:8] if value[0].isdigit() else str("XYZ".find(value[0])) + value[1:8]
    return digits.isdigit() and _DNI[int(digits) % 23] == value[8]


_CF_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)


def codice_fiscale(value: str) -> bool:
    """IT codice fiscale: the 16th letter checks the 15 before (DM 12 marzo 1974)."""
    if len(value) != 16:
        return False
    total = 0
    for i, c in enumerate(value[:15]):
        if (odd := _CF_ODD.get(c)) is None:
            return False
        total += odd if i % 2 == 0 else (ord(c) - 65 if c > "9" else int(c))
    return chr(65 + total % 26) == value[15]


def nir(value: str) -> bool:
    """FR NIR: sex, year, month, department, commune, order, key = 97 - n mod 97 (2A = 19, 2B = 18)."""
    if len(value) != 15 or value[0] not in "12378":
        return False
    body, key = value[:13].replace("2A", "19").replace("2B", "18"), value[13:]
    if not (body.isdigit() and key.isdigit()) or not _nir_month(int(value[3:5])):
        return False
    return 97 - int(body) % 97 == int(key)


def _nir_month(month: int) -> bool:
    return 1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99


def _iso7064_11_10(digits: str) -> bool:
    product = 10
    for d in digits[:-1]:
        total = (int(d) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def steuer_id(digits: str) -> bool:
    """DE tax id: no leading zero, one digit two or three times among the first ten, ISO 7064 mod 11,10."""
    if len(digits) != 11 or digits[0] == "0":
        return False
    counts = sorted((digits[:10].count(d) for d in "0123456789"), reverse=True)
    return counts[0] in (2, 3) and counts[1] == 1 and _iso7064_11_10(digits)


_D5: Final = tuple(
    tuple(int(c) for c in row)
    for row in (
        "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
    ).split()
)
_P8: Final = tuple(
    tuple(int(c) for c in row)
    for row in "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258".split()
)


def verhoeff(digits: str) -> bool:
    """Verhoeff's dihedral check (1969), used by Aadhaar."""
    check = 0
    for i, d in enumerate(reversed(digits)):
        check = _D5[check][_P8[i % 8][int(d)]]
    return check == 0


def aadhaar(digits: str) -> bool:
    """IN Aadhaar: 12 digits, first 2-9, no palindrome, Verhoeff (UIDAI)."""
    return len(digits) == 12 and digits[0] > "1" and digits != digits[::-1] and verhoeff(digits)


def pan(value: str) -> bool:
    """IN PAN: fourth letter names the kind of holder; the number part is never 0000."""
    return len(value) == 10 and value[3] in "ABCFGHJKLPT" and value[5:9] != "0000"


def sin(digits: str) -> bool:
    """CA social insurance number: Luhn, first digit not 0 or 8."""
    return len(digits) == 9 and digits[0] not in "08" and luhn(digits) and not repeated(digits)


def tfn(digits: str) -> bool:
    """AU tax file number: weights 1 4 3 7 5 8 6 9 10, mod 11 (8 digits: the older weights)."""
    if len(digits) == 9:
        return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and not repeated(digits)
    return len(digits) == 8 and weighted(digits, (10, 7, 8, 4, 6, 3, 5, 1)) % 11 == 0 and not repeated(digits)


def medicare_au(digits: str) -> bool:
    """AU Medicare card: first 2-6, ninth digit checks the first eight (weights 1 3 7 9)."""
    return (
        len(digits) in (10, 11)
        and digits[0] in "23456"
        and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])
    )


def bsn(digits: str) -> bool:
    """NL burgerservicenummer: the eleven test with the last weight -1."""
    return len(digits) == 9 and not repeated(digits) and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def nif(digits: str) -> bool:
    """PT NIF of a person (first digit 1 to 3): weights 9 to 2, mod 11."""
    if len(digits) != 9 or digits[0] not in "123" or repeated(digits):
        return False
    check = 11 - weighted(digits[:8], (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return int(digits[8]) == (0 if check > 9 else check)


def kimlik(digits: str) -> bool:
    """TR T.C. kimlik numarası: two check digits."""
    if len(digits) != 11 or digits[0] == "0":
        return False
    d = [int(c) for c in digits]
    return d[9] == (7 * sum(d[0:9:2]) - sum(d[1:8:2])) % 10 and d[10] == sum(d[:10]) % 10


def ahv(digits: str) -> bool:
    """CH AHV number: 756, then a number with the check digit of an EAN-13."""
    return len(digits) == 13 and digits.startswith("756") and weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def south_african(digits: str) -> bool:
    """ZA identity number: date of birth, sex, citizenship 0 or 1, Luhn."""
    dated = len(digits) == 13 and 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31
    return dated and digits[10] in "01" and luhn(digits)


def pesel(digits: str) -> bool:
    """PL PESEL: birth date in front, weights 1 3 7 9, mod 10."""
    return (
        len(digits) == 11
        and not repeated(digits)
        and 1 <= int(digits[2:4]) % 20 <= 12
        and 1 <= int(digits[4:6]) <= 31
        and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    )


def personnummer(digits: str) -> bool:
    """SE personnummer, ten digits: birth date (day may be +60) and Luhn."""
    return len(digits) == 10 and 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) % 60 <= 31 and luhn(digits)


def belgian(digits: str) -> bool:
    """BE national number: 97 minus the first nine digits mod 97, with a 2 in front for those born since 2000."""
    if len(digits) != 11 or not 0 <= int(digits[2:4]) % 20 <= 12:
        return False
    check = int(digits[9:])
    return check in (97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97)


# --- accounts ------------------------------------------------------------------------------------------------------

# Country and total length, from the SWIFT IBAN registry.
IBAN_LENGTHS: Final[dict[str, int]] = {
    code: int(length)
    for code, length in (
        item.split(":")
        for item in (
            "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BI:27 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 "
            "DE:22 DJ:27 "
            "DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HN:28 HR:21 "
            "HU:28 IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 "
            "MD:24 ME:22 MK:19 MN:20 MR:27 MT:31 MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 "
            "RS:22 RU:33 SA:24 SC:31 SD:18 SE:24 SI:19 SK:24 SM:27 SO:23 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 "
            "VG:24 XK:20 YE:30"
        ).split()
    )
}


def iban(value: str) -> bool:
    """IBAN by ISO 13616: country, its length, mod 97-10 equal to 1, check digits 02..98."""
    return (
        IBAN_LENGTHS.get(value[:2]) == len(value)
        and value[2:4] not in ("00", "01", "99")
        and mod97(value[4:] + value[:4]) == 1
    )


def aba(digits: str) -> bool:
    """US bank routing number: Federal Reserve prefix, weights 3 7 1, mod 10."""
    prefix = int(digits[:2]) if len(digits) == 9 else 99
    return (
        (prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80)
        and weighted(digits, (3, 7, 1, 3, 7, 1, 3, 7, 1)) % 10 == 0
        and not repeated(digits)
    )


# --- crypto currencies ---------------------------------------------------------------------------------------------

_BITCOIN_58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE_58: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"


def base58check(value: str, alphabet: str = _BITCOIN_58) -> bool:
    """25 bytes whose last four are the double SHA-256 of the rest (Bitcoin wiki, Base58Check)."""
    number = 0
    for c in value:
        digit = alphabet.find(c)
        if digit < 0:
            return False
        number = number * 58 + digit
    if number >> 200:
        return False
    raw = number.to_bytes(25, "big")
    zeros = len(value) - len(value.lstrip(alphabet[0]))
    if len(raw) - len(raw.lstrip(b"\0")) != zeros:
        return False
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def ripple(value: str) -> bool:
    """XRP Ledger classic address: Base58Check in its own alphabet."""
    return base58check(value, _RIPPLE_58)


_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32(value: str) -> bool:
    """Segregated witness address: BIP 173 (constant 1) or BIP 350 (0x2bc830a3)."""
    if value != value.lower() and value != value.upper():
        return False
    hrp, _, data = value.lower().rpartition("1")
    if not hrp or len(data) < 6 or any(c not in _BECH32 for c in data):
        return False
    check = 1
    for v in [*(ord(c) >> 5 for c in hrp), 0, *(ord(c) & 31 for c in hrp), *(_BECH32.index(c) for c in data)]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ v
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> i & 1:
                check ^= generator
    return check in (1, 0x2BC830A3)


# --- dates ---------------------------------------------------------------------------------------------------------


def calendar(year: int, month: int, day: int) -> bool:
    """A day of a life now possible: years 1900 to 2099, month and day in range."""
    return 1900 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= 31
