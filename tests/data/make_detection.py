"""Writes detection.jsonl: mails, tickets, clinical notes and logs with known spans and hard decoys.

    python tests/data/make_detection.py > tests/data/detection.jsonl

Sentences and names are our own and none of them serves to train the tagger. Numbers have right check digits, computed
here and not with the product. In a text, ``{TYPE:value}`` is a value to be found; everything else is not.
"""

# ruff: noqa: E501 - lists of words

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

FIRST = (
    "Marguerite Tobias Anneliese Rashid Solveig Kwabena Yuki Priyanka Declan Ottilie Hamza Ingrid Mateus Zsófia Leila Wojciech Naoki "
    "Thandiwe Eamonn Beatriz Giulia Stellan Farida Cormac Xiomara Ji-woo Aurélie Dmitri Noor Svetlana Kofi Esperanza Hugo Matilda "
    "Rohan Astrid Bilal Chiara Dariusz Eleni Florian Gwendolyn Henrik Ivana Jamal Katarzyna Lorenzo Miriam Nkechi Oskar Paloma Quentin"
).split()
LAST = (
    "Achterberg Okonkwo Lindqvist Fernandez Papadakis Whitcombe Takahashi Mukherjee O'Sullivan Zielinski Haddad Bergström Castellanos "
    "Dubois Ferrari Gallagher Hofstetter Ibrahimovic Jankowski Kowalczyk Lefebvre Moriarty Nakamura Oyelaran Petrović Quispe Rosenthal "
    "Schönfeld Thorvaldsen Ueda Vasquez Wainwright Xavier Yilmaz Zimmermann Abernathy Blomgren Chaudhry Desrosiers Eriksson Fitzgerald"
).split()
CITIES = "Leicester Rotterdam Salamanca Göteborg Bologna Toulouse Wrocław Cincinnati Auckland Nairobi Osaka Curitiba Graz Galway Halifax Basel".split()
COUNTRIES = "Portugal Denmark Kenya Japan Brazil Ireland Poland Canada Norway Chile".split()
STREETS = (
    "{n} Larkspur Avenue, {c}, OH 4{d4}",
    "{n} Wellington Road, {c} LE2 {d1}HB",
    "{n} Old Mill Lane, Apt {d1}B, {c}",
    "Lindenstraße {n}, 1{d4} {c}",
    "{n} rue des Acacias, 3{d4} {c}",
    "Via Mazzini {n}, 4{d4} {c}",
    "Calle de Toledo {n}, 2{d4} {c}",
    "Van Speykstraat {n}, 301{d1} AB {c}",
    "Kungsportsavenyen {n}, 411 36 {c}",
    "{n} Harbour View Drive, {c}, NS B3J {d1}K{d1}",
    "ul. Świdnicka {n}, 50-0{d1}{d1} {c}",
    "PO Box {d4}, {c}",
)
HOSTS = (
    "northwind-traders.com",
    "lakeside-clinic.org",
    "petrovic-partners.eu",
    "mail.kestrel.io",
    "posteo.de",
    "web-mail.co.uk",
)
DRUGS = "amlodipine Bisoprolol gabapentin Levothyroxine Pantoprazole Clopidogrel".split()


class Maker:
    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)

    def digits(self, n: int) -> str:
        return "".join(self.r.choice("0123456789") for _ in range(n))

    def value(self, slot: str) -> str:
        return getattr(self, "make_" + slot)()

    # people and places

    def make_first(self) -> str:
        return self.r.choice(FIRST)

    def make_last(self) -> str:
        return self.r.choice(LAST)

    def make_person(self) -> str:
        middle = f" {self.r.choice('ABCDEFHJKLMR')}." if self.r.random() < 0.12 else ""
        return f"{self.r.choice(FIRST)}{middle} {self.r.choice(LAST)}"

    def make_city(self) -> str:
        return self.r.choice(CITIES)

    def make_country(self) -> str:
        return self.r.choice(COUNTRIES)

    def make_address(self) -> str:
        form = self.r.choice(STREETS)
        form = form.replace("{n}", str(self.r.randint(2, 240))).replace("{c}", self.r.choice(CITIES))
        while "{d1}" in form:
            form = form.replace("{d1}", str(self.r.randint(1, 9)), 1)
        return form.replace("{d4}", self.digits(4))

    # numbers

    def make_email(self) -> str:
        first, last = self.r.choice(FIRST).lower(), self.r.choice(LAST).lower().replace("'", "")
        form = self.r.choice(("{f}.{l}", "{f}{l[0]}", "{f[0]}{l}", "{l}+invoices", "{f}_{l}"))
        local = form.format(f=first, l=last)
        return f"{local.encode('ascii', 'ignore').decode()}{self.r.randint(1, 99)}@{self.r.choice(HOSTS)}"

    def make_phone(self) -> str:
        d = self.digits
        return self.r.choice(
            (
                f"+44 116 496 0{d(3)}", f"+49 30 901820{d(2)}", f"(513) 555-01{d(2)}", f"+1-902-555-01{d(2)}", f"+33 5 61 99 {d(2)} {d(2)}",
                f"0116 496 0{d(3)}", f"+353 91 57{d(4)}", f"+31 10 79{d(5)}", f"513.555.01{d(2)}", f"+55 41 3028-{d(4)}", f"+91 98{d(3)} {d(5)}",
            )
        )  # fmt: skip

    def _luhn(self, head: str) -> str:
        total = 0
        for i, c in enumerate(reversed(head)):
            n = int(c) * (2 if i % 2 == 0 else 1)
            total += n - 9 if n > 9 else n
        return head + str(-total % 10)

    def make_card(self) -> str:
        number = self._luhn(self.r.choice(("4539", "5412", "4024", "5105")) + self.digits(11))
        if self.r.random() < 0.2:
            amex = self._luhn("37" + self.digits(12))
            return self.r.choice((amex, f"{amex[:4]} {amex[4:10]} {amex[10:]}"))
        return self.r.choice(
            (
                number,
                " ".join(number[i : i + 4] for i in range(0, 16, 4)),
                "-".join(number[i : i + 4] for i in range(0, 16, 4)),
            )
        )

    def make_iban(self) -> str:
        country, bban = self.r.choice(
            (
                ("DE", self.digits(18)),
                ("NL", "INGB" + self.digits(10)),
                ("GB", "MIDL" + self.digits(14)),
                ("ES", self.digits(20)),
            )
        )
        code = "".join(str(int(c, 36)) for c in bban + country + "00")
        iban = f"{country}{98 - int(code) % 97:02}{bban}"
        return iban if self.r.random() < 0.5 else " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))

    def make_ssn(self) -> str:
        return f"{self.r.randint(100, 665):03}-{self.r.randint(10, 99)}-{self.r.randint(1000, 9999)}"

    def make_nhs(self) -> str:
        while True:
            head = "4" + self.digits(8)
            check = 11 - sum(int(c) * (10 - i) for i, c in enumerate(head)) % 11
            if check != 10:
                return f"{head[:3]} {head[3:6]} {head[6:]}{0 if check == 11 else check}"

    def make_cpf(self) -> str:
        n = self.digits(9)
        for _ in range(2):
            rest = sum(int(c) * (len(n) + 1 - i) for i, c in enumerate(n)) * 10 % 11 % 10
            n += str(rest)
        return f"{n[:3]}.{n[3:6]}.{n[6:9]}-{n[9:]}"

    def make_dni(self) -> str:
        n = self.digits(8)
        return n + "TRWAGMYFPDXBNJZSQVHLCKE"[int(n) % 23]

    def make_nie(self) -> str:
        n = self.digits(7)
        first = self.r.randint(0, 2)
        return "XYZ"[first] + n + "TRWAGMYFPDXBNJZSQVHLCKE"[int(f"{first}{n}") % 23]

    def make_nir(self) -> str:
        n = f"{self.r.choice('12')}{self.r.randint(40, 99)}{self.r.randint(1, 12):02}{self.r.randint(1, 95):02}{self.digits(6)}"
        key = 97 - int(n) % 97
        return f"{n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:10]} {n[10:]} {key:02}"

    def make_cf(self) -> str:
        c = self.r.choice
        code = (
            "".join(c("BCDFGLMNPRST") for _ in range(6))
            + f"{self.r.randint(40, 99)}{c('ABCDEHLMPRST')}{self.r.randint(1, 28):02}{c('ADFHL')}{self.digits(3)}"
        )
        odd = dict(
            zip(
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                [
                    1,
                    0,
                    5,
                    7,
                    9,
                    13,
                    15,
                    17,
                    19,
                    21,
                    1,
                    0,
                    5,
                    7,
                    9,
                    13,
                    15,
                    17,
                    19,
                    21,
                    2,
                    4,
                    18,
                    20,
                    11,
                    3,
                    6,
                    8,
                    12,
                    14,
                    16,
                    10,
                    22,
                    25,
                    24,
                    23,
                ],
                strict=True,
            )
        )
        total = sum(odd[x] if i % 2 == 0 else int(x, 36) - (10 if x.isalpha() else 0) for i, x in enumerate(code))
        return code + chr(65 + total % 26)

    def make_steuer(self) -> str:
        while True:
            n = self.r.choice("123456789") + self.digits(9)
            counts = sorted(n.count(d) for d in set(n))
            if counts[-1] == 2 and counts.count(2) == 1:
                break
        product = 10
        for c in n:
            total = (int(c) + product) % 10 or 10
            product = total * 2 % 11
        return f"{n}{(11 - product) % 10}"

    def make_aadhaar(self) -> str:
        d = [
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
            [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
            [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
            [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
            [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
            [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
            [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
            [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
            [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
        ]
        p = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]
        step = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]
        for _ in range(7):
            p.append([step[x] for x in p[-1]])
        n = self.r.choice("23456789") + self.digits(10)
        check = 0
        for i, c in enumerate(reversed(n)):
            check = d[check][p[(i + 1) % 8][int(c)]]
        whole = n + str(d[check].index(0))
        return f"{whole[:4]} {whole[4:8]} {whole[8:]}"

    def make_pan(self) -> str:
        c = lambda n: "".join(self.r.choice("ABCDEFGHJKLMNPRST") for _ in range(n))  # noqa: E731
        return f"{c(3)}P{c(1)}{self.digits(4)}{c(1)}"

    def make_sin(self) -> str:
        n = self._luhn(self.r.choice("1234567") + self.digits(7))
        return f"{n[:3]} {n[3:6]} {n[6:]}"

    def make_tfn(self) -> str:
        while True:
            n = self.r.choice("123456789") + self.digits(8)
            if sum(int(c) * w for c, w in zip(n, (1, 4, 3, 7, 5, 8, 6, 9, 10), strict=True)) % 11 == 0:
                return f"{n[:3]} {n[3:6]} {n[6:]}"

    def make_dob(self) -> str:
        y, m, d = self.r.randint(1935, 2012), self.r.randint(1, 12), self.r.randint(1, 28)
        month = ("January February March April May June July August September October November December".split())[m - 1]
        return self.r.choice(
            (f"{d:02}/{m:02}/{y}", f"{y}-{m:02}-{d:02}", f"{d} {month} {y}", f"{month} {d}, {y}", f"{d}.{m}.{y}")
        )

    def make_ip(self) -> str:
        if self.r.random() < 0.25:
            return "2a02:" + ":".join(f"{self.r.randint(4096, 65535):x}" for _ in range(7))
        return f"{self.r.choice((81, 93, 145, 203))}.{self.r.randint(1, 254)}.{self.r.randint(1, 254)}.{self.r.randint(1, 254)}"

    def make_private(self) -> str:
        return f"10.{self.r.randint(0, 40)}.{self.r.randint(2, 98)}.{self.r.randint(2, 98)}"

    def make_mac(self) -> str:
        return self.r.choice((":", "-")).join(f"{self.r.randint(16, 255):02x}" for _ in range(6))

    def make_url(self) -> str:
        return f"https://portal.{self.r.choice(HOSTS)}/users/{self.r.choice(LAST).lower().encode('ascii', 'ignore').decode()}?id={self.digits(6)}"

    def make_mrn(self) -> str:
        return self.r.choice((self.digits(7), f"00{self.digits(6)}", f"E{self.digits(8)}"))

    def make_passport(self) -> str:
        return self.r.choice(
            (self.digits(9), f"C{self.r.choice('FGHJK')}{self.digits(7)}", f"{self.r.choice('XKYP')}{self.digits(8)}")
        )

    def make_licence(self) -> str:
        return f"{self.r.choice('BDFSW')}{self.digits(7)}"

    def make_bitcoin(self) -> str:
        return self.r.choice(
            (
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                "0x52908400098527886E0F7030069857D2E4169EE7",
            )
        )

    def _token(self, alphabet: str, n: int) -> str:
        return "".join(self.r.choice(alphabet) for _ in range(n))

    def make_key(self) -> str:
        both = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
        return self.r.choice(
            (
                "AKIA" + self._token("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 14) + "Q7",
                "ghp_" + self._token(both, 34) + "a7",
                "sk_live_" + self._token(both, 22) + "k9",
                "glpat-" + self._token(both, 18) + "x4",
                "xoxb-" + self.digits(11) + "-" + self._token(both, 22) + "r8",
            )
        )

    def make_password(self) -> str:
        return (
            self.r.choice(("Zephyr", "br1ar", "Qu4ntum", "tangle", "Mon0lith"))
            + self.r.choice("!#_-")
            + self.digits(4)
            + self.r.choice(("xK", "qW", "vT"))
        )

    # what is nobody's

    def make_order(self) -> str:
        return self.digits(self.r.randint(6, 9))

    def make_time(self) -> str:
        return f"2026-{self.r.randint(1, 12):02}-{self.r.randint(1, 28):02}T{self.r.randint(0, 23):02}:{self.r.randint(0, 59):02}:{self.r.randint(0, 59):02}.{self.digits(3)}Z"

    def make_day(self) -> str:
        return f"{self.r.randint(1, 28)} {self.r.choice(('March', 'May', 'July', 'October'))} 2026"

    def make_uuid(self) -> str:
        h = lambda n: self._token("0123456789abcdef", n)  # noqa: E731
        return f"{h(8)}-{h(4)}-4{h(3)}-a{h(3)}-{h(12)}"

    def make_sha(self) -> str:
        return self._token("0123456789abcdef", 40)

    def make_version(self) -> str:
        return f"{self.r.randint(1, 15)}.{self.r.randint(0, 40)}.{self.r.randint(0, 9)}.{self.r.randint(1, 4000)}"

    def make_drug(self) -> str:
        return self.r.choice(DRUGS)

    def make_num(self) -> str:
        return str(self.r.randint(2, 98))


SLOT = re.compile(r"\{(?:(?P<type>[A-Z_]+):)?(?P<slot>[a-z]+)\}")


def made(maker: Maker, form: str) -> tuple[str, list[list[object]]]:
    text, spans, at = "", [], 0
    form = form.replace("\\n", "\n")
    for match in SLOT.finditer(form):
        text += form[at : match.start()]
        value = maker.value(match["slot"])
        if match["type"]:
            spans.append([len(text), len(text) + len(value), match["type"]])
        text += value
        at = match.end()
    return text + form[at:], spans


def forms() -> dict[str, list[str]]:
    """The texts by kind."""
    kinds: dict[str, list[str]] = {}
    for line in Path(__file__).with_name("detection_texts.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1].isalpha():
            kinds[line[1:-1]] = []
        elif line and not line.startswith("# "):
            kinds[[*kinds][-1]].append(line)
    return kinds


def main() -> None:
    maker = Maker(20261125)
    for kind, texts in forms().items():
        for number, form in enumerate(texts):
            for copy in range(7):
                text, spans = made(maker, form)
                row = {"id": f"{kind}-{number}-{copy}", "text": text, "spans": spans}
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
