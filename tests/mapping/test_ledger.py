"""The ledger: every resource has exactly one disposition, and their sum is what was read."""

from typing import Any

import polars as pl
import pytest

from interop.fhir.lines import Unreadable
from interop.mapping.ledger import ledger, settle_fates
from interop.study import Study

INDEX = pl.DataFrame(
    {
        "rid": [0, 1, 2, 3],
        "file": ["a", "a", "b", "b"],
        "ordinal": [0, 1, 0, 1],
        "type": ["Patient", "Observation", "Observation", "Device"],
        "key": ["Patient/1", "Observation/1", "Observation/2", "Device/1"],
    },
    schema_overrides={"rid": pl.UInt32},
)


def fates(rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    schema = {"rid": pl.UInt32, "fate": pl.String, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(dataset=pl.lit("LB"))


def test_what_needs_a_person_comes_before_what_is_done() -> None:
    found = settle_fates(
        INDEX,
        fates([
            (0, "not in study", "x"), (0, "mapped", ""),
            (1, "out of scope", "status"), (1, "mapped", ""), (1, "quarantined", "MAP-CODE-001"),
            (2, "removed", "entered-in-error"), (2, "merged", "duplicate"),
        ]),
    )  # fmt: skip
    assert found.select("rid", "fate", "reason").rows() == [
        (0, "mapped", ""),
        (1, "quarantined", "MAP-CODE-001"),
        (2, "merged", "duplicate"),
        (3, "out of scope", "not asked for by any domain"),
    ]


def test_of_equal_fates_the_reason_does_not_depend_on_their_order() -> None:
    rows = [(1, "quarantined", "MAP-CODE-004"), (1, "quarantined", "MAP-CODE-001")]
    one, other = (settle_fates(INDEX, fates(order)) for order in (rows, rows[::-1]))
    assert one.equals(other)
    assert one["reason"][1] == "MAP-CODE-001"


@pytest.fixture
def disposed() -> pl.DataFrame:
    return settle_fates(
        INDEX, fates([(0, "mapped", ""), (1, "mapped", ""), (2, "quarantined", "MAP-CODE-001")])
    )


def test_the_ledger_counts_by_disposition_reason_file_and_type(disposed: pl.DataFrame) -> None:
    broken = [Unreadable("b", 2, 120, 1, "not JSON")]
    found = ledger(disposed, broken, {"LB": {"rows": 1}})
    assert found.read == 5
    assert found.adds_up
    assert found.dispositions == {
        "mapped": 2, "merged": 0, "removed": 0, "not in study": 0, "out of scope": 1, "quarantined": 1,
        "unreadable": 1,
    }  # fmt: skip
    assert found.reasons == {
        "out of scope: not asked for by any domain": 1,
        "quarantined: MAP-CODE-001": 1,
        "unreadable: not JSON": 1,
    }
    assert [(entry["file"], entry["type"], entry["read"], entry["dispositions"]) for entry in found.by] == [
        ("a", "Observation", 1, {"mapped": 1}),
        ("a", "Patient", 1, {"mapped": 1}),
        ("b", "", 1, {"unreadable": 1}),
        ("b", "Device", 1, {"out of scope": 1}),
        ("b", "Observation", 1, {"quarantined": 1}),
    ]


SUBJID = "https://fhir-sdtm-interop.org/fhir/sid/subjid"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def observation(name: str, **own: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2020-05-11T07:50:00+08:00",
        "valueQuantity": {"value": 98, "system": "http://unitsofmeasure.org", "code": "g/L"},
        **own,
    }


# A resource -> its disposition and the reason.
OBSERVATIONS = [
    (observation("o"), "mapped", None),
    (observation("o", status="entered-in-error"), "removed", "entered-in-error"),
    (observation("o", status="preliminary"), "out of scope", "status"),
    (observation("o", status="unknown"), "quarantined", "MAP-STATUS-001"),
    (observation("o", status="nonsense"), "quarantined", "MAP-STATUS-001"),
    (observation("o", category=[]), "out of scope", "not asked for by any domain"),
    (observation("o", code={"text": "no such test"}), "quarantined", "MAP-CODE-001"),
    (observation("o", subject={"reference": "Patient/p2"}), "not in study", None),
    (observation("o", subject={"display": "the lady in bed 4"}), "quarantined", "MAP-SUBJECT-002"),
    (observation("o", subject=None), "quarantined", "MAP-SUBJECT-002"),
    (observation("o", status=None), "quarantined", "MAP-STATUS-001"),
    (observation("o", subject={"reference": "Group/g"}), "out of scope", "subject is not a Patient"),
    (observation("o", valueSampledData={}, valueQuantity=None), "quarantined", "MAP-VALUE-001"),
    (observation("o", implicitRules="http://example.org/rules"), "quarantined", "MAP-RULES-002"),
    (observation("o", modifierExtension=[{"url": "http://example.org/not"}]), "quarantined", "MAP-RULES-001"),
]


@pytest.mark.parametrize(("resource", "fate", "reason"), OBSERVATIONS)
def test_an_observation_has_one_disposition(
    study: Study, resource: dict[str, Any], fate: str, reason: str | None
) -> None:
    resource = {name: value for name, value in resource.items() if value is not None}
    people = [
        {"resourceType": "ResearchStudy", "id": "trial", "identifier": [{"value": "NCT04324411"}]},
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Patient", "id": "p2"},
        {"resourceType": "Group", "id": "g"},
        {
            "resourceType": "ResearchSubject",
            "id": "rs1",
            "identifier": [{"system": SUBJID, "value": "001"}],
            "status": "on-study",
            "study": {"reference": "ResearchStudy/trial"},
            "individual": {"reference": "Patient/p1"},
        },
    ]
    found = study.to_sdtm([*people, resource]).ledger
    assert found.adds_up
    entry = next(entry for entry in found.by if entry["type"] == "Observation")
    assert entry["dispositions"] == {fate: 1}
    assert reason is None or f"{fate}: {reason}" in found.reasons
