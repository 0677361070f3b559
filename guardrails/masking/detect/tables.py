"""Rows of text under a line of names: CSV, TSV and their like. A column's name says what its cells are.

What has a form of its own is found without this. Here are the values that only a name gives away, and for a cell it
stands lines above: a date that is a birth, a telephone number without separators, a postal code, a person's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..classes import EntityType
from .scan import Anchor, Scan

_DELIMITERS: Final = ",;\t|"
_MOST_LINE: Final = 4000  # longer lines are no table a person would read
_SCORE: Final = 0.8

# Whole cells, by type of their column.
_CELLS: Final[dict[str, re.Pattern[str]]] = {
    EntityType.DATE_OF_BIRTH: re.compile(r"(?=(?:\D*\d){3})[\w./ -]{6,24}"),
    EntityType.PHONE: re.compile(r"\+?[\d ()./-]{6,24}"),
    EntityType.LOCATION: re.compile(r"(?=.*\w)[^\n]{2,80}"),
    EntityType.PERSON: re.compile(r"(?=.*[^\W\d_]{2})[^\n\d@=<>{}]{2,60}"),
    EntityType.NATIONAL_ID: re.compile(r"(?=(?:\w*\d){5})[A-Za-z0-9][A-Za-z0-9 ./-]{6,20}"),
    EntityType.US_SSN: re.compile(r"\d{3}[ -]?\d{2}[ -]?\d{4}"),
    EntityType.MEDICAL_RECORD: re.compile(r"(?=(?:\w*\d){4})[A-Za-z0-9][A-Za-z0-9/-]{4,16}"),
    EntityType.PASSPORT: re.compile(r"(?=(?:\w*\d){4})[A-Z0-9]{6,12}"),
}
_NAMES: Final[dict[str, str]] = {
    EntityType.DATE_OF_BIRTH: (
        "dob birthdate birth_date birthday date_of_birth geburtsdatum geb_datum date_naissance date_de_naissance "
        "fecha_nacimiento fecha_de_nacimiento data_nascita data_di_nascita data_nascimento data_de_nascimento "
        "nascimento geboortedatum data_urodzenia fodelsedatum dogum_tarihi"
    ),
    EntityType.PHONE: (
        "phone phone_number telephone tel mobile mobile_phone cell fax telefon telefonnummer handy mobil "
        "telephone_number portable telefono movil celular cellulare telefone telemovel telefoon mobiel komorka "
        "msisdn"
    ),
    EntityType.LOCATION: (
        "address street street_address line1 city town zip zip_code zipcode postcode postal_code strasse adresse "
        "anschrift plz ort wohnort adresse_postale rue ville cp code_postal direccion calle municipio ciudad "
        "codigo_postal indirizzo via cap citta comune endereco rua cidade bairro cep morada codigo_postal adres "
        "straat woonplaats plaats ulica miasto kod_pocztowy adress gata postnummer postort adres sehir"
    ),
    EntityType.PERSON: (
        "first first_name firstname given_name forename last last_name lastname surname family_name full_name "
        "fullname middle_name vorname nachname familienname prenom nom_de_famille apellido apellidos cognome "
        "sobrenome achternaam voornaam imie nazwisko fornamn efternamn soyad patient_name customer_name "
        "contact_name"
    ),
    EntityType.NATIONAL_ID: (
        "nhs_number nhs nino national_id dni nif nie cpf codice_fiscale pesel bsn personnummer nir numero_secu "
        "steuer_id aadhaar pan tax_id"
    ),
    EntityType.US_SSN: "ssn social_security_number",
    EntityType.MEDICAL_RECORD: "mrn patient_id medical_record_number",
    EntityType.PASSPORT: "passport passport_number passport_no",
}
_TYPE_OF: Final = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_PLAIN: Final = str.maketrans("àáâäãåçèéêëìíîïñòóôöõùúûüßğşı ", "aaaaaaceeeeiiiinooooouuuusgsi_")
_HEADER: Final = re.compile(r"[\w \"'.-]{1,40}")
_PERSONAL: Final = frozenset(_NAMES) - {EntityType.LOCATION, EntityType.PERSON}
_PLAIN_NAMES: Final = frozenset("name nombre nom nome naam imię namn ad".split())
_SEEN: Final = "table"


def _header(scan: Scan, end: int) -> None:
    """The anchor ends in what may be the name of a column: is the line one of names?"""
    text = scan.text
    if not scan.places or scan.notes.get(_SEEN, -1) >= end - 1:
        return
    first, last = scan.buffer.bounds(end - 1)
    begin, stop = _line(text, end - 1, first, last)
    scan.notes[_SEEN] = stop
    if stop - begin > _MOST_LINE or text[stop : stop + 1] != "\n":
        return
    line = text[begin:stop]
    opening = line.rfind("(") + 1  # COPY patients (id, name, dob) FROM stdin;
    names = line[opening : line.find(")", opening)] if opening and ")" in line[opening:] else line
    delimiter = max(_DELIMITERS, key=names.count)
    cells = names.split(delimiter)
    if len(cells) < 3 or not all(_HEADER.fullmatch(cell.strip()) for cell in cells if cell.strip()):
        return
    kinds: list[str | None] = [_TYPE_OF.get(cell.strip().strip("\"'").lower().translate(_PLAIN)) for cell in cells]
    if not _PERSONAL.isdisjoint(kinds):  # beside a birth or a telephone number a name is somebody's
        kinds = [
            EntityType.PERSON if cell.strip(" \"'").lower() in _PLAIN_NAMES else k
            for cell, k in zip(cells, kinds, strict=True)
        ]
    if opening:
        delimiter = "\t"
    if any(kinds):
        scan.notes[_SEEN] = _rows(scan, stop + 1, last, delimiter, kinds)  # no row is read again as a header


def _line(text: str, at: int, first: int, last: int) -> tuple[int, int]:
    """The line of that offset within the text that it lies in."""
    begin = text.rfind("\n", first, at) + 1
    stop = text.find("\n", at, last)
    return begin or first, last if stop < 0 else stop


def _rows(scan: Scan, at: int, last: int, delimiter: str, kinds: list[str | None]) -> int:
    """All lines below with as many cells as the header has names. Returns where the last of them ends."""
    text = scan.text
    while at < last:
        stop = text.find("\n", at, last)
        stop = last if stop < 0 else stop
        if stop - at > _MOST_LINE:
            break
        cells = list(_cells(text, at, stop, delimiter))
        if len(cells) != len(kinds):
            break
        for (begin, end), kind in zip(cells, kinds, strict=True):
            if kind is not None and (found := _CELLS[kind].fullmatch(text, begin, end)) is not None:
                scan.add(found.start(), found.end(), kind, _SCORE)
        at = stop + 1
    return at - 1


def _cells(text: str, start: int, stop: int, delimiter: str) -> Iterator[tuple[int, int]]:
    """Where the cells of a line stand, without the quotes and spaces around them."""
    at = start
    while at <= stop:
        if text.startswith('"', at) and (quote := text.find('"', at + 1, stop)) >= 0:
            yield at + 1, quote
            at = quote + 1
            if at >= stop:
                return
            if not text.startswith(delimiter, at):  # a quote inside: to the next delimiter, whatever it holds
                at = text.find(delimiter, at, stop)
                if at < 0:
                    return
            at += 1
            continue
        end = text.find(delimiter, at, stop)
        end = stop if end < 0 else end
        first, last = at, end
        while first < last and text[first] in " \t":
            first += 1
        while last > first and text[last - 1] in " \t\r":
            last -= 1
        yield first, last
        at = end + 1


# Beginnings of names that hardly a table is without, where they stand behind a delimiter without a space.
_SIGNS: Final = (
    "email phone tel mobile dob birth geb data_ fecha_ zip plz post cp cep city ort first last surname vorname "
    "nom apellido cognome addr ssn"
).split()

ANCHORS: Final = (
    *(Anchor(f"[,;|\t]{sign}", _header, caseless=True) for sign in _SIGNS),
    Anchor("\\bcopy [a-z]", _header, caseless=True),
)
