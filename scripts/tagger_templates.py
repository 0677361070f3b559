"""Labelled texts for the tagger, made of our own sentences (`tagger_sentences.txt`) and lists of words.

A slot such as ``{P}`` becomes a value with or without a label; what it becomes is drawn from a seeded generator, so the
same call gives the same texts.
"""

# ruff: noqa: E501 - lists of words

from __future__ import annotations

import random
import re
from pathlib import Path

import tagger_lexicon as lexicon
from tagger_words import IDENTIFIERS, SYLLABLES, TECH

Example = tuple[str, list[tuple[int, int, str]]]

_SLOT = re.compile(r"\{([A-Z]+2?)\}")
_SHARES = {
    "mail": 20,
    "support": 24,
    "clinical": 13,
    "news": 10,
    "address": 13,
    "log": 10,
    "plain": 26,
    "code": 12,
    "abroad": 34,
    "english": 18,
    "babble": 10,
}

_ROLES = "Account Manager|Head of Sales|Chief Executive|Director|Consultant|Engineer|Team Lead|Minister|Chairman|Spokeswoman|Office Manager".split(
    "|"
)
_DEPARTMENTS = "Cardiology|Oncology|Internal Medicine|Emergency Department|Radiology|Family Medicine|Neurology".split(
    "|"
)
_THINGS = "Router|Samsung TV|iPhone 13|Washing Machine|Kindle|Coffee Maker|Galaxy Watch|Dell laptop|Wi-Fi|Fire Stick|PlayStation|Smart Plug|headphones|Outlook|Google Drive|Excel|Slack app|VPN Client|Printer|Windows Update".split(
    "|"
)
_DISEASES = "Parkinson's disease|Crohn's disease|Alzheimer's disease|Hodgkin lymphoma|Diabetes Mellitus|Graves' disease|Hashimoto thyroiditis|Down syndrome|Raynaud phenomenon|Lyme disease|Bell's palsy|Type 2 Diabetes|Cushing syndrome|COPD|Barrett's esophagus|hypertension|Asthma|Atrial Fibrillation".split(
    "|"
)
_MEDICINES = "Metformin|Lisinopril|Aspirin|Ibuprofen|Atorvastatin|Amoxicillin|Prednisone|Lantus|Ramipril|Metoprolol|Tylenol|Xarelto|Eliquis|Ventolin|Omeprazole|Sertraline|Warfarin".split(
    "|"
)
_LANGUAGES = "English|Spanish|German|French|Turkish|Dutch|Polish|Arabic|Italian|Hindi|Portuguese|Greek|Russian".split(
    "|"
)
_MONTHS = "January February March April May June July August September October November December Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Wed Thu Fri Sat Sun".split()
_TITLES = "Mr. Mrs. Ms. Miss Dr. Mr Mrs Ms Dr Prof. Sir Madam Herr Frau Señor Señora Monsieur Madame Signora Hr. Fr. Frau Sr. Sra. Dra. Dott. Sig. Mw. Dhr. Mevrouw Pan Pani Mme M. Mdm Sayın".split()
_ORG_HEADS = "Global Nord Blue Apex Summit Delta United First Union Pacific Atlas Vertex North Green Alpha Royal Quantum Metro Omni Nova Terra Prime Central Eagle Lion Silver".split()
_ORG_KINDS = "Inc|Ltd|LLC|GmbH|Group|Bank|Partners|Systems|Logistics|Holdings|Airlines|Energy|Foods|Labs|Media|University|College|Hospital|Clinic|Institute|Police|Council|FC|United|Records|Hotel|Motors|Insurance|& Sons|Corp.|S.A.|AG|Pharma|News|Times|Ministry|Foundation".split(
    "|"
)
_ORG_KNOWN = "Google|Microsoft|Amazon|Apple|Facebook|Twitter|YouTube|Netflix|Walmart|Toyota|BBC|CNN|NASA|FBI|UN|NATO|FIFA|Real Madrid|Lakers|Congress|Reuters|Sony|Nike|Disney|PayPal|Vodafone|Siemens|UNICEF|Red Cross|Tesco".split(
    "|"
)

_EN_BASES = "Oak Maple Cedar Pine Elm Washington Lake Hill Walnut Spring North Main Church Park Mill River Sunset Railroad Jackson Lincoln Highland Forest Station Victoria Green King Queen Albert Meadow Garden Bridge Prospect Center Franklin Chestnut Willow Dogwood Hickory Birch Cherry Ridge Valley College Market Water Front Grove".split()
_EN_KINDS = "Street St St. Road Rd Rd. Avenue Ave Ave. Lane Ln Drive Dr Dr. Boulevard Blvd Court Ct Place Pl Way Terrace Close Crescent Square Parkway Circle Trail Highway Row Gardens".split()
_DE_BASES = "Haupt Bahnhof Schiller Goethe Garten Linden Berg Kirch Schul Birken Mozart Wald Rosen Mühlen Dorf Markt Kaiser Ring Wiesen Feld Burg Schloss".split()
_DE_KINDS = ("straße", "strasse", "str.", "weg", "gasse", "platz", "allee", "ring", "damm", "straße")
_FR_STREETS = "rue de la République|rue Victor Hugo|avenue Jean Jaurès|boulevard Voltaire|rue des Lilas|place de l'Église|chemin du Moulin|impasse des Roses|allée des Cerisiers|rue de la Gare|quai de la Loire|route de {c}|rue {L}|avenue du Général {L}|rue Saint-{F}".split(
    "|"
)
_ES_STREETS = "Calle Mayor|Calle de Alcalá|Avenida de la Constitución|Plaza de España|Paseo del Prado|Carrer de {c}|Calle {L}|Av. {L}|Camino Real|Ronda de {c}|C/ {L}|Avenida {F} {L}".split(
    "|"
)
_IT_STREETS = "Via Roma|Via Garibaldi|Corso Vittorio Emanuele|Piazza {F} {L}|Via {F} {L}|Viale dei Mille|Vicolo {L}|Largo {L}|Via San {F}|Strada {L}|Via {L}".split(
    "|"
)
_NL_STREETS = "Dorpsstraat|Kerkstraat|Molenweg|Prinsengracht|Schoolstraat|{L}straat|{L}laan|Stationsweg|Beatrixlaan|Nieuwe {c}weg|{L}plein|Burgemeester {L}straat".split(
    "|"
)
_NORDIC_STREETS = "Storgatan|Kungsgatan|{L}gatan|{F}s väg|Strandvejen|{L}vej|Nørregade|{L}gade|Kirkeveien|Storgata|{L} gate|Mannerheimintie|{L}katu|Koivutie|Laugavegur|Björkvägen|Skolegata".split(
    "|"
)
_SLAVIC_STREETS = "ul. {L}|ulica {L}|ul. Długa|al. Jana Pawła II|Na Příkopě|{L}ova|Hlavní|Náměstí {L}|Trg {L}|{L}ska ulica|ul. Lenina|Nevsky Prospekt|ulitsa {L}|Dunajska cesta|Ilica|utca {L}|{L} utca|{L} út|Strada {L}|Bulevardul {L}".split(
    "|"
)
_PT_STREETS = "Rua Augusta|Rua {F} {L}|Avenida {L}|Travessa do {L}|Praça {L}|Rua das Flores|Alameda {L}|Av. {F} {L}|Estrada de {c}|Rua {L}".split(
    "|"
)
_INDIAN_AREAS = "MG Road|Gandhi Nagar|Sector {n}|Park Street|Nehru Road|{L} Nagar|{L} Colony|Lajpat Nagar|Station Road|{L} Layout|{L} Marg|Ring Road|{L} Bazaar|Jalan {L}|Jl. {L}|Lorong {L}|{L} Street|Orchard Road|Ayala Avenue".split(
    "|"
)
_OTHER_STREETS = "{L} Caddesi|{L} Sokak|Atatürk Bulvarı|Οδός Ερμού|Λεωφόρος Κηφισίας|улица Пушкина|ул. Гагарина|{L} Street|King {F} Road|Rue {L}|Al {L} Street|{L} Ave|Sheikh {L} Road|{L}-dori|{L} Road".split(
    "|"
)
_US_STATES = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC".split()
_UNITS = (
    "Apt. {n}",
    "Apt {n}",
    "Suite {n}",
    "Unit {n}",
    "# {n}",
    "Flat {n}",
    "Apartment {n}B",
    "Floor {n}",
    "Apt {n}C",
    "Ste {n}",
    "Building {n}",
)
_CA_PROVINCES = "ON QC BC AB MB SK NS NB NL PE".split()
_AU_STATES = "NSW VIC QLD WA SA TAS ACT NT".split()


# Whole addresses as countries write them; {z} is a digit, {b} one of A to D.
_ADDRESSES = (
    "Blk {n} {L} Ave {z} #0{z}-{z}{z}{z} S({z}{z}{z}{z}{z}{z})",
    "Blk {n} {L} Street {z}{z} #1{z}-{z}{z}, Singapore {z}{z}{z}{z}{z}{z}",
    "No. {n}, {z}rd Cross, {L} Nagar, {c} - {z}{z}{z}{z}{z}{z}",
    "{b}-{n}, First Floor, {L} Colony, {c} {z}{z}{z} {z}{z}{z}",
    "Flat {z}{b}, {L} Road (North), {c} {z}{z}{z} {z}{z}{z}",
    "{n}/{z} {L} Terrace, {c} {z}{z}{z}{z}{z}{z}",
    "Rua {F} {L}, {n}, {z}.º Esq., {z}{z}{z}{z}-{z}{z}{z} {c}",
    "Av. {L}, {n}, ap. {z}{z}, {c}/SP, CEP {z}{z}{z}{z}{z}-{z}{z}{z}",
    "Quadra {z}, Conjunto {b}, Casa {z}, {L}, {c} - GO, {z}{z}{z}{z}{z}-{z}{z}{z}",
    "travessa {L} {n} fundos, {c}",
    "Calle {L} {n} int. {z}, Col. {L}, {z}{z}{z}{z}{z} {c}",
    "C/ {F} {L}, {n}, {z}.º {b}, {z}{z}{z}{z}{z} {c}",
    "Avda. de {c} {n}, {z}.º dcha., {z}{z}{z}{z}{z} {c}",
    "Ctra. de {c} km {n}",
    "Plaza {L}, n.º {z}, {z}{z}{z}{z}{z} {c}",
    "Cra. {z}{z} # {z}{z}-{z}{z}, barrio {L}, {c}",
    "résidence {L}, bât. {b}, {n} avenue {F}-{L}, {z}{z}{z}{z}{z} {c}",
    "{n} bis, impasse des {L}, {z}{z}{z}{z}{z} {c}",
    "lieu-dit Le {L}, route de {c}, {z}{z}{z}{z}{z} {c}",
    "via {F} {L} {n}/{b}, {z}{z}{z}{z}{z} {c}",
    "Piazza {L}, {n} - {z}{z}{z}{z}{z} {c}",
    "ul. {L}a {n} m. {z}, {z}{z}-{z}{z}{z} {c}",
    "Osiedle {L} {n}/{z}, {z}{z}-{z}{z}{z} {c}",
    "{L}straße {n}, Hinterhaus, {z}{z}{z}{z}{z} {c}",
    "{z}{z}{z}{z} {c}, {L}gasse {n}/{z}/{z}",
    "CH-{z}{z}{z}{z} {c}, {L}strasse {n}",
    "Am {L}park {n}{b}, {z}{z}{z}{z}{z} {c}",
    "{L} Cad. {L} Sok. No: {n}/{z}, {c}",
    "{L} Mah. {n} Sk. {z}/{z} {c}",
    "{L}gatan {n} lgh 1{z}0{z}, {z}{z}{z} {z}{z} {c}",
    "{L}kade {n}-{z}, {z}{z}{z}{z} AB {c}",
    "{L} Cottage, {L} Lane, {c} TR{z} {z}HQ",
    "The Old {L}, Church Lane, {L}ham, {c} SO{z} {z}EY",
    "Croft {z}, {L}, {c} IV{z} {z}BX",
    "Unit {z}/{n} {L} Crescent, {c} QLD {z}{z}{z}{z}",
    "RD {z}, {n} {L} Road, {c} {z}{z}{z}{z}",
    "P.O. Box {n}-00{z}00, {c}",
    "{n} {L} Street, {c}, {z}{z}{z}{z}",
    "{n} {L} Road, {c} {z}",
    "No. {n}, Jalan {L} {z}/{z}, Taman {L}, {z}{z}{z}{z}{z} {c}",
    "{z}/F, {L} Building, {n} {L} Road, {c}",
)
_EAST_LAST = "Tan Lim Ng Wong Chan Chen Lee Lin Wang Zhang Liu Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Leung Cheung Lau Ho Kim Park Choi Jung Kang Cho Yoon Jang Shin Nguyen Tran Pham Le Vu Dang Sato Suzuki Tanaka Watanabe Ito Kobayashi".split()
_EAST_GIVEN = "Wei Jie Ming Hui Xin Yi Jun Hao Ling Mei Fang Kai Bo Chen Ah Kow Beng Siew Ka Yan Wing Sze Man Ho Chi Kit Seo Yeon Min Ji Woo Hyun Joon Soo Thi Van Minh Anh Linh Duc Thanh Xiao Yu Qi Feng Lan Hua".split()


class _Maker:
    """Draws texts. ``text`` and ``spans`` grow as slots are filled."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.cultures = lexicon.cultures()
        self.census_first, self.census_last = lexicon.census()
        self.cities, self.countries = lexicon.places()
        self.ordinary = [words for words in lexicon.ordinary_words().values() if len(words) > 400]
        self.big = [name for name, population in self.cities if population > 400_000]
        self.small = [name for name, _ in self.cities]

    def pick(self, values: list[str] | tuple[str, ...]) -> str:
        return values[int(self.random.random() * len(values))]

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # names

    def person_parts(self) -> tuple[str, str]:
        """A first and a last name of one culture; now and then a name nobody has."""
        if self.chance(0.4):
            common = self.chance(0.6)
            first = self.census_first[int(self.random.random() * (900 if common else len(self.census_first)))]
            last = self.census_last[int(self.random.random() * (3000 if common else 60000))]
        else:
            firsts, lasts = self.cultures[int(self.random.random() * len(self.cultures))]
            first, last = self.pick(firsts), self.pick(lasts)
        if self.chance(0.12):
            first = self._invented(first)
        if self.chance(0.18):
            last = self._invented(last)
        return first, last

    def _invented(self, name: str) -> str:
        """The head of one name and the tail of another."""
        firsts, lasts = self.cultures[int(self.random.random() * len(self.cultures))]
        other = self.pick(lasts if self.chance(0.6) else firsts)
        head, tail = name[: max(2, len(name) // 2)], other[len(other) // 2 :]
        if max(head + tail) > "\u024f":
            return name
        return (head + tail.lower()).split(" ")[0]

    def first(self) -> str:
        return self.person_parts()[0]

    def last(self) -> str:
        _, last = self.person_parts()
        if self.chance(0.04):
            last = f"{last}-{self.person_parts()[1]}"
        elif self.chance(0.04):
            last = f"{self.pick(('von', 'van', 'de', 'van der', 'de la', 'El', 'Al', 'Le', 'Lo', 'Della', 'von der', 'Ben', 'bin', 'dos'))} {last}"
        return last

    def person(self) -> str:
        if self.chance(0.06):
            return self._eastern()
        first, last = self.person_parts()
        draw = self.random.random()
        if draw < 0.54:
            return f"{first} {last}"
        if draw < 0.565:
            return self.pick((f"{last.upper()} {first}", f"{first} {last.upper()}", f"{last.upper()}, {first}"))
        if draw < 0.585:
            initials = self.pick("ABCDEFGHJKLMNPRSTW"), self.pick("ABCDEFGHJKLMNPRSTW")
            return f"{initials[0]}.{self.pick(('', ' '))}{initials[1]}. {last}"
        if draw < 0.6:
            return f"{first} {last} {self.pick(('y', 'e', 'de', 'de la', 'und', 'Ní', 'Mac'))} {self.person_parts()[1]}"
        if draw < 0.68:
            return f"{first} {self.pick('ABCDEFGHJKLMNPRSTW')}. {last}"
        if draw < 0.71:
            return f"{first[0]}. {last}"
        if draw < 0.74:
            return f"{first} {self.first()} {last}"
        if draw < 0.77:
            return f"{first} {last}-{self.person_parts()[1]}"
        if draw < 0.79:
            return f"{first} {self.pick(('van', 'de', 'von', 'da', 'del', 'bin', 'al', 'van der', 'de la', 'Mc', 'O’'))} {last}"
        if draw < 0.81:
            return f"{first} {last} {self.pick(('Jr.', 'Sr.', 'III', 'Jr'))}"
        if draw < 0.93:
            return first
        return f"{first} {last}"

    def _eastern(self) -> str:
        """A name of East Asia in Latin letters, its family's name first more often than not."""
        last, given = self.pick(_EAST_LAST), self.pick(_EAST_GIVEN)
        if self.chance(0.75):
            second = self.pick(_EAST_GIVEN)
            given += self.pick((f" {second}", f"-{second.lower()}", second.lower(), f"-{second}"))
        return f"{last} {given}" if self.chance(0.65) else f"{given} {last}"

    # places

    def city(self) -> str:
        return self.pick(self.big if self.chance(0.45) else self.small)

    def country(self) -> str:
        return self.pick(self.countries)

    def number(self) -> str:
        draw = self.random.random()
        if draw < 0.8:
            return str(self.random.randint(1, 320))
        if draw < 0.92:
            return str(self.random.randint(1000, 29999))
        return f"{self.random.randint(1, 90)}{self.pick('abcdAB')}"

    def digits(self, count: int) -> str:
        return "".join(self.pick("0123456789") for _ in range(count))

    def hex(self, count: int) -> str:
        return "".join(self.pick("0123456789abcdef") for _ in range(count))

    def identifier(self) -> str:
        """A word of code: known, joined, or any syllables."""
        draw = self.random.random()
        if draw < 0.55:
            return self.pick(IDENTIFIERS)
        if draw < 0.75:
            return f"{self.pick(IDENTIFIERS)}_{self.pick(IDENTIFIERS)}"
        if draw < 0.85:
            return self.pick(IDENTIFIERS) + self.pick(IDENTIFIERS).title()
        if draw < 0.93:
            return "".join(self.pick("abcdefghijklmnoprstuvwxyz") for _ in range(self.random.randint(1, 3)))
        return "".join(self.pick(SYLLABLES) for _ in range(self.random.randint(2, 3)))

    def _fill(self, pattern: str) -> str:
        while "{L}" in pattern:
            pattern = pattern.replace("{L}", self.person_parts()[1], 1)
        while "{F}" in pattern:
            pattern = pattern.replace("{F}", self.first(), 1)
        while "{c}" in pattern:
            pattern = pattern.replace("{c}", self.city(), 1)
        return pattern.replace("{n}", str(self.random.randint(1, 999)))

    def street_name(self) -> str:
        draw = self.random.random()
        if draw < 0.5:
            base = self.pick(_EN_BASES) if self.chance(0.5) else self.person_parts()[1]
            if self.chance(0.1):
                base = f"{self.pick(('N', 'S', 'E', 'W', 'North', 'Old', 'West'))} {base}"
            elif self.chance(0.08):
                base = f"{self.random.randint(1, 120)}{self.pick(('st', 'nd', 'rd', 'th'))}"
            return f"{base} {self.pick(_EN_KINDS)}"
        return self._fill(self.pick(self._foreign()))

    def _foreign(self) -> list[str]:
        return self.pick_list(
            [f"{b}{k}" for b in _DE_BASES for k in _DE_KINDS[:3]],
            _FR_STREETS,
            _ES_STREETS,
            _IT_STREETS,
            _NL_STREETS,
            _NORDIC_STREETS,
            _SLAVIC_STREETS,
            _PT_STREETS,
            _INDIAN_AREAS,
            _OTHER_STREETS,
        )

    def pick_list(self, *lists: list[str]) -> list[str]:
        return lists[int(self.random.random() * len(lists))]

    def street(self) -> str:
        """A street with its number, as some country writes it."""
        name = self.street_name()
        if name.split()[-1] in _EN_KINDS:
            return f"{self.number()} {name}" if self.chance(0.95) else f"{name} {self.number()}"
        if self.chance(0.6):
            return f"{name}{self.pick((' ', ' ', ' ', ', '))}{self.number()}"
        return f"{self.number()}{self.pick((' ', ' ', ', '))}{name}"

    def zip_code(self) -> str:
        draw = self.random.random()
        if draw < 0.5:
            return self.digits(5)
        if draw < 0.58:
            return f"{self.digits(5)}-{self.digits(4)}"
        if draw < 0.66:
            return self.digits(4)
        if draw < 0.78:
            area = self.pick(("SW", "N", "EC", "LS", "M", "B", "CF", "EH", "G", "SE"))
            return (
                f"{area}{self.random.randint(1, 20)} {self.digits(1)}{self.pick('ABDEHJL')}{self.pick('ABDEHJLNPRS')}"
            )
        if draw < 0.84:
            return f"{self.pick('KLMTVH')}{self.digits(1)}{self.pick('ABCEGHJ')} {self.digits(1)}{self.pick('ABCEGH')}{self.digits(1)}"
        return self.pick(
            (
                f"{self.digits(3)} {self.digits(2)}",
                f"{self.digits(4)} {self.pick('ABCDEK')}{self.pick('ABCDEK')}",
                f"{self.digits(2)}-{self.digits(3)}",
                f"{self.digits(5)}-{self.digits(3)}",
                self.digits(6),
            )
        )

    def address(self, lines: bool) -> str:
        """A postal address on one line or on several."""
        if self.chance(0.22):
            return self._abroad(lines)
        parts = [self.street()]
        unit = self._fill(self.pick(_UNITS)) if self.chance(0.25) else ""
        city, zip_code = self.city(), self.zip_code()
        draw = self.random.random()
        if draw < 0.45:
            state = self.pick(_US_STATES if self.chance(0.8) else _CA_PROVINCES + _AU_STATES)
            if self.chance(0.12):
                state = self.country()
            parts += [f"{city}, {state} {zip_code}" if self.chance(0.85) else f"{city} {state}, {zip_code}"]
            if self.chance(0.15):
                parts += [self.pick(("USA", "United States", "Canada", "Australia"))]
        elif draw < 0.75:
            parts += [f"{zip_code} {city}"]
        else:
            parts += [city, zip_code] if self.chance(0.6) else [city]
        if draw > 0.45 and self.chance(0.35):
            parts += [f"{self.country()} {zip_code}" if self.chance(0.15) else self.country()]
        if self.chance(0.04):
            parts[0] = self.pick(("P.O. Box ", "PO Box ", "Postfach ", "Box ")) + str(self.random.randint(10, 9999))
        if unit:
            if lines and self.chance(0.5):
                parts.insert(1, unit)
            else:
                parts[0] += self.pick((" ", ", ")) + unit
        if not lines:
            return self.pick((", ", ", ", ", ", " ")).join(parts)
        separator = self.pick(("\n", "\n", "\n", "\n ", ",\n", "\n    ", "\n, ", "\r\n", "\n\t"))
        return separator.join(parts)

    def _abroad(self, lines: bool) -> str:
        whole = self._fill(self.pick(_ADDRESSES)).replace("{b}", self.pick("ABCD"))
        while "{z}" in whole:
            whole = whole.replace("{z}", self.pick("0123456789"), 1)
        return whole.replace(", ", "\n") if lines else whole

    # the rest

    def organisation(self) -> str:
        draw = self.random.random()
        if draw < 0.25:
            return self.pick(_ORG_KNOWN)
        if draw < 0.55:
            return f"{self.person_parts()[1]} {self.pick(_ORG_KINDS)}"
        if draw < 0.7:
            return f"{self.person_parts()[1]}, {self.person_parts()[1]} and {self.person_parts()[1]}"
        if draw < 0.85:
            return f"{self.pick(_ORG_HEADS)} {self.pick(_ORG_KINDS)}"
        if draw < 0.93:
            return f"{self.pick(('University of', 'Bank of', 'City of', 'Hotel'))} {self.city()}"
        return f"{self.city()} {self.pick(_ORG_KINDS)}"

    def date(self) -> str:
        day, month, year = self.random.randint(1, 28), self.random.randint(1, 12), self.random.randint(1940, 2026)
        return self.pick(
            (
                f"{year}-{month:02}-{day:02}",
                f"{day}.{month}.{year}",
                f"{month}/{day}/{year}",
                f"{self.pick(_MONTHS)} {day}, {year}",
                f"{day} {self.pick(_MONTHS)} {year}",
            )
        )

    def babble(self) -> Example:
        """Ordinary words of one language in any order, as a text writes them; now and then somebody's name.

        What stands alone in a line, opens a line or precedes a colon is a word here more often than a name.
        """
        words = self.pick_list(*self.ordinary)
        titled = self.chance(0.15)
        parts: list[str] = []
        spans: list[tuple[int, int, str]] = []
        length, opens = 0, True
        for _ in range(self.random.randint(4, 24)):
            word, label = self.pick(words), None
            if self.chance(0.04):
                word, label = self.value(self.pick("PFCL"))
            elif self.chance(0.05):
                word = self.pick(
                    (self.date(), str(self.random.randint(1, 400)), f"{self.random.randint(1, 90)},{self.digits(2)}")
                )
            elif opens or titled:
                word = word[0].upper() + word[1:]
            if label:
                spans.append((length, length + len(word), label))
            opens = self.chance(0.25 if opens else 0.12)
            mark = (
                self.pick((". ", ".\n", ": ", ": ", " : ", ".\n\n", "! ", "\n", "\n\n", ", "))
                if opens
                else ", "
                if self.chance(0.1)
                else " "
            )
            parts += (word, mark)
            length += len(word) + len(mark)
        return "".join(parts).rstrip(), spans

    def value(self, slot: str) -> tuple[str, str | None]:
        """What a slot becomes and its label."""
        match slot:
            case "P":
                return self.person(), "PERSON"
            case "F":
                return self.first(), "PERSON"
            case "L":
                return self.last(), "PERSON"
            case "PL":
                first, last = self.person_parts()
                return f"{last}, {first}", "PERSON"
            case "C":
                return self.city(), "LOCATION"
            case "K":
                return self.country(), "LOCATION"
            case "S":
                return self.street(), "LOCATION"
            case "S2":
                return self.street_name(), "LOCATION"
            case "Z":
                return self.zip_code(), "LOCATION"
            case "A":
                return self.address(lines=self.chance(0.12)), "LOCATION"
            case "AB":
                return self.address(lines=True), "LOCATION"
            case "Y":  # a name that something else bears: a disease, a lamp, a meeting room
                return self.pick((self.first(), self.last(), self.last(), self.city())), None
            case "O":
                return self.organisation(), "ORG"
            case "T":
                return self.pick(_TITLES), None
            case "N":
                return self.digits(self.random.randint(4, 9)), None
            case "NUM":
                return str(self.random.randint(2, 90)), None
            case "YEAR":
                return str(self.random.randint(1950, 2026)), None
            case "DATE":
                return self.date(), None
            case "TIME":
                return f"{self.random.randint(0, 23):02}:{self.random.randint(0, 59):02}", None
            case "HEX":
                return self.hex(self.random.choice((7, 12, 16, 20, 32, 40))), None
            case "UUID":
                return "-".join(self.hex(n) for n in (8, 4, 4, 4, 12)), None
            case "VER":
                return ".".join(str(self.random.randint(0, 40)) for _ in range(self.random.choice((2, 3, 4)))), None
            case "ID":
                return self.identifier(), None
            case "CLS":
                parts = [self.pick(IDENTIFIERS).title() for _ in range(self.random.choice((1, 2, 2)))]
                return "".join(parts), None
            case "IP":
                return ".".join(str(self.random.randint(1, 254)) for _ in range(4)), None
            case "E":
                first, last = self.person_parts()
                return (
                    f"{lexicon.fold(first)}.{lexicon.fold(last)}@{self.pick(('example.org', 'mail.test', 'acme.com'))}".replace(
                        " ", ""
                    ),
                    None,
                )
            case "U":
                first, last = self.person_parts()
                return self.pick(
                    (
                        f"{lexicon.fold(first)}{self.digits(2)}",
                        f"{first}_{last}",
                        f"{lexicon.fold(last)}x",
                        f"{first}{last}",
                    )
                ).replace(" ", ""), None
            case "X":
                return self.pick(
                    (
                        f"+44 20 {self.digits(4)} {self.digits(4)}",
                        f"({self.digits(3)}) 555-{self.digits(4)}",
                        f"0{self.digits(3)} {self.digits(6)}",
                    )
                ), None
            case _:
                return self.pick(_PLAIN_SLOTS[slot]), None

    def text(self, sentence: str) -> Example:
        parts: list[str] = []
        spans: list[tuple[int, int, str]] = []
        length = at = 0
        lowered = self.chance(0.07)  # only the values in lower case
        for slot in _SLOT.finditer(sentence):
            before = sentence[at : slot.start()]
            value, label = self.value(slot[1])
            if lowered and label:
                value = value.lower()
            parts += (before, value)
            length += len(before)
            if label:
                spans.append((length, length + len(value), label))
            length += len(value)
            at = slot.end()
        parts.append(sentence[at:])
        return self._cased("".join(parts)), spans

    def _cased(self, text: str) -> str:
        draw = self.random.random()
        if draw < 0.1:
            changed = text.lower()
        elif draw < 0.14:
            changed = text.upper()
        else:
            return text
        return changed if len(changed) == len(text) else text


_PLAIN_SLOTS = {
    "ROLE": _ROLES,
    "DEPT": _DEPARTMENTS,
    "THING": _THINGS,
    "TECH": TECH,
    "DIS": _DISEASES,
    "MED": _MEDICINES,
    "LANG": _LANGUAGES,
    "MONTH": _MONTHS,
    "DAY": _DAYS,
}


def _sentences() -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    current: list[str] = []
    for line in Path(__file__).with_name("tagger_sentences.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1] in _SHARES:
            current = kinds.setdefault(line[1:-1], [])
        elif line and not line.startswith("# "):
            current.append(line.replace("\\n", "\n"))
    return kinds


def words_abroad() -> list[str]:
    """The lower-case words of our sentences in other languages than English."""
    text = _SLOT.sub(" ", "\n".join(_sentences()["abroad"]))
    return sorted({w for w in re.findall(r"[^\W\d_]+", text) if w.islower()})


def make(count: int, seed: int) -> list[tuple[Example, bool]]:
    """That many labelled texts, one to three sentences of a kind each, and whether each is of another language.

    Of those the trainer shows half without its lists of ordinary words: no list is complete.
    """
    maker = _Maker(seed)
    kinds = _sentences()
    deck = [kind for kind, share in _SHARES.items() for _ in range(share)]
    made: list[tuple[Example, bool]] = []
    for _ in range(count):
        kind = maker.pick(deck)
        if kind == "babble":
            made.append((maker.babble(), True))
            continue
        text, spans = maker.text(maker.pick(kinds[kind]))
        while kind in ("support", "plain", "clinical", "news", "abroad", "english") and maker.chance(0.3):
            more, others = maker.text(maker.pick(kinds[kind]))
            base = len(text) + 1
            text = f"{text}{maker.pick((' ', chr(10)))}{more}"
            spans += [(base + s, base + e, label) for s, e, label in others]
        made.append(((text, spans), kind == "abroad"))
    return made
