import csv

import pytest

from interop import OutputError, Study
from interop.knowledge import folder
from interop.mapping.concepts import read_code_table
from interop.unmapped import write_csv

LABORATORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}


def result(number, *, code, unit="g/L", ucum="g/L", category=LABORATORY):
    quantity = {"value": 1, "unit": unit, "system": "http://unitsofmeasure.org", "code": ucum}
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "category": [{"coding": [category]}],
        "subject": {"reference": "Patient/p1"},
        "code": code,
        "valueQuantity": {name: value for name, value in quantity.items() if value},
    }


HEMOGLOBIN = {"coding": [{"system": "http://loinc.org", "code": "718-7"}]}
LOCAL = {"coding": [{"system": "urn:pumch:lis", "code": "X1", "display": "网织红细胞"}]}
SOURCE = [
    {"resourceType": "Patient", "id": "p1"},
    result(1, code=HEMOGLOBIN),
    result(2, code=LOCAL),
    result(3, code=LOCAL),
    result(4, code={"coding": [*LOCAL["coding"], *HEMOGLOBIN["coding"]]}),
    result(5, code={"text": "=SUM(A1)"}),
    result(6, code=HEMOGLOBIN, unit=None, ucum="[foo]"),
    result(7, code=HEMOGLOBIN, unit="spoons", ucum=None),
    result(8, code=LOCAL, category={**LABORATORY, "code": "vital-signs"}),
]


@pytest.fixture(scope="module")
def found():
    return Study.load("NCT04324411").unmapped(SOURCE)


def test_what_no_table_knows_is_counted_by_table_for_every_patient(found):
    rows = [(one.table, one.effect, one.system, one.code, one.display, one.count) for one in found]
    assert rows == [
        ("aliases", "null", "text", "spoons", None, 1),
        ("lab", "quarantined", "urn:pumch:lis", "X1", "网织红细胞", 2),
        ("lab", "quarantined", "text", "=sum(a1)", "=SUM(A1)", 1),
        ("ucum", "null", "http://unitsofmeasure.org", "[foo]", None, 1),
    ]
    assert found[1].examples == ["Observation/o2", "Observation/o3"]


def test_the_csv_drops_into_the_study_once_same_as_is_filled_in(found, tmp_path):
    file = tmp_path / "lab.csv"
    assert write_csv(found, file) == 2
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["code"], row["display"], row["same_as"]) for row in rows] == [
        ("X1", "网织红细胞", ""),
        ("=sum(a1)", "'=SUM(A1)", ""),
    ]
    file.write_text(file.read_text(encoding="utf-8").replace("网织红细胞,,", "网织红细胞,718-7,"), "utf-8")
    table = read_code_table("lab", [folder("mappings") / "concepts", tmp_path])
    assert table.forward("testcd")["urn:pumch:lis", "X1"] == "HGB"


def test_a_file_that_exists_is_not_replaced_unasked(found, tmp_path):
    file = tmp_path / "lab.csv"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="--force"):
        write_csv(found, file)
    assert file.read_text(encoding="utf-8") == "mine"
    assert write_csv(found, file, force=True) == 2
