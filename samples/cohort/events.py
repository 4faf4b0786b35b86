"""Adverse events: seriousness, grade, causality and action for both drugs (AE research backport)."""

from cohort.course import Person, date_of, table
from cohort.hospital import HL7, NCIT, coding, concept, meta, reference
from cohort.ndjson import Resource

_BACKPORT = "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition"
_MEDDRA = "https://www.meddra.org"
_GRADES = {"1": "C41338", "2": "C41339", "3": "C41340", "4": "C41337", "5": "C48275"}
_SEVERITIES = {"1": "mild", "2": "moderate", "3": "severe", "4": "severe", "5": "severe"}
_CRITERIA = {"C48275": "Results In Death", "C83052": "Requires Inpatient Hospitalization"}
_CAUSALITIES = {
    "C53256": "Not Related",
    "C53257": "Unlikely Related",
    "C53258": "Possibly Related",
    "C53260": "Related",
}
_ACTIONS = {
    "C49504": "Dose not changed",
    "C49505": "Dose reduced",
    "C49501": "Drug interrupted",
    "C49502": "Drug withdrawn",
}


def adverse_events(people: list[Person]) -> list[Resource]:
    """The events of `events.csv`, numbered within their person, a near miss, and one entered in error."""
    known = {person.patient: person for person in people}
    rows = [_event(known[row["patient"]], row) for row in table("events.csv")]
    near_miss = _event(known["P002"], table("events.csv")[0] | {"patient": "P002", "number": "9"})
    mistake = _event(known["P003"], table("events.csv")[3] | {"number": "9"})
    in_error = [{"url": f"{_BACKPORT}/status", "valueCode": "entered-in-error"}]
    return [
        *rows,
        near_miss | {"actuality": "potential", "event": concept("发药剂量错误，未服用")},
        mistake | {"modifierExtension": in_error},
    ]


def _event(person: Person, row: dict[str, str]) -> Resource:
    start = date_of(person, int(row["day"])).isoformat()
    return {
        "resourceType": "AdverseEvent",
        "id": f"AE-{person.number}-{row['number']}",
        "meta": meta(f"{start}T20:00:00+08:00"),
        "extension": _extensions(person, row),
        "identifier": {"system": "urn:pumch:ae", "value": f"{person.number}-{row['number']}"},
        "actuality": "actual",
        "event": concept(row["text"], *_coded(row["code"])),
        "subject": reference("Patient", person.patient),
        "date": start if row["exact"] == "Y" else start[:7],
        "seriousness": concept("", coding(f"{HL7}/adverse-event-seriousness", _seriousness(row))),
        "severity": concept("", coding(f"{HL7}/adverse-event-severity", _SEVERITIES[row["grade"]])),
        "outcome": concept("", coding(f"{HL7}/adverse-event-outcome", row["outcome"])),
        "suspectEntity": [
            _suspect("med-sirolimus", row["sirolimus"]),
            _suspect("med-tretinoin", row["tretinoin"]),
        ],
        "study": [reference("ResearchStudy", "nct04324411")],
    }


def _coded(code: str) -> list[Resource]:
    """An invented code that stands where a MedDRA code would; no term of MedDRA is in the project."""
    return [coding(_MEDDRA, code, f"NOT-MEDDRA {code[-2:]}")] if code else []


def _seriousness(row: dict[str, str]) -> str:
    return "Serious" if row["criterion"] else "Non-serious"


def _suspect(drug: str, causality: str) -> Resource:
    assessed = concept("", coding(NCIT, causality, _CAUSALITIES[causality]))
    return {"instance": reference("Medication", drug), "causality": [{"assessment": assessed}]}


def _extensions(person: Person, row: dict[str, str]) -> list[Resource]:
    grade = concept(f"Grade {row['grade']}", coding(NCIT, _GRADES[row["grade"]]))
    rows: list[Resource] = [{"url": f"{_BACKPORT}/ae-grade", "valueCodeableConcept": grade}]
    if row["end"]:
        end = date_of(person, int(row["end"])).isoformat()
        rows.append({"url": f"{_BACKPORT}/resolve-date", "valueDateTime": end})
    if row["criterion"]:
        code = concept("", coding(NCIT, row["criterion"], _CRITERIA[row["criterion"]]))
        parts = [
            {"url": "criterionCode", "valueCodeableConcept": code},
            {"url": "criterionPresent", "valueBoolean": True},
        ]
        rows.append({"url": f"{_BACKPORT}/seriousness-criteria", "extension": parts})
    actions = [_action(f"med-{drug}", row[f"{drug}_action"]) for drug in ("sirolimus", "tretinoin")]
    return [*rows, *actions]


def _action(drug: str, code: str) -> Resource:
    taken = concept("", coding(NCIT, code, _ACTIONS[code]))
    parts = [
        {"url": "item", "valueReference": reference("Medication", drug)},
        {"url": "action", "valueCodeableConcept": taken},
    ]
    return {"url": f"{_BACKPORT}/mitigating-action", "extension": parts}
