"""Lineage for the record, allowed or refused."""

from __future__ import annotations

import json

import pytest

from gloveport.tests.tools.database.sql.clinic import Clinic
from gloveport.tools.database.sql.analysis import Inference
from gloveport.tools.database.sql.lineage import column_lineage
from gloveport.tools.database.sql.refusals import UseRefused


def test_direct_and_indirect() -> None:
    clinic = Clinic("postgresql", Inference.BALANCED)
    analysis = clinic.analyse(
        "SELECT p.city, p.city, upper(p.city) AS u, sum(p.income), count(*), 'x' AS k "
        "FROM patients p JOIN clinics c ON c.id = p.clinic_id WHERE c.phone = '1' "
        "GROUP BY p.city HAVING count(*) > 1 ORDER BY p.city"
    )
    made = column_lineage(analysis.outputs, analysis.indirect, clinic.settings.rules)
    assert json.loads(json.dumps(made)) == made
    fields = made["fields"]
    assert isinstance(fields, dict)
    assert list(fields) == ["city", "city#2", "u", "sum", "count", "k"]
    assert fields["u"] == {
        "inputFields": [
            {
                "namespace": "clinic",
                "name": "patients",
                "field": "city",
                "transformations": [{"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": False}],
            }
        ]
    }
    kinds = {
        name: [
            (f["field"], f["transformations"][0]["subtype"], f["transformations"][0]["masking"])
            for f in field["inputFields"]
        ]
        for name, field in fields.items()
    }
    assert kinds["city"] == [("city", "IDENTITY", False)]
    assert kinds["sum"] == [("income", "AGGREGATION", False)]  # a total over enough rows is released
    assert kinds["k"] == []
    dataset = made["dataset"]
    assert isinstance(dataset, list)
    assert {(f["name"], f["field"], f["transformations"][0]["subtype"]) for f in dataset} >= {  # type: ignore[index,call-overload]
        ("clinics", "phone", "FILTER"),
        ("clinics", "id", "JOIN"),
        ("patients", "city", "GROUP_BY"),
        ("patients", "city", "SORT"),
    }


def test_masks_are_marked() -> None:
    clinic = Clinic()
    analysis = clinic.analyse("SELECT email, CASE WHEN city = 'x' THEN 1 END FROM patients")
    made = column_lineage(analysis.outputs, analysis.indirect, clinic.settings.rules, exact=True)
    assert made["exact"] is True
    assert made["fields"]["email"]["inputFields"][0]["transformations"] == (  # type: ignore[index,call-overload]
        [{"type": "DIRECT", "subtype": "IDENTITY", "masking": True}]
    )
    subtypes = [f["transformations"][0]["subtype"] for f in made["dataset"]]  # type: ignore[index,union-attr,call-overload]
    assert subtypes == ["CONDITIONAL"]


def test_a_refused_use_still_has_a_lineage() -> None:
    clinic = Clinic()
    with pytest.raises(UseRefused) as info:
        clinic.analyse("SELECT id FROM patients WHERE income > 5")
    made = column_lineage(info.value.outputs, info.value.indirect, clinic.settings.rules)
    assert list(made["fields"]) == ["id"]  # type: ignore[arg-type]
    assert [f["field"] for f in made["dataset"]] == ["income"]  # type: ignore[index,union-attr,call-overload]
