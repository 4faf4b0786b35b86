"""Every shape that FHIR R4 gives to what a study needs: values, parts, containers; all of it is counted."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from interop.fhir.columns import compile_view
from interop.fhir.json import Decoder, parse
from interop.fhir.quarantine import write_quarantine
from interop.fhir.read import read
from interop.fhir.source import open_source
from interop.fhir.view import View
from interop.study import Study

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
LABORATORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1968-03-14"}
ENROLMENT = {
    "resourceType": "ResearchSubject",
    "id": "rs1",
    "identifier": [{"system": "https://fhir-sdtm-interop.org/fhir/sid/subjid", "value": "001"}],
    "status": "on-study",
    "study": {"reference": "ResearchStudy/trial"},
    "individual": {"reference": "Patient/p1"},
}
HEMOGLOBIN = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "category": [{"coding": [LABORATORY]}],
    "code": {"coding": [{"system": LOINC, "code": "718-7"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2020-05-10T07:40:00+08:00",
}
QUANTITY = {"valueQuantity": {"value": 98, "unit": "g/L", "system": UCUM, "code": "g/L"}}
RESULT = {**HEMOGLOBIN, **QUANTITY}
MODIFIER = {"modifierExtension": [{"url": "https://his.example/negated", "valueBoolean": True}]}
RULES = {"implicitRules": "https://his.example/rules"}
DELETION = {"request": {"method": "DELETE", "url": "Observation/o1"}}


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.load()


def bundle(*entries: Mapping[str, Any], kind: str = "collection", **more: Any) -> dict[str, Any]:
    whole = [entry if "resourceType" not in entry else {"resource": entry} for entry in entries]
    return {"resourceType": "Bundle", "type": kind, "entry": whole, **more}


def told(study: Study, *resources: Mapping[str, Any]) -> tuple[list[str], dict[str, int], list[str]]:
    """LBORRES, the ledger without zeros, and the rules of the issues."""
    result = study.to_sdtm([copy.deepcopy(resource) for resource in resources])
    assert result.ledger.adds_up
    fates = {fate: n for fate, n in result.ledger.dispositions.items() if n}
    return result.datasets["LB"].frame["LBORRES"].to_list(), fates, sorted(i.rule for i in result.issues)


# ---------------------------------------------------------------- values

VALUES = {
    "Quantity": ({"value": 1.5, "comparator": ">=", "unit": "g/L", "system": UCUM, "code": "g/L"}, [">=1.5"]),
    "CodeableConcept": ({"text": "positive"}, ["positive"]),
    "String": ("阳性", ["阳性"]),
    "Boolean": (True, ["POSITIVE"]),
    "Integer": (7, ["7"]),
    "Range": ({"low": {"value": 3}, "high": {"value": 5}}, ["3-5"]),
    "Ratio": ({"numerator": {"value": 1}, "denominator": {"value": 160}}, None),  # a titer is no hemoglobin
    "SampledData": ({"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": "1 2"}, None),
    "Time": ("08:30:00", None),
    "DateTime": ("2020-05-10", None),
    "Period": ({"start": "2020-05-10"}, None),
}


@pytest.mark.parametrize(("kind", "sent", "kept"), [(kind, *value) for kind, value in VALUES.items()])
def test_every_value_is_a_result_or_told(study, kind, sent, kept):
    results, fates, rules = told(study, PATIENT, ENROLMENT, {**HEMOGLOBIN, f"value{kind}": sent})
    if kept is None:
        assert (results, fates) == ([], {"mapped": 2, "quarantined": 1})
        assert rules
    else:
        assert (results, fates) == (kept, {"mapped": 3})


PARTS = {
    "components": (
        {"component": [{"code": HEMOGLOBIN["code"], **QUANTITY}, {"code": HEMOGLOBIN["code"], **QUANTITY}]},
        ["98", "98"],
    ),
    "an absent value": ({"dataAbsentReason": {"text": "clotted"}}, [None]),
    "a value with an extension": (
        {**QUANTITY, "_effectiveDateTime": {"extension": [{"url": "https://a", "valueString": "b"}]}},
        ["98"],
    ),
    "a narrative and extensions": (
        {**QUANTITY, "text": {"status": "generated", "div": "<div/>"}, "extension": [{"url": "https://a"}]},
        ["98"],
    ),
}


@pytest.mark.parametrize(("parts", "results"), PARTS.values(), ids=PARTS.keys())
def test_parts_of_an_observation(study, parts, results):
    found, fates, _ = told(study, PATIENT, ENROLMENT, {**HEMOGLOBIN, **parts})
    assert (found, fates) == (results, {"mapped": 3})


def test_a_panel_of_members_gives_the_members_once(study):
    panel = {**HEMOGLOBIN, "id": "panel", "hasMember": [{"reference": "Observation/o1"}]}
    found, fates, _ = told(study, PATIENT, ENROLMENT, RESULT, panel)
    assert (found, fates) == (["98"], {"mapped": 4})


# ---------------------------------------------------------------- contained


def test_a_view_that_leaves_out_all_resources_of_which_none_has_an_id_gives_no_row():
    columns = [{"name": "id", "path": "id"}, {"name": "status", "path": "status"}]
    view = {"resourceType": "ViewDefinition", "resource": "Observation", "select": [{"column": columns}]}
    compiled = compile_view(View.load({**view, "where": [{"path": "status = 'final'"}]}))
    sent = {"id": [b"", b""], "status": [b'"registered"', b'"unknown"']}
    assert compiled.columns(sent, resource_type="Observation").height == 0


BARS = {
    "the resource": (MODIFIER, "MAP-RULES-001"),
    "a part": ({"component": [{"code": {"text": "a"}, **MODIFIER}]}, "MAP-RULES-001"),
    "a contained resource": (
        {"contained": [{"resourceType": "Specimen", "id": "s", **MODIFIER}]},
        "MAP-RULES-001",
    ),
    "a part of a contained one": (
        {
            "contained": [
                {"resourceType": "Specimen", "id": "s", "extension": [{"url": "https://a", **MODIFIER}]}
            ]
        },
        "MAP-RULES-001",
    ),
    "rules": (RULES, "MAP-RULES-002"),
    "rules of a contained one": (
        {"contained": [{"resourceType": "Specimen", "id": "s", **RULES}]},
        "MAP-RULES-002",
    ),
}


@pytest.mark.parametrize(("bar", "rule"), BARS.values(), ids=BARS.keys())
def test_what_modifies_a_resource_wherever_it_stands_keeps_it_from_being_processed(study, bar, rule):
    found = told(study, PATIENT, ENROLMENT, {**RESULT, **bar})
    assert found == ([], {"mapped": 2, "quarantined": 1}, [rule])


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (bundle({"fullUrl": "urn:x:1", "resource": RESULT, **MODIFIER}), "MAP-RULES-001"),
        (bundle(RESULT, **RULES), "MAP-RULES-002"),
    ],
)
def test_what_a_bundle_says_of_its_entries_holds_in_the_quarantine_too(study, tmp_path, made, rule):
    result = study.to_sdtm([PATIENT, ENROLMENT, made])
    assert [issue.rule for issue in result.issues] == [rule]
    target = tmp_path / "quarantine.ndjson"
    assert write_quarantine(target, result.source, wanted=result.quarantine) == 1
    again = study.to_sdtm([PATIENT, ENROLMENT, *map(parse, target.read_bytes().splitlines())])
    assert ([issue.rule for issue in again.issues], len(again.datasets["LB"])) == ([rule], 0)


# ---------------------------------------------------------------- Bundles


@pytest.mark.parametrize(
    "kind", ["transaction", "batch", "searchset", "history", "collection", "document", "message"]
)
def test_every_kind_of_bundle_holds_resources(study, kind):
    head = {"document": "Composition", "message": "MessageHeader"}.get(kind)
    first = [{"resourceType": head, "id": "head"}] if head else []
    found, fates, rules = told(study, bundle(*first, PATIENT, ENROLMENT, RESULT, kind=kind))
    assert (found, fates, rules) == (["98"], {"mapped": 3, **({"out of scope": 1} if head else {})}, [])


def test_what_a_search_includes_is_data_and_its_outcome_is_told(study):
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}
    found = told(
        study,
        bundle(
            {"resource": RESULT, "search": {"mode": "match"}},
            {"resource": PATIENT, "search": {"mode": "include"}},
            {"resource": outcome, "search": {"mode": "outcome"}},
            kind="searchset",
        ),
        ENROLMENT,
    )
    assert found == (["98"], {"mapped": 3, "out of scope": 1}, ["FHIR-READ-021"])


@pytest.mark.parametrize(
    ("entries", "results", "fates", "rules"),
    [
        # the deletion is the later version
        (
            [{**DELETION, "response": {"etag": 'W/"2"'}}, {**RESULT, "meta": {"versionId": "1"}}],
            [],
            {"removed": 2},
            [],
        ),
        # ... by the url of a history
        (
            [
                {"request": {"method": "DELETE", "url": "Observation/o1/_history/2"}},
                {**RESULT, "meta": {"versionId": "1"}},
            ],
            [],
            {"removed": 2},
            [],
        ),
        # ... by time
        (
            [
                {**DELETION, "response": {"lastModified": "2020-06-01T00:00:00Z"}},
                {**RESULT, "meta": {"lastUpdated": "2020-05-31T00:00:00Z"}},
            ],
            [],
            {"removed": 2},
            [],
        ),
        # it was made again
        (
            [
                {**RESULT, "meta": {"versionId": "3"}},
                {**DELETION, "response": {"etag": 'W/"2"'}},
                {**RESULT, "meta": {"versionId": "1"}},
            ],
            ["98"],
            {"mapped": 1, "merged": 2},
            [],
        ),
        # nothing says when
        ([DELETION, RESULT], [], {"quarantined": 1, "removed": 1}, ["MAP-VERSION-001"]),
        # of something that was never sent; of whatever a search finds
        ([DELETION], [], {"removed": 1}, []),
        ([{"request": {"method": "DELETE", "url": "Observation?code=1"}}], [], {}, ["FHIR-READ-010"]),
    ],
)
def test_a_deletion_takes_away_what_came_before_it(study, entries, results, fates, rules):
    found, counted, issues = told(study, PATIENT, ENROLMENT, bundle(*entries, kind="history"))
    assert (found, issues) == (results, rules)
    assert counted == {**fates, "mapped": 2 + fates.get("mapped", 0)}


def test_a_deletion_is_no_resource_of_the_quarantine(study, tmp_path):
    result = study.to_sdtm([PATIENT, ENROLMENT, bundle(DELETION, RESULT, kind="transaction")])
    assert write_quarantine(tmp_path / "q.ndjson", result.source, wanted=result.quarantine) == 1
    assert b"valueQuantity" in (tmp_path / "q.ndjson").read_bytes()


def test_parameters_are_counted_and_not_opened(study):
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": RESULT}]}
    assert told(study, PATIENT, ENROLMENT, parameters) == ([], {"mapped": 2, "out of scope": 1}, [])


# ---------------------------------------------------------------- Patient.link

OLD = {"resourceType": "Patient", "id": "old", "gender": "male", "birthDate": "1950"}
ITS = {**RESULT, "subject": {"reference": "Patient/old"}}


def linked(patient: Mapping[str, Any], kind: str, other: str) -> dict[str, Any]:
    return {**patient, "link": [{"other": {"reference": f"Patient/{other}"}, "type": kind}]}


@pytest.mark.parametrize(
    ("people", "birth", "results", "fates"),
    [
        ([PATIENT, linked(OLD, "replaced-by", "p1")], "1968-03-14", ["98"], {"mapped": 3, "merged": 1}),
        ([linked(PATIENT, "replaces", "old"), OLD], "1968-03-14", ["98"], {"mapped": 3, "merged": 1}),
        ([linked(PATIENT, "replaces", "old")], "1968-03-14", ["98"], {"mapped": 3}),
        ([linked(OLD, "replaced-by", "p1")], "1950", ["98"], {"mapped": 3}),
        ([PATIENT, linked(OLD, "refer", "p1")], "1968-03-14", [], {"mapped": 2, "not in study": 2}),
        ([PATIENT, linked(OLD, "seealso", "p1")], "1968-03-14", [], {"mapped": 2, "not in study": 2}),
    ],
)
def test_a_replaced_patient_is_the_other_and_a_referred_one_is_not(study, people, birth, results, fates):
    result = study.to_sdtm([ENROLMENT, ITS, *people])
    assert result.datasets["DM"].frame.select("USUBJID", "BRTHDTC").rows() == [
        ("NCT04324411-PUMCH-001", birth)
    ]
    assert result.datasets["LB"].frame["LBORRES"].to_list() == results
    assert {fate: n for fate, n in result.ledger.dispositions.items() if n} == fates


def test_of_two_patients_replaced_by_one_not_sent_neither_stands_in(study):
    both = [linked({**OLD, "id": name}, "replaced-by", "p1") for name in ("old", "older")]
    result = study.to_sdtm([ENROLMENT, ITS, *both])
    assert result.datasets["DM"]["USUBJID"].to_list() == ["NCT04324411-PUMCH-001"]
    assert "BRTHDTC" not in result.datasets["DM"]
    assert [issue.rule for issue in result.issues] == ["MAP-REFERENCE-002"] * 2


@pytest.mark.parametrize(
    ("contained", "fates", "rules"),
    [
        ({}, {"mapped": 2, "quarantined": 1}, ["MAP-SUBJECT-002"]),
        ({"contained": [OLD | {"id": "s"}]}, {"mapped": 2, "not in study": 1}, []),
        (
            {"contained": [{"resourceType": "Group", "id": "s"}]},
            {"mapped": 2, "out of scope": 1},
            ["MAP-SUBJECT-003"],
        ),
    ],
)
def test_a_subject_in_the_resource_itself_is_nobody_of_the_study(study, contained, fates, rules):
    inside = {**RESULT, "subject": {"reference": "#s"}, **contained}
    assert told(study, PATIENT, ENROLMENT, inside) == ([], fates, rules)


def test_resources_that_only_their_bundle_names_are_read(study):
    urn = "urn:uuid:0b1c9d5e-0000-4000-8000-000000000000"
    named = [
        PATIENT,
        {**ENROLMENT, "individual": {"reference": urn}},
        {**RESULT, "subject": {"reference": urn}},
    ]
    bare = [{name: value for name, value in one.items() if name != "id"} for one in named]
    made = bundle(*[{"fullUrl": f"{urn[:-1]}{n}", "resource": one} for n, one in enumerate(bare)])
    assert told(study, made) == (["98"], {"mapped": 3}, [])


def test_chunks_keep_what_bundles_say_by_position():
    made = bundle(RESULT, {"resource": PATIENT, **MODIFIER}, {**DELETION}, **RULES)
    source = open_source(made)
    chunks = [chunk for part in source.parts() for chunk in read(part, decoder=Decoder())]
    (chunk,) = [chunk for chunk in chunks if chunk.resources]
    assert (chunk.modified, chunk.deleted, set(chunk.rules)) == ([1], [2], {0, 1, 2})
