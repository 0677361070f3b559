"""Rows under a line of names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gloveport.guardrails.masking.detect import Detector, tables

CSV = (
    "id,surname,phone,birth_date,city,plan\n1,Quill,655501777,1981-04-12,Lorca,gold\n2,Abara,,1990-01-30,Leuven,free\n"
)


def test_cells_are_what_their_column_says(find) -> None:
    found = find(CSV, free=True)
    assert ("PHONE", "655501777") in found
    assert [value for kind, value in found if kind == "DATE_OF_BIRTH"] == ["1981-04-12", "1990-01-30"]
    assert [value for kind, value in found if kind == "PERSON"] == ["Quill", "Abara"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(find, delimiter: str) -> None:
    assert ("DATE_OF_BIRTH", "1981-04-12") in find(CSV.replace(",", delimiter), free=True)


def test_names_of_other_languages_and_quotes(find) -> None:
    text = 'Nr;"Geburtsdatum";PLZ;Ort\n7;"12.04.1981";97980;Bad Orb\n'
    assert find(text, free=True)[:2] == [("DATE_OF_BIRTH", "12.04.1981"), ("LOCATION", "97980;Bad Orb")]


def test_rows_of_copy(find) -> None:
    text = "COPY patients (id, name, nhs_number, dob) FROM stdin;\n1\tx\t4010232137\t2001-12-24\n\\.\n"
    assert find(text, free=True)[-2:] == [("NATIONAL_ID", "4010232137"), ("DATE_OF_BIRTH", "2001-12-24")]


def test_a_table_ends_where_its_rows_do(find) -> None:
    assert ("DATE_OF_BIRTH", "2024-05-01") not in find(CSV + "\nreleased, 2024-05-01\n", free=True)


@pytest.mark.parametrize(
    "text",
    [
        "day,version,build\n2024-05-01,1.2.3,655501777\n",
        "We moved the phone,city maps and zip files.\nIt took 3 days, 655501777 bytes, and no more.\n",
        "id,city,dob",
    ],
)
def test_no_table(find, text: str) -> None:
    assert {kind for kind, _ in find(text, free=True)} & {"DATE_OF_BIRTH", "PHONE"} == set()


def test_open_columns_are_not_read_as_tables(find) -> None:
    assert {kind for kind, _ in find(CSV)} <= {"DATE_OF_BIRTH"}  # whose name stands near enough


def test_together_as_alone(detector: Detector) -> None:
    """The last row of a text needs no line end, and a text without lines hides no header of the next."""
    texts = ["no line,phone here", CSV.rstrip("\n"), "", "a,city", CSV, "x"]
    assert detector.scan_many(texts) == [detector.scan(text) for text in texts]


def test_rows_are_read_once(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a file of nothing but headers takes the square of its lines."""
    read: list[int] = []
    cells = tables._cells  # pyright: ignore[reportPrivateUsage]

    def counted(text: str, start: int, stop: int, delimiter: str) -> Iterator[tuple[int, int]]:
        read.append(start)
        return cells(text, start, stop, delimiter)

    monkeypatch.setattr(tables, "_cells", counted)
    detector.scan("id,phone,dob\n" * 50)
    assert len(read) == len(set(read)) == 49
