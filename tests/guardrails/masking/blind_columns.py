"""The blind schemas of tests/data/columns as columns with values.

`blind.txt` and this file were written before their author had seen the classifier, its words or its other tests, and
`blind_after.txt` when it had been mended by the even half of `blind.txt`. The schemas are counted from 0: the mistakes in
the even ones were read and learned from, those in the odd ones were only counted. A line of the file is a
column: its name (`~` is a space), its declared type (`-` is none), what it is, and what makes its values. What it is: the
classes that are right, `-` where open is right, `q` for a quasi-identifier that stays open; several with commas, where
reasonable people differ. Behind the maker, `?30` empties 30 % to NULL, `!30` to the empty text, `=6` draws from six.
"""

# ruff: noqa: E501 - tables of words

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

COLUMNS = Path(__file__).parents[2] / "data" / "columns"

FIRST = {
    "en": "James Olivia Keisha Tyrone Margaret Siobhan Rajesh Wei Darnell Abigail Hank Priya Colleen Duane Marisol Trevor"
    " Gwendolyn Kofi Bridget Emmett Yolanda Clyde Nkechi Dwight Imani Russell Beatrix Jamal Winifred Otis",
    "de": "Jürgen Sabine Uwe Heike Torsten Ulrike Kai Annegret Detlef Mareike Björn Gudrun Sören Anke Holger Silke Rüdiger"
    " Wiebke Eckhard Friederike Lars Dörte Hartmut Ayşe Mehmet Käthe",
    "fr": "Benoît Chloé Thibault Maëlle Guillaume Aurélie Loïc Solène Yannick Élodie Rémi Amandine Cédric Océane Fabrice"
    " Ghislaine Mathis Noémie Éric Fatoumata Karim Hélène Stéphane Capucine",
    "es": "Javier Lucía Íñigo Rocío Álvaro Ainhoa Gonzalo Macarena Joaquín Begoña Rubén Pilar Andrés Noelia Héctor Inmaculada"
    " Nicolás Consuelo Raúl Milagros Borja Jimena Iker Candela",
    "nl": "Sander Femke Joost Marieke Thijs Anouk Bas Lotte Ruben Sanne Wouter Roos Jeroen Tineke Maarten Fleur Diederik Noor"
    " Gijs Elske Bram Willemijn Youssef Hanneke",
    "pl": "Łukasz Małgorzata Zbigniew Grażyna Paweł Agnieszka Krzysztof Bożena Mateusz Jadwiga Wojciech Katarzyna Grzegorz"
    " Halina Sławomir Iwona Bartłomiej Zofia Przemysław Danuta Rafał Żaneta",
    "it": "Gianluca Ornella Salvatore Concetta Mirko Ilaria Nicolò Rosalba Ettore Fabiola Cosimo Loredana Samuele Ginevra Raffaele",
    "pt": "Thiago Jussara Everton Rosângela Wellington Maiara Nuno Iracema Gilberto Benedita Caio Tainá Anderson Lurdes Heitor",
    "sv": "Göran Birgitta Lennart Ulla Fredrik Elin Torbjörn Märta Kjell Agneta Jesper Linnéa Sixten Gunilla Amir",
}
LAST = {
    "en": "Okafor Whitcombe Delgado Nguyen Baker Fitzgerald Patel Lindqvist Washington O'Malley Chen Abernathy Ferreira Kowalczyk"
    " Mbeki Stone Rivers Greenwood Cook Haddad Yamamoto Sokolov Pruitt McAllister Singh Duckworth Vance Price",
    "de": "Müller-Lüdenscheidt Schröder Kuhlmann Öztürk Weiß Petersen Brandstätter Jansen Großmann Hoffmann Vogt Zeller Krämer"
    " Lüders Pfeiffer Sommer Kaiser Yıldız Busch Winkelmann Thiele Nowak Böhm Reuter",
    "fr": "Lefèvre Marchand Dubois Le~Goff Benali Rousseau Chevalier Fontaine Diallo Garnier Moreau Lacroix d'Arcy Pelletier Vasseur"
    " Collet Barbier Nguyen Roche Perrin Da~Silva Boucher Gaillard",
    "es": "García~López Etxeberria Muñoz~Ruiz Ibáñez Cabrera~Soto Domínguez Ferrer~Vidal Peña Quintana Reyes~Mora Salazar Uribe Zamora"
    " Castaño Núñez~Gil Navarro Olmedo Pacheco Rivas~León",
    "nl": "de~Vries van~der~Meer Bakker Jansen van~Dijk Hoekstra ten~Brink Kuipers Mulder 't~Hart Dekker Verhoeven Bosch van~Leeuwen"
    " Postma Schouten El~Amrani Willems Kok",
    "pl": "Wiśniewski Kowalczyk Zieliński Wójcik Szymański Dąbrowska Kaczmarek Piotrowska Grabowski Pawlak Górski Jabłońska Sikora"
    " Ostrowska Baran Szewczyk Wróbel Błaszczyk Malinowska",
    "it": "Esposito Marchetti De~Santis Pellegrini Caputo Bonfanti D'Amico Zanetti Ruggiero Basile Fiorentino Lo~Presti",
    "pt": "Nascimento Figueiredo da~Conceição Pacheco Bezerra Antunes dos~Reis Machado Siqueira Falcão Quaresma Tavares",
    "sv": "Bergström Åkesson Lundqvist Hedlund Nyström Öberg Wallin Sjöström Ekdahl Norling Hassan Fransson",
}
STREET = {
    "en": "Maple~Ave Old~Mill~Rd Harbor~St Kingsway Sycamore~Ln W~14th~St Church~Rd Peachtree~Blvd Quarry~Hill~Dr Elm~Ct",
    "de": "Lindenallee Am~Alten~Markt Goethestr. Bahnhofstraße Kirchweg Hinter~den~Höfen Kantstraße Rosenweg Ulmenring",
    "fr": "rue~des~Lilas avenue~Foch boulevard~Gambetta chemin~du~Moulin place~de~la~République impasse~des~Acacias quai~Voltaire",
    "es": "C/~Mayor Avda.~de~la~Constitución Calle~del~Olmo Paseo~Marítimo Plaza~Nueva C/~San~Isidro Ronda~de~Segovia",
    "nl": "Keizersgracht Dorpsstraat Molenweg Oude~Haven Beatrixlaan Wilhelminaplein Stationsweg Julianastraat",
    "it": "Via~Garibaldi Corso~Vittorio~Emanuele Piazza~del~Popolo Viale~Marconi Vicolo~Stretto",
    "pt": "Rua~das~Flores Avenida~Paulista Travessa~do~Carmo Alameda~Santos Rua~XV~de~Novembro",
    "sv": "Storgatan Kyrkvägen Björkstigen Drottninggatan Hamngatan",
    "pl": "ul.~Długa al.~Jana~Pawła~II ul.~Kościuszki os.~Słoneczne ul.~Polna pl.~Wolności ul.~Mickiewicza ul.~3~Maja",
}
CITY = {
    "en": "Springfield Dayton Leeds Tacoma Baton~Rouge Albany Boise Norwich Fresno Duluth Cardiff Macon",
    "de": "Kassel Bremen Leipzig Göttingen Aachen Wuppertal Erfurt Flensburg Konstanz Münster",
    "fr": "Nantes Lille Rennes Saint-Étienne Dijon Nîmes Tours Le~Havre Pau Brest",
    "es": "Zaragoza Vigo Málaga Gijón Badajoz Murcia Donostia Salamanca Cádiz Lugo",
    "nl": "Utrecht Zwolle Den~Bosch Groningen Breda Leeuwarden Haarlem Almere Gouda Venlo",
    "it": "Bergamo Lecce Cuneo Ancona Pescara Trieste Modena Matera",
    "pt": "Niterói Campinas Braga Olinda Londrina Coimbra Natal Pelotas",
    "sv": "Borås Umeå Lund Gävle Kalmar Falun Visby Luleå",
    "pl": "Kraków Łódź Gdynia Rzeszów Białystok Opole Zielona~Góra Toruń Lublin Katowice",
}
ZIP = {
    "en": "#####",
    "de": "#####",
    "fr": "#####",
    "es": "#####",
    "nl": "#### AA",
    "pl": "##-###",
    "it": "#####",
    "pt": "#####-###",
    "sv": "### ##",
}
PHONE = {
    "en": "(2##) 555-#### | 4##-555-#### | +1 6##-2##-#### | 3##4######",
    "de": "0### ####### | +49 1## ####### | 0##/###### | +4915########",
    "fr": "06 ## ## ## ## | 01.##.##.##.## | +33 6 ## ## ## ## | 02########",
    "es": "6## ### ### | +34 6## ## ## ## | 9########",
    "nl": "06-######## | +31 6 ######## | 0##-#######",
    "it": "+39 3## ####### | 3## ####### | 0## ######",
    "pt": "(11) 9####-#### | +55 21 9####-#### | 21########",
    "sv": "070-### ## ## | +46 7# ### ## ## | 08-### ###",
    "pl": "5## ### ### | +48 6########| 22 ### ## ##",
}
NOTES = {
    "en": [
        "Spoke with {full} on the phone, wants a call back at {phone}.",
        "{first} says the parcel never came to {street}; refund agreed.",
        "Left a message.",
        "Please send the papers to {email} before Friday",
        "pt. c/o chest pain since {day}, father had the same, see {last}",
        "Customer upset. Manager {full} took over.",
        "no issues",
    ],
    "de": [
        "Herr {last} ist bis {day} krankgeschrieben.",
        "Rückruf bei {full} unter {phone}",
        "Gespräch mit Frau {last} geführt, Gehaltserhöhung vereinbart",
        "keine Besonderheiten",
        "Bitte Unterlagen an {email} schicken.",
    ],
    "fr": [
        "Relancer {full} au {phone} la semaine prochaine",
        "Mme {last} souhaite résilier, voir avec {first}",
        "RAS",
        "Le client a déménagé au {street}, {city}.",
        "Envoyer le devis à {email}",
    ],
    "es": [
        "Se reunió con la madre, {full}; tel. {phone}",
        "El alumno faltó por enfermedad desde el {day}.",
        "Sin novedades",
        "{first} {last} presenta dificultades de lectura, alergia al huevo",
        "Avisar a {email}",
    ],
    "nl": [
        "Pakket afgegeven bij buren, {full} op nr {two}",
        "Bel {phone} bij aankomst",
        "Hond in de tuin!",
        "Klant {last} was niet thuis op {day}",
        "Graag mailen naar {email}",
    ],
    "pl": [
        "Petent {full} prosi o kontakt pod {phone}",
        "Odmowa z powodu braku podpisu",
        "Pani {last} zamieszkała przy {street} wnosi o umorzenie",
        "brak uwag",
        "Wysłać na {email}",
    ],
    "it": [
        "Richiamare {full} al {phone}",
        "Nessuna nota",
        "Paziente accompagnata dalla figlia {first}",
        "Inviare a {email}",
    ],
    "pt": [
        "Falar com {full}, tel {phone}",
        "Sem observações",
        "Mãe ({first}) pediu transferência",
        "Enviar para {email}",
    ],
    "sv": ["Ring {full} på {phone}", "Inget att anmärka", "Hyresgästen {last} klagar på buller", "Maila {email}"],
}
TRADE = "Brightwater Northgate Kestrel Vantage Ironbridge Bluefin Summit Aurora Halcyon Redwood Polaris Cobalt Juniper Sterling"
THING = (
    "Lamp Backpack Kettle Hoodie Desk Headphones Blender Tent Notebook Jacket Mug Charger Bicycle Monitor Sofa Knife"
)
LOOK = "Classic Oak Wireless Vintage Slim Blue Compact Deluxe Cotton Steel Organic Folding Matte Royal Soft Ceramic"
ABOUT = [
    "A {look} {thing} for every day, easy to clean.",
    "Our best-selling {thing}: {look}, durable and light. Two years of warranty.",
    "{look} {thing} in three sizes. Made in Portugal.",
    "Ships in 2 days. {look} finish, recycled material, 100% {look2}.",
]
TITLES = (
    "The Silent Harbor|A Winter in Lisbon|Gardens of Glass|How Engines Work|The Last Cartographer|Night Trains|Salt and Stone"
    "|Introduction to Algebra|Dust|The Baker's Daughter|Rivers of the North|Modern Typography|Blue Monday|Letters to Clara"
    "|The Cook's Almanac|Running on Empty|Paper Moon|The Orchid Thief|Small Boats|Ten Thousand Doors|Quiet Country"
)
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{two}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{one} like Mac OS X) AppleWebKit/605.1.15 Version/17.{one} Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{two}.0) Gecko/20100101 Firefox/{two}.0",
    "curl/8.{one}.1",
    "okhttp/4.{two}.0",
]
NUMERIC = (
    "int",
    "bigint",
    "smallint",
    "tinyint",
    "serial",
    "decimal",
    "numeric",
    "float",
    "double",
    "money",
    "boolean",
)
TEXTUAL = ("varchar", "char", "text", "longtext", "nvarchar")
LETTERS = {"ł": "l", "ø": "o", "ß": "ss", "ş": "s", "ı": "i"}
IBANS = {
    "DE": 18,
    "FR": 23,
    "IT": "A######################",
    "SE": 20,
    "ES": 20,
    "NL": "AAAA##########",
    "PL": 24,
    "GB": "AAAA##############",
    "AT": 16,
    "BE": 12,
}


@dataclass
class BlindColumn:
    name: str
    declared: str
    right: frozenset[str]
    values: list[object]

    @property
    def sensitive(self) -> bool:
        """Must not be open."""
        return not self.right & {"-", "q"}

    @property
    def open(self) -> bool:
        """Must not be closed."""
        return self.right <= {"-", "q"}


@dataclass
class BlindTable:
    schema: str
    index: int
    name: str
    columns: list[BlindColumn] = field(default_factory=list[BlindColumn])


class Maker:
    """Makes the values of one table; what it makes depends on nothing but the table's name."""

    def __init__(self, seed: str, language: str, objects: bool) -> None:
        self.random = random.Random(seed)
        self.language = language
        self.objects = objects
        self.count = self.random.randint(34, 60)

    def column(self, recipe: str) -> list[object]:
        words = recipe.split(" ")
        nulls = empties = few = 0
        while words[-1][0] in "?!=" and words[-1][1:].isdigit():
            mod = words.pop()
            nulls, empties, few = (
                int(mod[1:]) if sign == mod[0] else was for sign, was in zip("?!=", (nulls, empties, few), strict=True)
            )
        make = self._maker(words[0], " ".join(words[1:]))
        values = [make() for _ in range(self.count)]
        if few:
            values = [self.random.choice(values[:few]) for _ in values]
        return [self._emptied(value, nulls, empties) for value in values]

    def _emptied(self, value: object, nulls: int, empties: int) -> object:
        roll = self.random.randrange(100)
        return None if roll < nulls else "" if roll < nulls + empties else value

    def _maker(self, name: str, rest: str) -> Callable[[], object]:
        if name == "upper":
            inner = self._maker(rest, "")
            return lambda: str(inner()).upper()
        serial = iter(range(int(rest) if name == "serial" and rest else 1, 10**12))
        simple: dict[str, Callable[[], object]] = {
            "serial": lambda: next(serial),
            "pick": lambda: self.random.choice(rest.split(";")).strip(),
            "pat": lambda: self.pattern(self.random.choice(rest.split("|")).strip()),
            "patn": lambda: int(self.pattern(rest)),
            "const": lambda: rest,
            "null": lambda: None,
            "date": lambda: self.day(rest),
            "ts": lambda: self.moment(rest),
            "int": lambda: self.random.randint(*(int(bound) for bound in rest.split())),
            "num": lambda: self.number(rest),
            "iban": lambda: self.iban(self.random.choice(rest.split())),
            "hex": lambda: self.pattern("x" * int(rest)),
            "b64": lambda: base64.urlsafe_b64encode(self.random.randbytes(int(rest))).decode().rstrip("="),
            "bytes": lambda: self.random.randbytes(int(rest)),
            "vec": lambda: json.dumps([round(self.random.gauss(0, 0.3), 5) for _ in range(int(rest))]),
            "json": lambda: json.dumps(self.payload(rest), ensure_ascii=False),
            "fill": lambda: self.fill(self.random.choice(rest.split("|")).strip()),
        }
        return simple.get(name) or getattr(self, name)

    # words

    def word(self, words: dict[str, str] | str) -> str:
        chosen = words if isinstance(words, str) else words[self.language]
        return self.random.choice(chosen.split()).replace("~", " ")

    def first(self) -> str:
        return self.word(FIRST)

    def last(self) -> str:
        return self.word(LAST)

    def full(self) -> str:
        middle = f" {self.random.choice(string.ascii_uppercase)}." if self.random.random() < 0.15 else ""
        return f"{self.first()}{middle} {self.last()}"

    def reversed(self) -> str:
        return f"{self.last()}, {self.first()}"

    def initials(self) -> str:
        return self.first()[0] + self.last()[0].upper()

    def ascii(self, text: str) -> str:
        folded = "".join(LETTERS.get(letter, letter) for letter in text.lower())
        plain = str.maketrans("àáâäãåçèéêëìíîïñòóôöùúûüýąćęńśźżğ", "aaaaaaceeeeiiiinoooouuuuyacenszzg")
        return "".join(letter for letter in folded.translate(plain) if letter.isascii() and letter.isalnum())

    def login(self) -> str:
        form = self.random.randrange(4)
        first, last = self.ascii(self.first()), self.ascii(self.last())
        return (
            first[0] + last,
            f"{first}.{last}",
            f"{first}{self.random.randint(1, 99)}",
            f"{last[:5]}{first[:2]}",
        )[form]

    def email(self) -> str:
        host = self.random.choice(
            ["gmail.com", "outlook.com", "web.de", "orange.fr", "brightwater.io", "kestrel.co.uk", "wp.pl"]
        )
        return f"{self.login()}@{host}"

    def street(self) -> str:
        number = self.random.randint(1, 240)
        street = self.word(STREET)
        return f"{number} {street}" if self.language in ("en", "fr") else f"{street} {number}"

    def road(self) -> str:
        return self.word(STREET)

    def city(self) -> str:
        return self.word(CITY)

    def zip(self) -> str:
        return self.pattern(ZIP[self.language])

    def address(self) -> str:
        return f"{self.street()}, {self.zip()} {self.city()}"

    def phone(self) -> str:
        return self.pattern(self.random.choice(PHONE[self.language].split("|")).strip())

    def firm(self) -> str:
        return f"{self.word(TRADE)} {self.random.choice(['GmbH', 'Ltd', 'Inc.', 'Logistics', 'Foods', 'Partners', 'SA', 'Group'])}"

    def product(self) -> str:
        return f"{self.word(LOOK)} {self.word(THING)}"

    def about(self) -> str:
        return self.fill(self.random.choice(ABOUT))

    def title(self) -> str:
        return self.random.choice(TITLES.split("|"))

    def note(self) -> str:
        return self.fill(self.random.choice(NOTES[self.language]))

    def agent(self) -> str:
        return self.fill(self.random.choice(AGENTS))

    def slug(self) -> str:
        return f"{self.word(LOOK)}-{self.word(THING)}-{self.random.randint(1, 99)}".lower()

    def fill(self, template: str) -> str:
        return template.format(
            full=self.full(),
            first=self.first(),
            last=self.last(),
            login=self.login(),
            email=self.email(),
            phone=self.phone(),
            street=self.street(),
            city=self.city(),
            zip=self.zip(),
            firm=self.firm(),
            look=self.word(LOOK),
            look2=self.word(LOOK).lower(),
            thing=self.word(THING),
            title=self.title(),
            ip=self.ip(),
            day=self.random.randint(1, 28),
            one=self.random.randint(1, 9),
            two=self.random.randint(10, 99),
            n=self.random.randint(1000, 99999),
            hex=self.pattern("xxxxxxxx"),
        )

    # numbers and codes

    def pattern(self, pattern: str) -> str:
        alphabets = {
            "#": string.digits,
            "A": string.ascii_uppercase,
            "a": string.ascii_lowercase,
            "x": "0123456789abcdef",
            "*": string.ascii_uppercase + string.digits,
        }
        made, literal = "", False
        for letter in pattern:
            if letter == "'":
                literal = not literal
            else:
                made += letter if literal else self.random.choice(alphabets.get(letter, letter))
        return made

    def number(self, rest: str) -> object:
        low, high, places = rest.split()
        value = round(self.random.uniform(float(low), float(high)), int(places))
        return Decimal(f"{value:.{places}f}") if self.objects else value

    def day(self, rest: str) -> object:
        low, high, *form = rest.split()
        days = (date(int(high), 12, 31) - date(int(low), 1, 1)).days
        value = date(int(low), 1, 1) + timedelta(self.random.randint(0, days))
        return value.strftime(form[0]) if form else value if self.objects else value.isoformat()

    def moment(self, rest: str) -> object:
        low, high, *form = rest.split()
        start = datetime(int(low), 1, 1, tzinfo=UTC)
        seconds = int((datetime(int(high), 12, 31, tzinfo=UTC) - start).total_seconds())
        value = start + timedelta(seconds=self.random.randint(0, seconds))
        if form == ["unix"]:
            return int(value.timestamp())
        plain = value.replace(tzinfo=None)
        return plain if self.objects else plain.isoformat(sep=" ")

    def ssn(self) -> str:
        return f"{self.random.randint(101, 664)}-{self.random.randint(10, 99)}-{self.random.randint(1000, 9999)}"

    def card(self) -> str:
        body = self.random.choice(["4", "51", "55", "37"])
        size = 14 if body == "37" else 15
        body += "".join(self.random.choice(string.digits) for _ in range(size - len(body)))
        total = sum(sum(divmod(int(d) * 2, 10)) if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body)))
        return f"{body}{-total % 10}"

    def iban(self, country: str) -> str:
        form = IBANS[country]
        body = self.pattern(form if isinstance(form, str) else "#" * form)
        digits = "".join(str(int(letter, 36)) for letter in f"{body}{country}00")
        return f"{country}{98 - int(digits) % 97:02}{body}"

    def checked(self, weights: list[int], body: str, modulus: int) -> int:
        return sum(weight * int(digit) for weight, digit in zip(weights, body, strict=True)) % modulus

    def pesel(self) -> str:
        body = (
            f"{self.random.randint(40, 99)}{self.random.randint(1, 12):02}{self.random.randint(1, 28):02}"
            + self.pattern("####")
        )
        return f"{body}{-self.checked([1, 3, 7, 9, 1, 3, 7, 9, 1, 3], body, 10) % 10}"

    def nip(self) -> str:
        while True:
            body = self.pattern("#########")
            if (check := self.checked([6, 5, 7, 2, 3, 4, 5, 6, 7], body, 11)) < 10:
                return f"{body}{check}"

    def bsn(self) -> str:
        while True:
            body = "1" + self.pattern("#######")
            if (check := self.checked([9, 8, 7, 6, 5, 4, 3, 2], body, 11)) < 10:
                return f"{body}{check}"

    def dni(self) -> str:
        number = self.random.randint(10_000_000, 79_999_999)
        return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"

    def nir(self) -> str:
        body = f"{self.random.randint(1, 2)}{self.random.randint(30, 99)}{self.random.randint(1, 12):02}{self.random.randint(1, 95):02}"
        body += self.pattern("######")
        return f"{body}{97 - int(body) % 97:02}"

    def steuerid(self) -> str:
        digits = self.random.sample(string.digits, 9)
        body = "".join(["2", *digits[:4], digits[0], *digits[4:8]])
        product = 10
        for digit in body:
            product = ((int(digit) + product) % 10 or 10) * 2 % 11
        return f"{body}{(11 - product) % 10}"

    def svnr(self) -> str:
        """The German social insurance number: area, date of birth, letter, serial."""
        area, day, month, year = (
            self.random.randint(low, high) for low, high in ((10, 89), (1, 28), (1, 12), (45, 99))
        )
        return f"{area}{day:02}{month:02}{year:02}{self.random.choice('BHKMSWZ')}{self.pattern('###')}"

    def imei(self) -> str:
        body = "35" + self.pattern("############")
        total = sum(sum(divmod(int(d) * 2, 10)) if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body)))
        return f"{body}{-total % 10}"

    def isbn(self) -> str:
        body = "978" + self.pattern("#########")
        return f"{body}{-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10}"

    def vin(self) -> str:
        return "WVW" + "".join(self.random.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(14))

    def plate(self) -> str:
        return self.pattern(self.random.choice(["AA-###-A", "#-AAA-##", "A-###-AA"]))

    def ip(self) -> str:
        return ".".join(str(self.random.randint(1, 254)) for _ in range(4))

    def mac(self) -> str:
        return ":".join(self.pattern("xx") for _ in range(6))

    def uuid(self) -> str:
        return self.pattern(f"xxxxxxxx-xxxx-4xxx-'{self.random.choice('89ab')}'xxx-xxxxxxxxxxxx")

    def bcrypt(self) -> str:
        letters = string.ascii_letters + string.digits + "./"
        return "$2b$12$" + "".join(self.random.choice(letters) for _ in range(53))

    def phpass(self) -> str:
        return "$P$B" + "".join(self.random.choice(string.ascii_letters + string.digits) for _ in range(30))

    def jwt(self) -> str:
        return ".".join(["eyJhbGciOiJIUzI1NiJ9", self._b64(60), self._b64(32)])

    def _b64(self, size: int) -> str:
        return base64.urlsafe_b64encode(self.random.randbytes(size)).decode().rstrip("=")

    def lat(self) -> object:
        return self.number("36.0 54.0 6")

    def lon(self) -> object:
        return self.number("-9.0 20.0 6")

    def payload(self, kind: str) -> object:
        makers: dict[str, Callable[[], object]] = {
            "person": lambda: {
                "name": self.full(),
                "contact": {"email": self.email(), "phone": self.phone()},
                "plan": self.random.choice(["free", "pro"]),
            },
            "change": lambda: {
                "field": self.random.choice(["email", "name", "status"]),
                "old": self.random.choice([self.email(), self.full(), "active"]),
                "new": self.random.choice([self.email(), self.full(), "closed"]),
            },
            "settings": lambda: {
                "theme": self.random.choice(["dark", "light"]),
                "page_size": self.random.choice([10, 25, 50]),
            },
            "metrics": lambda: {
                "t": round(self.random.uniform(10, 40), 1),
                "h": self.random.randint(20, 90),
                "ok": True,
            },
            "address": lambda: {"line1": self.street(), "city": self.city(), "zip": self.zip()},
            "tags": lambda: self.random.sample(["new", "sale", "vip", "eco", "gift", "bulk"], 2),
        }
        return makers[kind]()


def blind_tables(name: str = "blind") -> Iterator[BlindTable]:
    """The tables of a file, in its order."""
    schema, index, language, objects = "", -1, "en", False
    table: BlindTable | None = None
    maker: Maker | None = None
    for line in (COLUMNS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("schema "):
            _, schema, language, *flags = line.split()
            index, objects = index + 1, "objects" in flags
        elif line.startswith("table "):
            if table is not None:
                yield table
            table = BlindTable(schema, index, line.removeprefix("table ").strip())
            maker = Maker(f"{schema}.{table.name}", language, objects)
        elif table is not None and maker is not None:
            name, declared, right, recipe = line.split(maxsplit=3)
            values = [_typed(declared, value) for value in maker.column(" ".join(recipe.split()))]
            declared = "" if declared == "-" else declared.replace("~", " ")
            table.columns.append(BlindColumn(name.replace("~", " "), declared, frozenset(right.split(",")), values))
    if table is not None:
        yield table


def _typed(declared: str, value: object) -> object:
    """Texts of digits are numbers in a column of numbers, and numbers are texts in a column of texts."""
    if isinstance(value, str) and value.replace(".", "", 1).isdigit() and declared.lower().startswith(NUMERIC):
        return float(value) if "." in value else int(value)
    return str(value) if isinstance(value, int | float) and declared.lower().startswith(TEXTUAL) else value
