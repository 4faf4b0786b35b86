"""What the clinic writes: encounters, diagnoses, vital signs, ECOG and the investigator's response."""

from cohort.course import Person, Visit, level
from cohort.draws import Draws
from cohort.hospital import HL7, LOINC, NCIT, SNOMED, coding, concept, meta, quantity, reference
from cohort.ndjson import Resource
from cohort.registry import record_of

_DIAGNOSES = {
    "aiha": ("自身免疫性溶血性贫血", SNOMED, "413603009"),
    "evans": ("Evans综合征", SNOMED, "75331009"),
    "prca": ("获得性纯红细胞再生障碍性贫血", "http://hl7.org/fhir/sid/icd-10", "D60.9"),
}
_RESPONSES = {"CR": "完全缓解", "PR": "部分缓解", "NR": "无效", "NE": "不可评估", "RELAPSE": "复发"}
_RESPONSE = "https://fhir-sdtm-interop.org/fhir/CodeSystem/response"
_BASELINE, _FIRST_RESPONSE_VISIT = 2, 5
_COMPLETE, _PARTIAL = 0.85, 0.35
_VITALS = (
    ("29463-7", "体重", 62.5, 0.6, 1, "kg", "kg"),
    ("8310-5", "体温", 36.5, 0.2, 1, "℃", "Cel"),
    ("8867-4", "心率", 82, 6, 0, "次/分", "/min"),
    ("9279-1", "呼吸", 18, 1, 0, "次/分", "/min"),
)


def _key(person: Person, visit: Visit) -> str:
    return f"{person.number}-{visit.number:02}"


def encounter(person: Person, visit: Visit) -> Resource:
    """The clinic contact of a planned visit, with the visit's label as the research nurse types it."""
    return {
        "resourceType": "Encounter",
        "id": f"E-{_key(person, visit)}",
        "meta": meta(visit.at("12:00")),
        "status": "finished",
        "class": coding(f"{HL7}/v3-ActCode", "AMB", "ambulatory"),
        "type": [concept(f"研究随访 {visit.label}")],
        "subject": reference("Patient", record_of(person, visit.number)),
        "period": {"start": visit.at("07:20"), "end": visit.at("11:30")},
        "serviceProvider": reference("Organization", "pumch"),
    }


def unscheduled(person: Person, key: str, date: str, reason: str) -> Resource:
    """A contact outside every window, in the emergency department."""
    return {
        "resourceType": "Encounter",
        "id": f"E-{person.number}-{key}",
        "meta": meta(f"{date}T23:00:00+08:00"),
        "status": "finished",
        "class": coding(f"{HL7}/v3-ActCode", "EMER", "emergency"),
        "subject": reference("Patient", person.patient),
        "period": {"start": f"{date}T19:05:00+08:00", "end": f"{date}T22:10:00+08:00"},
        "reasonCode": [concept(reason)],
        "serviceProvider": reference("Organization", "pumch"),
    }


def conditions(person: Person) -> list[Resource]:
    """The disease of the study, and high blood pressure in those born before 1960."""
    text, system, code = _DIAGNOSES[person.disease]
    first = _condition(person, "1", concept(text, coding(system, code)), f"{person.day_one.year - 2}-03")
    if person.birth >= "1960":
        return [first]
    return [first, _condition(person, "2", concept("高血压病", coding(SNOMED, "38341003")), "2011")]


def _condition(person: Person, key: str, code: Resource, onset: str) -> Resource:
    return {
        "resourceType": "Condition",
        "id": f"C-{person.number}-{key}",
        "clinicalStatus": concept("", coding(f"{HL7}/condition-clinical", "active")),
        "verificationStatus": concept("", coding(f"{HL7}/condition-ver-status", "confirmed")),
        "category": [concept("", coding(f"{HL7}/condition-category", "problem-list-item"))],
        "code": code,
        "subject": reference("Patient", person.patient),
        "onsetDateTime": onset,
        "recordedDate": person.consent or "2020-06-01",
    }


def _observation(person: Person, visit: Visit, key: str, category: str, code: Resource) -> Resource:
    return {
        "resourceType": "Observation",
        "id": f"V-{_key(person, visit)}-{key}",
        "meta": meta(visit.at("12:00")),
        "status": "final",
        "category": [concept("", coding(f"{HL7}/observation-category", category))],
        "code": code,
        "subject": reference("Patient", record_of(person, visit.number)),
        "encounter": reference("Encounter", f"E-{_key(person, visit)}"),
        "effectiveDateTime": visit.at("09:10"),
    }


def vital_signs(seed: int, person: Person, visit: Visit) -> list[Resource]:
    """Weight and temperature, up to baseline pulse and breathing too, and the blood pressure panel."""
    draws = Draws(seed, person.patient, visit.number, "vital signs")
    rows = []
    for code, text, middle, spread, decimals, unit, ucum in _VITALS[: 4 if visit.number <= _BASELINE else 2]:
        value = quantity(f"{draws.near(middle, spread):.{decimals}f}", unit, ucum)
        name = concept(text, coding(LOINC, code))
        rows.append(_observation(person, visit, code, "vital-signs", name) | {"valueQuantity": value})
    parts = []
    for code, text, middle in (("8480-6", "收缩压", 124), ("8462-4", "舒张压", 76)):
        value = quantity(f"{draws.near(middle, 7):.0f}", "mmHg", "mm[Hg]")
        parts.append({"code": concept(text, coding(LOINC, code)), "valueQuantity": value})
    panel = _observation(person, visit, "85354-9", "vital-signs", concept("血压", coding(LOINC, "85354-9")))
    return [*rows, panel | {"component": parts}]


def ecog(person: Person, visit: Visit) -> Resource:
    """ECOG performance status, 0 to 4, as an integer."""
    score = 2 - round(2 * level(person.course, visit.day))
    name = concept("ECOG评分", coding(LOINC, "89247-1"))
    return _observation(person, visit, "89247-1", "exam", name) | {"valueInteger": score}


def responses(person: Person, visit: Visit) -> list[Resource]:
    """The investigator's response from week 4 on: overall, and by lineage in Evans syndrome."""
    if not person.first_dose or visit.number < _FIRST_RESPONSE_VISIT:
        return []
    tests = [("C96613", "总体疗效")]
    if person.disease == "evans":
        tests += [("C202443", "血红蛋白疗效"), ("C202442", "血小板疗效")]
    investigator = [{"display": "研究者"}]
    rows = []
    for code, text in tests:
        call = _call(person, visit)
        value = concept(_RESPONSES[call], coding(_RESPONSE, call))
        base = _observation(person, visit, code, "exam", concept(text, coding(NCIT, code)))
        rows.append(base | {"performer": investigator, "valueCodeableConcept": value})
    return rows


def _call(person: Person, visit: Visit) -> str:
    now, best = (
        level(person.course, visit.day),
        max(level(person.course, d) for d in range(1, visit.day + 1)),
    )
    if best >= _COMPLETE and now < _COMPLETE / 2:
        return "RELAPSE"
    if now >= _COMPLETE:
        return "CR"
    return "PR" if now >= _PARTIAL else "NR"


_ITEMS = (
    *("SF36101", "SF36102"),
    *(f"SF36103{letter}" for letter in "ABCDEFGHIJ"),
    *(f"SF36104{letter}" for letter in "ABCD"),
    *(f"SF36105{letter}" for letter in "ABC"),
    *("SF36106", "SF36107", "SF36108"),
    *(f"SF36109{letter}" for letter in "ABCDEFGHI"),
    "SF36110",
    *(f"SF36111{letter}" for letter in "ABCD"),
)
_OPTIONS = {"03": 3, "04": 2, "05": 2, "07": 6, "09": 6}
_QUESTIONNAIRE = "urn:study:NCT04324411:questionnaire"


def quality_of_life(seed: int, person: Person, visit: Visit) -> Resource:
    """Answers by item number alone (no wording is ever sent); one person skips an item at baseline."""
    draws = Draws(seed, person.patient, visit.number, "quality of life")
    items = []
    for item in _ITEMS:
        answer = 1 + draws.below(_OPTIONS.get(item[5:7], 5))
        skipped = item == "SF36107" and _key(person, visit) == "003-02"
        items.append({"linkId": item} | ({} if skipped else {"answer": [{"valueInteger": answer}]}))
    return _form(person, visit, "qol", "sf36-v1", items)


def eligibility(person: Person, visit: Visit) -> Resource:
    """Inclusion and exclusion criteria as booleans; the screen failure misses one of each."""
    failed = {"INCL03", "EXCL07"} if person.status == "ineligible" else set()
    items = []
    for link in (*(f"INCL{n:02}" for n in range(1, 8)), *(f"EXCL{n:02}" for n in range(1, 11))):
        met = link.startswith("INCL") != (link in failed)
        items.append({"linkId": link, "answer": [{"valueBoolean": met}]})
    return _form(person, visit, "elig", "eligibility", items)


def _form(person: Person, visit: Visit, key: str, name: str, items: list[Resource]) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"Q-{_key(person, visit)}-{key}",
        "meta": meta(visit.at("12:00")),
        "questionnaire": f"{_QUESTIONNAIRE}:{name}",
        "status": "completed",
        "subject": reference("Patient", record_of(person, visit.number)),
        "encounter": reference("Encounter", f"E-{_key(person, visit)}"),
        "authored": visit.at("10:05"),
        "source": reference("Patient", record_of(person, visit.number)),
        "item": items,
    }
