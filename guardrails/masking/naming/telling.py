"""Words in values that tell what a column holds: illnesses, beliefs and crimes, firms.

A column of labels (``asthma``, ``migraine``, ``none``) has few values and no form, and its name may say nothing. Stems
are taken that several European languages share; a share of the values decides, so a stray word does no harm.
"""

from __future__ import annotations

import re
from typing import Final

_ILLNESSES: Final = r"""
    diabet asthm asma\b arth?rit artros hypert[eo]n hypot[eo]n ipert[eo]n ipot[eo]n migr[aäe]n [ck]ar[cz]inom cancer
    krebs tumou?r leu[kc][aäe]mi an[aä]?emi al+erg pneumoni bron[ck]h?it fra[ck]tur gebro[ck] concussion commotio
    depressi anxiety schi[zs]o bipolar epilep demen[tz] alzheimer parkinson infar[ck]?t hepatit influenza grippe
    griep covid tuberculo obesi adiposi burn-?out fever fieber fièvre fiebre nausea autis d[yi]slex coeliac celiac
    injur verletz letsel whiplash sprain surger chemother dialys transplant vaccin impfung pregnan schwanger embaraz
    grossesse pain\b schmerz dolor\b douleur hiv\b aids\b adhd\b tdah\b copd\b insulin metformin ibuprofen
    paracetamol acetaminophen aspirin penicil amoxicil morphin cortison icd-?(?:9|10)
"""
_ENDINGS: Final = r"""
    itis ectomy ektomie oscopy cillin statin prazole? sartan olol opril algia klachten schmerzen pijn
"""
_BELIEFS: Final = r"""
    christian muslim moslem islam jewish jüdisch jud[ií] juda[ií]s (?:roman_?)?[ck]at(?:ho|ó|o)li protestant
    evang[eé]li hindu buddh atheis ateo\b agnosti orthodox baptist lutheran sikh\b caucasian hispanic latin[oax]\b
    african indígena heterosex homosex bisex lesbian schwul burglary assault theft larceny felony misdemean robbery
    homicide manslaughter dui\b diebstahl körperverletzung betrug robo\b hurto
"""
_FIRMS: Final = r"""
    inc llc ltd gmbh mbh ag kg plc corp company sons group holdings? partners associates solutions services systems
    industries logistics foods consulting technologies bank sarl spa srl bv nv oy ltda
"""


def _any_of(words: str) -> str:
    return "|".join(words.split())


ILL: Final = re.compile(
    rf"\b(?:{_any_of(_ILLNESSES)})|(?:{_any_of(_ENDINGS)})\b|\b\d+ ?(?:mg|mcg)\b"
    r"|\A[A-TV-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}\Z",
    re.IGNORECASE,
)
"""Illnesses, injuries, medicines; codes of the ICD with their point, for without it they may be shelves."""

BELIEF: Final = re.compile(rf"\b(?:{_any_of(_BELIEFS)})", re.IGNORECASE)
"""Religions, origins, orientations and crimes."""

FIRM: Final = re.compile(rf"\b(?:{_any_of(_FIRMS)})\.?\Z", re.IGNORECASE)
"""What ends as the names of firms do."""
