"""Public FHIR data of others: every set is read to its end, and nothing in it is lost."""

import json
import shutil
from collections import Counter

import polars as pl
import pytest

from interop import Study
from interop.cdisc.dataset import Dataset
from interop.cdisc.formats import read_tables
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


def test_the_events_of_the_research_guide_are_records(study, shared):
    """The guide's examples put NCI codes into outcome and suspects into an extension; both are read."""
    result = study.to_sdtm(shared / "data/fixtures/fhir/ae-research", enrol_all=True)
    rows = {row["AESPID"].partition("/")[2]: row for row in result.datasets["AE"].frame.to_dicts()}
    serious = rows["SeriousAdverseEventResearchStudy"]
    names = ("AESER", "AESHOSP", "AESDTH", "AEOUT", "AEACN", "AESTDTC", "AEENDTC")
    assert [serious[name] for name in names] == [
        *("Y", "Y", "N", "RECOVERED/RESOLVED", "DRUG WITHDRAWN", "2021-12-02", "2021-12-09"),
    ]
    assert len(rows) == 10
    assert result.ledger.adds_up
    assert {row["AEOUT"] for row in rows.values()} <= set(study.plan.context.terminology["C66768"].by_value)
    assert rows["adverse-event-compass-ex1a"]["AETOXGR"] == "3"
    assert rows["AdverseEventFromProcedureNotStudyDrug"]["AERELNST"].endswith("; Barium / RELATED")


def test_the_adverse_events_of_another_study_return_from_fhir(shared, tmp_path):
    shutil.copytree(folder("mappings") / "studies" / "NCT04324411" / "concepts", tmp_path / "concepts")
    text = "id: CDISCPILOT01\nsite: X\ncountry: USA\nzone: America/New_York\ndomains: [DM, AE]\n"
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    other = Study.load(tmp_path)
    sent = {name: others(shared / f"data/fixtures/sdtm/{name.lower()}.xpt", other) for name in ("DM", "AE")}
    back = other.to_fhir(sent)
    returned = other.to_sdtm(list(back)).datasets["AE"].frame
    assert not list(back.issues)
    derived = {"AESEQ", "AEDECOD", "EPOCH", "AESTDY", "AEENDY"}  # AEDECOD is null there: declared as lost
    own = [name for name in sent["AE"].frame.columns if name not in derived]
    keys = ["USUBJID", "AETERM", "AESTDTC", "AEENDTC"]
    assert returned.sort(keys).select(own).equals(sent["AE"].frame.sort(keys).select(own))
    assert returned.height == 74


def others(file, study):
    """A dataset of somebody else, with the variables that SDTMIG 3.4 knows, in its types."""
    ((_, table),) = read_tables(file)
    domain = study.plan.standard[table.name]
    known = [name for name in table.frame.columns if name in domain.names]
    numbers = [pl.col(name).cast(pl.Float64, strict=False) for name in known if domain[name].type == "Num"]
    return Dataset(domain, table.frame.select(known).with_columns(numbers))
