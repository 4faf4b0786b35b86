"""Public FHIR data of others: every set is read to its end, and nothing in it is lost."""

import json
from collections import Counter

import pytest

from interop import Study
from interop.knowledge import folder
from interop.tables import read_table

SETS = ("ae-research", "ips", "smart-sample", "us-core", "vulcan-rwd")


@pytest.fixture(scope="module")
def study():
    return Study.load("NCT04324411")


@pytest.mark.parametrize("name", SETS)
def test_patients_of_no_study_are_listed_and_not_invented(study, shared, name):
    result = study.to_sdtm(shared / "data/fixtures/fhir" / name, census=True)
    assert result.ledger.adds_up
    assert {dataset: len(rows) for dataset, rows in result.datasets.items() if len(rows)} == {}


@pytest.mark.parametrize("name", SETS)
def test_every_patient_of_a_throw_away_study_is_a_subject(study, shared, name):
    result = study.to_sdtm(shared / "data/fixtures/fhir" / name, enrol_all=True)
    patients = [entry["dispositions"] for entry in result.ledger.by if entry["type"] == "Patient"]
    assert result.ledger.adds_up
    assert len(result.datasets["DM"]) == sum(one.get("mapped", 0) for one in patients)


def test_every_final_laboratory_result_of_a_mapped_loinc_is_accounted_for_with_its_number(study, shared):
    file = shared / "data/fixtures/fhir/smart-sample/Observation.ndjson"
    result = study.to_sdtm(file.parent, enrol_all=True)
    table = read_table(folder("mappings") / "concepts" / "lab.csv", required=("system", "code", "domain"))
    loincs = {row["code"] for row in table if (row["system"], row["domain"]) == ("http://loinc.org", "LB")}
    rows = dict(result.datasets["LB"].frame.select("LBSPID", "LBORRES").iter_rows())
    fates: Counter[str] = Counter()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        resource = json.loads(line, parse_float=str, parse_int=str)
        if not is_mapped_result(resource, loincs):
            continue
        key = f"Observation/{resource['id']}"
        if key in rows:
            assert rows[key] == resource["valueQuantity"]["value"]
            fates["row"] += 1
        elif number in result.quarantine.get("Observation.ndjson", ()):
            fates["quarantined"] += 1
        else:
            fates["merged"] += 1
    assert fates["row"] > 500
    assert fates["merged"] <= result.ledger.dispositions["merged"]


def is_mapped_result(resource, loincs):
    categories = {coding["code"] for part in resource["category"] for coding in part["coding"]}
    codes = {coding["code"] for coding in resource["code"]["coding"]}
    return (
        resource["status"] == "final"
        and "laboratory" in categories
        and bool(codes & loincs)
        and "valueQuantity" in resource
    )
