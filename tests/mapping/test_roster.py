"""The roster: who is a subject of the study, under which identifier, and who is not."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from interop.mapping.roster import Roster, enrol, enrol_all
from interop.study import Study

SETTINGS = {"id": "STUDY", "site": "S01"}
STATUS = {"enrolled": ["on-study", "off-study"], "screened": ["screening", "ineligible"]}
PEOPLE = """
    _key       | site | organization
    Patient/p1 |      |
    Patient/p2 | S02  | Organization/o1
    Patient/p3 |      | Organization/o1
    """
PLACES = """
    _key            | site
    Organization/o1 | S03
    """
STUDIES = """
    _key            | value
    ResearchStudy/a | STUDY
    ResearchStudy/a | another registry's number
    ResearchStudy/b | OTHER
    """

Enrol = Callable[[str], Roster]


@pytest.fixture
def enrolled(table) -> Enrol:
    def made(enrolments: str) -> Roster:
        views = {
            "enrolment": table(enrolments),
            "study": table(STUDIES),
            "patient": table(PEOPLE),
            "organization": table(PLACES),
        }
        return enrol(views, SETTINGS, STATUS)

    return made


def test_the_identifier_is_made_of_study_site_and_subject(enrolled: Enrol, table) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid | status   | start
        rs/1 | Patient/p1 | ResearchStudy/a |          | 001    |         | on-study |
        rs/2 | Patient/p2 | ResearchStudy/a |          | 002    |         | on-study |
        rs/3 | Patient/p3 | ResearchStudy/a |          | 003    |         | on-study |
        """)
    assert found.subjects.equals(
        table("""
        patient    | enrolment | USUBJID       | subjid | siteid | earlier
        Patient/p1 | rs/1      | STUDY-S01-001 | 001    | S01    |
        Patient/p2 | rs/2      | STUDY-S02-002 | 002    | S02    |
        Patient/p3 | rs/3      | STUDY-S03-003 | 003    | S03    |
        """)
    )
    assert (found.superseded, found.outside, found.problems) == ([], [], [])


def test_an_identifier_that_comes_with_the_record_is_kept(enrolled: Enrol) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid     | status   | start
        rs/1 | Patient/p1 | ResearchStudy/a |          | 001    | PILOT-X-001 | on-study |
        rs/2 | Patient/p2 | ResearchStudy/a |          |        | PILOT-X-002 | on-study |
        """)
    assert found.subjects["USUBJID"].to_list() == ["PILOT-X-001", "PILOT-X-002"]
    assert found.subjects["subjid"].to_list() == ["001", "002"]


def test_of_a_rescreened_patient_the_enrolment_counts(enrolled: Enrol) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid | status     | start
        rs/1 | Patient/p1 | ResearchStudy/a |          | 001    |         | ineligible | 2020-04-01
        rs/2 | Patient/p1 | ResearchStudy/a |          | 007    |         | on-study   | 2020-05-01
        """)
    assert found.subjects.select("subjid", "earlier").rows() == [("007", "001")]
    assert found.superseded == ["rs/1"]
    assert found.problems == [("MAP-SUBJECT-005", "rs/1")]


def test_of_two_failed_screenings_the_later_counts(enrolled: Enrol) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid | status     | start
        rs/1 | Patient/p1 | ResearchStudy/a |          | 001    |         | ineligible | 2020-04-01
        rs/2 | Patient/p1 | ResearchStudy/a |          | 002    |         | ineligible | 2020-05-01
        """)
    assert found.subjects["subjid"].to_list() == ["002"]


def test_two_enrolments_of_one_patient_are_not_decided_here(enrolled: Enrol) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid | status    | start
        rs/1 | Patient/p1 | ResearchStudy/a |          | 001    |         | on-study  | 2020-04-01
        rs/2 | Patient/p1 | ResearchStudy/a |          | 002    |         | off-study | 2020-05-01
        rs/3 | Patient/p2 | ResearchStudy/a |          | 003    |         | on-study  | 2020-05-01
        """)
    assert found.subjects["patient"].to_list() == ["Patient/p2"]
    assert found.problems == [("MAP-SUBJECT-006", "rs/1"), ("MAP-SUBJECT-006", "rs/2")]


def test_another_study_is_outside_whatever_identifier_it_bears(enrolled: Enrol) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid | status   | start
        rs/1 | Patient/p1 | ResearchStudy/b |          | 001    |         | on-study |
        rs/2 | Patient/p2 |                 | OTHER    | 002    |         | on-study |
        """)
    assert found.subjects.height == 0
    assert found.outside == ["rs/1", "rs/2"]


def test_a_study_that_is_not_in_the_source_is_known_by_its_identifier(enrolled: Enrol) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid | status   | start
        rs/1 | Patient/p1 |                 | STUDY    | 001    |         | on-study |
        rs/2 | Patient/p2 | ResearchStudy/z |          | 002    |         | on-study |
        rs/3 | Patient/p3 | ResearchStudy/z |          |        |         | on-study |
        """)
    assert found.subjects["patient"].to_list() == ["Patient/p1", "Patient/p2"]
    assert found.outside == ["rs/3"]


def test_a_record_without_a_subject_identifier_or_a_patient_is_reported(enrolled: Enrol) -> None:
    found = enrolled("""
        _key | patient    | study           | study_id | subjid | usubjid | status   | start
        rs/1 | Patient/p1 | ResearchStudy/a |          |        |         | on-study |
        rs/2 |            | ResearchStudy/a |          | 002    |         | on-study |
        """)
    assert found.subjects.height == 0
    assert found.problems == [("MAP-SUBJECT-004", "rs/1"), ("MAP-SUBJECT-004", "rs/2")]


def test_a_throw_away_study_numbers_every_patient() -> None:
    keys = ["Patient/b", "Patient/a", "Patient/b"]
    found = enrol_all({"patient": pl.DataFrame({"_key": keys})}, SETTINGS)
    assert found.subjects.select("patient", "USUBJID").rows() == [
        ("Patient/a", "STUDY-S01-0001"),
        ("Patient/b", "STUDY-S01-0002"),
    ]


MRN = "MRN-90000001"
RECORD: list[dict[str, Any]] = [
    {"resourceType": "ResearchStudy", "id": "trial", "identifier": [{"value": "NCT04324411"}]},
    {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:pumch:mrn", "value": MRN}],
        "name": [{"family": "Zhangsan"}],
        "gender": "female",
    },
    {
        "resourceType": "ResearchSubject",
        "id": "rs1",
        "identifier": [
            {"system": "urn:pumch:mrn", "value": MRN},
            {"system": "https://fhir-sdtm-interop.org/fhir/sid/subjid", "value": "001"},
        ],
        "status": "on-study",
        "study": {"reference": "ResearchStudy/trial"},
        "individual": {"identifier": {"system": "urn:pumch:mrn", "value": MRN}},
    },
    {"resourceType": "Patient", "id": "p2", "identifier": [{"system": "urn:pumch:mrn", "value": MRN + "2"}]},
]


@pytest.mark.parametrize("everyone", [False, True])
def test_a_hospital_identifier_joins_but_never_comes_out(study: Study, *, everyone: bool) -> None:
    result = study.to_sdtm(RECORD, enrol_all=everyone)
    frames = [*(d.frame for d in result.datasets.values()), *result.lineage.values()]
    shown = "\n".join(
        [*(frame.write_ndjson() for frame in frames), repr(list(result.issues)), repr(result.ledger)]
    )
    assert "NCT04324411-PUMCH-0" in shown
    assert MRN not in shown
    assert "Zhangsan" not in shown
    assert "Patient/p" not in shown
