"""RELREC of small studies in memory: whole datasets by equal links, records by reference."""

import msgspec
import pytest

from interop.errors import MappingError
from interop.mapping.names import check_relations
from interop.study import Study

SUBJID = "https://fhir-sdtm-interop.org/fhir/sid/subjid"
UCUM = "http://unitsofmeasure.org"


def patient(number: int) -> list[dict[str, object]]:
    subject = {"reference": f"Patient/p{number}"}
    dose = {"value": 2, "unit": "mg", "system": UCUM, "code": "mg"}
    enrolment = {
        "resourceType": "ResearchSubject",
        "id": f"rs{number}",
        "identifier": [{"system": SUBJID, "value": f"00{number}"}],
        "status": "on-study",
        "individual": subject,
        "study": {"reference": "ResearchStudy/trial"},
    }
    doses = [
        {
            "resourceType": "MedicationAdministration",
            "id": f"dose-{number}-{day}",
            "status": "completed",
            "medicationCodeableConcept": {"text": "西罗莫司片"},
            "subject": subject,
            "effectiveDateTime": f"2020-05-1{day}",
            "dosage": {"dose": dose},
        }
        for day in (1, 2)
    ]
    return [{"resourceType": "Patient", "id": f"p{number}", "gender": "female"}, enrolment, *doses]


def event(number: int, *suspects: str) -> dict[str, object]:
    return {
        "resourceType": "AdverseEvent",
        "id": f"ae{number}-{len(suspects)}",
        "actuality": "actual",
        "subject": {"reference": f"Patient/p{number}"},
        "event": {"text": "口腔黏膜炎"},
        "date": "2020-05-12",
        "suspectEntity": [{"instance": {"reference": reference}} for reference in suspects],
    }


def rows(source: list[dict[str, object]]) -> list[tuple[str, ...]]:
    result = Study.load().to_sdtm(source)
    found = result.datasets.get("RELREC")
    columns = ("RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "RELTYPE", "RELID")
    return [] if found is None else found.frame.select(columns).rows()


def test_doses_are_related_to_their_intervals_as_datasets() -> None:
    assert rows([*patient(1), *patient(2)]) == [
        ("EC", None, "ECLNKID", None, "MANY", "ECEX"),
        ("EX", None, "EXLNKID", None, "ONE", "ECEX"),
    ]


def test_an_event_is_related_to_every_dose_that_it_suspects() -> None:
    found = rows(
        [*patient(1), event(1, "MedicationAdministration/dose-1-1", "MedicationAdministration/dose-1-2")]
    )
    assert [row for row in found if row[5] != "ECEX"] == [
        ("AE", "NCT04324411-PUMCH-001", "AESPID", "AdverseEvent/ae1-2", None, "AEEC-1"),
        ("EC", "NCT04324411-PUMCH-001", "ECSPID", "MedicationAdministration/dose-1-1", None, "AEEC-1"),
        ("EC", "NCT04324411-PUMCH-001", "ECSPID", "MedicationAdministration/dose-1-2", None, "AEEC-1"),
    ]


def test_a_dose_of_someone_else_and_one_that_was_not_sent_are_no_relation() -> None:
    stray = event(1, "MedicationAdministration/dose-2-1", "MedicationAdministration/lost")
    found = rows([*patient(1), *patient(2), stray])
    assert {row[5] for row in found} == {"ECEX"}


def test_without_records_there_is_no_relation() -> None:
    assert rows(patient(1)[:2]) == []


def test_a_relation_of_a_variable_that_is_not_there_is_refused() -> None:
    mapping = Study.load().mappings["EX"]
    wrong = msgspec.structs.replace(mapping.relations[0], keys={"EX": "EXLNKID", "EC": "ECLNKD"}, line=7)
    changed = msgspec.structs.replace(mapping, relations=[wrong])
    said = r'ex\.yaml:7  relation ECEX: no variable "ECLNKD" in EC; did you mean "ECLNKID"'
    with pytest.raises(MappingError, match=said):
        check_relations({**Study.load().mappings, "EX": changed})
