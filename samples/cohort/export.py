"""The cohort as the hospital's export: file name to resources, in the order of patients and visits."""

from cohort.clinic import (
    conditions,
    ecog,
    eligibility,
    encounter,
    quality_of_life,
    responses,
    unscheduled,
    vital_signs,
)
from cohort.course import Person, Visit, people, table, visits
from cohort.events import adverse_events
from cohort.formulary import medications, requests, taken_before
from cohort.laboratory import Draw, Laboratory, component_panel, member_panel, report, result, specimen
from cohort.ndjson import Resource
from cohort.oddities import arrive
from cohort.registry import consents, organizations, patient, patients, record_of, study, subjects
from cohort.serology import antiglobulin, bedside, interval, pregnancy, unmapped
from cohort.treatment import administrations, transfusions

_WEEK_1, _WEEK_2, _WEEK_4, _BASELINE, _MONTH_2, _END = 3, 4, 5, 2, 6, 12
_QUALITY_OF_LIFE_VISITS = (2, 7, 10, 12)
_NO_STUDY_VISITS = (1, 6)
_BUNDLE_PATIENT = "P009"

Files = dict[str, list[Resource]]


def cohort(seed: int) -> tuple[Files, list[Resource]]:
    """Every file of the export, and the resources of the follow-up Bundle."""
    everyone = people()
    schedule = table("visits.csv")
    laboratory = Laboratory.of(seed, table("catalogue.csv"), table("course.csv"))
    files: Files = {
        "Organization": organizations(),
        "ResearchStudy": [study()],
        "Patient": patients(everyone),
        "ResearchSubject": subjects(everyone),
        "Consent": consents(everyone),
        "Medication": medications(),
        "AdverseEvent": adverse_events(everyone),
    }
    bundle: list[Resource] = []
    results: list[Resource] = []
    for person in everyone:
        kept = [
            visit
            for visit in visits(seed, person, schedule)
            if person.subjid or visit.number in _NO_STUDY_VISITS
        ]
        for name, rows in _record(laboratory, person, kept).items():
            files.setdefault(name, []).extend(rows)
        for visit in kept:
            rows, tubes, reports = _laboratory(laboratory, person, visit)
            if person.patient == _BUNDLE_PATIENT and visit.number == _END:
                bundle = [patient(person), *tubes, *rows]
                continue
            results += rows
            files.setdefault("Specimen", []).extend(tubes)
            files.setdefault("DiagnosticReport", []).extend(reports)
    files["Observation"] = _in_order([*arrive(results), *files["Observation"]])
    return files, bundle


def _in_order(rows: list[Resource]) -> list[Resource]:
    """Patients together, their laboratory results before the clinic's."""
    return sorted(rows, key=lambda row: str(row["id"]).split("-")[1])


def _record(laboratory: Laboratory, person: Person, kept: list[Visit]) -> Files:
    """What the clinic and the ward wrote about one person."""
    seed = laboratory.seed
    observations = [row for visit in kept for row in vital_signs(seed, person, visit)]
    observations += [ecog(person, visit) for visit in kept]
    observations += [row for visit in kept for row in responses(person, visit)]
    files: Files = {
        "Encounter": [encounter(person, visit) for visit in kept] + _extra_contacts(person),
        "Condition": conditions(person),
        "Observation": observations,
        "MedicationStatement": taken_before(person),
        "QuestionnaireResponse": _forms(seed, person, kept),
        "MedicationRequest": [],
        "MedicationAdministration": [],
        "Procedure": [],
    }
    if person.first_dose:
        given = administrations(seed, person, kept, laboratory.courses)
        given += [row for row in transfusions(person) if row["resourceType"] != "Procedure"]
        files["MedicationRequest"] = requests(person)
        files["MedicationAdministration"] = given
        files["Procedure"] = [row for row in transfusions(person) if row["resourceType"] == "Procedure"]
    return files


def _extra_contacts(person: Person) -> list[Resource]:
    if person.patient == "P006":
        return [unscheduled(person, "U1", "2020-09-12", "发热、咳嗽")]
    if person.patient == "P001":
        cancelled = unscheduled(person, "U2", "2020-10-24", "复诊")
        return [cancelled | {"status": "cancelled"}]
    return []


def _forms(seed: int, person: Person, kept: list[Visit]) -> list[Resource]:
    if not person.subjid:
        return []
    forms = [eligibility(person, visit) for visit in kept if visit.number == 1]
    if person.first_dose:
        asked = [visit for visit in kept if visit.number in _QUALITY_OF_LIFE_VISITS]
        forms += [quality_of_life(seed, person, visit) for visit in asked]
    return forms


def _analyser(person: Person, visit: Visit) -> str:
    """Week 1 runs on the emergency analyser, week 2 only for patients with even numbers."""
    even = int(person.number) % 2 == 0
    return "B" if visit.number == _WEEK_1 or (visit.number == _WEEK_2 and even) else "A"


def _laboratory(
    laboratory: Laboratory, person: Person, visit: Visit
) -> tuple[list[Resource], list[Resource], list[Resource]]:
    """Results, specimens and reports of one visit."""
    record = record_of(person, visit.number)
    draw = Draw(person, visit, record, "07:40", _analyser(person, visit))
    panels = [
        name for name in visit.panels if name not in ("serology", "trough" if not person.first_dose else "")
    ]
    rows: list[Resource] = []
    for name in panels:
        tests = laboratory.panel(name, draw.analyser)
        if name == "blood count" and visit.number == _WEEK_2 and draw.analyser == "A":
            rows.append(component_panel(laboratory, draw, tests))
            continue
        rows += [result(laboratory, draw, test) for test in tests]
        if name == "blood count" and visit.number == _WEEK_4:
            rows.append(member_panel(draw, rows[-len(tests) :]))
    rows += _special(draw)
    kinds = sorted({row["specimen"]["reference"].rsplit("-", 1)[1] for row in rows if "specimen" in row})
    reports = [report(draw, rows)] if visit.number in (_BASELINE, _END) else []
    return rows, [specimen(draw, kind) for kind in kinds], reports


def _special(draw: Draw) -> list[Resource]:
    """Serology of the visit, and the single results that only some people have."""
    person, number = draw.person, draw.visit.number
    rows = antiglobulin(draw) if "serology" in draw.visit.panels else []
    if person.patient in ("P003", "P011") and number in (1, _BASELINE):
        rows += pregnancy(draw)
    if person.disease == "prca" and number in (1, _MONTH_2):
        rows.append(unmapped(draw, "486.0" if number == 1 else "212.5"))
    if person.patient == "P007" and number == _WEEK_1:
        rows.append(bedside(draw, 21))
    if person.patient == "P013" and number == _BASELINE:
        rows.append(interval(draw))
    return rows
