"""The way back, case by case: what one SDTM record becomes in FHIR."""

from typing import Any

import polars as pl
import pytest
from fhir.resources.R4B import get_fhir_model_class

from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.fhir.template import encode
from interop.knowledge import folder
from interop.study import Study

SUBJECT = {
    "STUDYID": "NCT04324411",
    "DOMAIN": "DM",
    "USUBJID": "NCT04324411-PUMCH-001",
    "SUBJID": "001",
    "SITEID": "PUMCH",
    "SEX": "F",
    "COUNTRY": "CHN",
}
HEMOGLOBIN = {
    "STUDYID": "NCT04324411",
    "DOMAIN": "LB",
    "USUBJID": "NCT04324411-PUMCH-001",
    "LBSEQ": 1,
    "LBSPID": "Observation/o1",
    "LBTESTCD": "HGB",
    "LBTEST": "Hemoglobin",
    "LBLOINC": "718-7",
    "LBORRES": "98",
    "LBORRESU": "g/L",
    "LBDTC": "2020-05-11T08:12",
}


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.load()


def dataset(name: str, *records: dict[str, Any]) -> Dataset:
    domain = Standard.load().dataset(name)
    columns = list(dict.fromkeys(column for record in records for column in record))
    types = {c: pl.String if domain[c].type == "Char" else pl.Float64 for c in columns}
    return Dataset(domain, pl.DataFrame([{c: r.get(c) for c in columns} for r in records], schema=types))


def observation(study: Study, **changed: Any) -> dict[str, Any]:
    """The Observation of a hemoglobin record with some variables changed."""
    back = study.to_fhir({"DM": dataset("DM", SUBJECT), "LB": dataset("LB", HEMOGLOBIN | changed)})
    assert not list(back.issues)
    (found,) = back.resources["Observation"]
    return dict(found)


def test_c107_a_result_that_is_a_word_is_a_codeable_concept(study: Study) -> None:
    found = observation(study, LBORRES="TNTC", LBORRESU=None)
    assert found["valueCodeableConcept"] == {"text": "TNTC"}
    assert "valueQuantity" not in found


def test_c108_a_comparator_and_the_scale_of_a_number_are_kept(study: Study) -> None:
    found = observation(study, LBORRES="<0.10")
    assert b'"valueQuantity":{"comparator":"<","value":0.10,' in encode(found)


def test_c109_a_date_that_fhir_cannot_say_travels_in_full_beside_the_part_that_it_can(study: Study) -> None:
    found = observation(study, LBDTC="2020-05--T08:00")
    assert found["effectiveDateTime"] == "2020-05"
    assert [e["valueString"] for e in found["_effectiveDateTime"]["extension"]] == ["2020-05--T08:00"]


def test_c110_minutes_return_as_minutes(study: Study) -> None:
    found = observation(study)
    assert found["effectiveDateTime"] == "2020-05-11T08:12:00+08:00"
    again = study.to_sdtm(
        list(study.to_fhir({"DM": dataset("DM", SUBJECT), "LB": dataset("LB", HEMOGLOBIN)}))
    )
    assert again.datasets["LB"]["--DTC"].to_list() == ["2020-05-11T08:12"]


def test_c112_a_qualifier_without_its_record_is_refused(study: Study) -> None:
    orphan = {
        "STUDYID": "NCT04324411",
        "RDOMAIN": "LB",
        "USUBJID": "NCT04324411-PUMCH-001",
        "IDVAR": "LBSEQ",
        "IDVARVAL": "9",
        "QNAM": "LBALERT",
        "QLABEL": "x",
        "QVAL": "HH",
        "QORIG": "Collected",
    }
    back = study.to_fhir(
        {"DM": dataset("DM", SUBJECT), "LB": dataset("LB", HEMOGLOBIN), "SUPPLB": dataset("SUPPLB", orphan)}
    )
    assert [(i.rule, i.where.dataset, i.where.variable) for i in back.issues] == [
        ("MAP-BACK-002", "SUPPLB", "LBALERT")
    ]
    assert [o["id"] for o in back.resources["Observation"]] == ["o1"]


def test_c031_a_critical_flag_returns_as_the_critical_code_alone(study: Study) -> None:
    alert = {
        "STUDYID": "NCT04324411",
        "RDOMAIN": "LB",
        "USUBJID": "NCT04324411-PUMCH-001",
        "IDVAR": "LBSEQ",
        "IDVARVAL": "1",
        "QNAM": "LBALERT",
        "QLABEL": "x",
        "QVAL": "HH",
        "QORIG": "Collected",
    }
    back = study.to_fhir(
        {
            "DM": dataset("DM", SUBJECT),
            "LB": dataset("LB", HEMOGLOBIN | {"LBNRIND": "HIGH"}),
            "SUPPLB": dataset("SUPPLB", alert),
        }
    )
    (found,) = back.resources["Observation"]
    assert [coding["code"] for concept in found["interpretation"] for coding in concept["coding"]] == ["HH"]


def test_a_test_without_a_loinc_code_is_coded_by_its_nci_code(study: Study) -> None:
    found = observation(study, LBLOINC=None)
    assert [(c["system"], c["code"]) for c in found["code"]["coding"]] == [
        ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "C64848")
    ]


def test_a_single_dose_is_a_point_in_time_and_an_interval_a_period(study: Study) -> None:
    def effective(start: str, end: str | None) -> dict[str, Any]:
        dose = {
            "STUDYID": "NCT04324411",
            "DOMAIN": "EC",
            "USUBJID": "NCT04324411-PUMCH-001",
            "ECSEQ": 1,
            "ECTRT": "SIROLIMUS",
            "ECSTDTC": start,
            "ECENDTC": end,
        }
        (found,) = study.to_fhir({"DM": dataset("DM", SUBJECT), "EC": dataset("EC", dose)}).resources[
            "MedicationAdministration"
        ]
        return {name: value for name, value in found.items() if name.startswith("effective")}

    assert effective("2020-05-11T08:30:00", "2020-05-11T08:30:00") == {
        "effectiveDateTime": "2020-05-11T08:30:00+08:00"
    }
    assert effective("2020-05-11", "2020-05-20") == {
        "effectivePeriod": {"start": "2020-05-11", "end": "2020-05-20"}
    }
    assert effective("2020-05-11", None) == {"effectivePeriod": {"start": "2020-05-11"}}


def test_every_resource_of_the_way_back_is_legal_fhir(study: Study) -> None:
    """`fhir.resources` (R4B models) accepts what the demo's datasets become."""
    datasets = study.to_sdtm(folder("samples") / "pumch" / "fhir").datasets
    for kind, resources in study.to_fhir(datasets).resources.items():
        model = get_fhir_model_class(kind)
        for resource in resources[::7]:
            model.model_validate_json(encode(resource))


def test_a_test_that_no_table_knows_is_told_when_it_goes_back(study: Study) -> None:
    unknown = HEMOGLOBIN | {"LBTESTCD": "XYZ", "LBTEST": "Unknown", "LBLOINC": None}
    back = study.to_fhir({"DM": dataset("DM", SUBJECT), "LB": dataset("LB", unknown)})
    told = [(i.rule, i.severity, i.where.variable, i.value, i.count) for i in back.issues]
    assert told == [("MAP-BACK-003", "warning", "LBTESTCD", "XYZ", 1)]


def test_what_is_derived_from_parts_is_told_when_no_part_can_say_it(study: Study) -> None:
    event = {"USUBJID": SUBJECT["USUBJID"], "AESEQ": 1, "AETERM": "Fever", "AEDECOD": "UNCODED"}
    qualifier = {"RDOMAIN": "AE", "USUBJID": SUBJECT["USUBJID"], "IDVAR": "AESEQ", "IDVARVAL": "1"}
    action = qualifier | {"QNAM": "AEACNSIR", "QLABEL": "Action Taken with Sirolimus", "QVAL": "MULTIPLE"}
    records = {"DM": dataset("DM", SUBJECT), "AE": dataset("AE", event), "SUPPAE": dataset("SUPPAE", action)}
    told = [(i.rule, i.where.variable, i.value) for i in study.to_fhir(records).issues]
    assert told == [("MAP-BACK-003", "AEACNSIR", "MULTIPLE")]


def test_a_unit_without_a_ucum_code_returns_by_its_own_name(study: Study) -> None:
    records = {"DM": dataset("DM", SUBJECT), "LB": dataset("LB", HEMOGLOBIN | {"LBORRESU": "g/100 mL"})}
    again = study.to_sdtm(list(study.to_fhir(records)))
    assert again.datasets["LB"]["--ORRESU"].to_list() == ["g/100 mL"]
