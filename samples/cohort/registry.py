"""Who is who and who is in the study: Patient, Organization, ResearchStudy, ResearchSubject, Consent."""

from cohort.course import Person, date_of
from cohort.hospital import HL7, MRN, NCIT, SITE, STUDY, SUBJID, coding, concept, meta, reference
from cohort.ndjson import Resource

_STAMP = "2021-08-31T20:00:00+08:00"
_PROGRESS = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ResearchSubject.progress"
_MERGED = "P011"
_MERGED_OLD = "P911"
_CATEGORY = (f"{HL7}/consentcategorycodes", "research")


def organizations() -> list[Resource]:
    """The hospital and its laboratory."""
    site = {"system": SITE, "value": "PUMCH"}
    address = [{"city": "北京市", "district": "东城区", "country": "CN"}]
    return [
        {
            "resourceType": "Organization",
            "id": "pumch",
            "identifier": [site],
            "name": "协和示例医院",
            "address": address,
        },
        {
            "resourceType": "Organization",
            "id": "pumch-lis",
            "name": "协和示例医院检验科",
            "partOf": reference("Organization", "pumch"),
        },
    ]


def study() -> Resource:
    """The study as the hospital registers it; the registry's status is unknown, which R4 has no code for."""
    absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    return {
        "resourceType": "ResearchStudy",
        "id": STUDY,
        "identifier": [{"system": "https://clinicaltrials.gov", "value": "NCT04324411"}],
        "title": "Sirolimus Combined With ATRA for the Treatment of Auto-Immune Anemia",
        "_status": {"extension": [{"url": absent, "valueCode": "unknown"}]},
        "primaryPurposeType": concept("", coding(f"{HL7}/research-study-prim-purp-type", "treatment")),
        "phase": concept("", coding(f"{HL7}/research-study-phase", "phase-2")),
        "sponsor": reference("Organization", "pumch"),
        "arm": [{"name": "SIRATRA", "description": "Sirolimus + ATRA"}],
    }


def patients(people: list[Person]) -> list[Resource]:
    """One Patient per person, and the old record of the one whose two records were merged."""
    merged = next(person for person in people if person.patient == _MERGED)
    old = patient(merged) | {
        "id": _MERGED_OLD,
        "identifier": [{"system": MRN, "value": "90000911"}],
        "active": False,
        "link": [{"other": reference("Patient", _MERGED), "type": "replaced-by"}],
    }
    return [*(patient(person) for person in people), old]


def record_of(person: Person, visit: int) -> str:
    """The Patient id that the hospital used at a visit: the merged patient was screened under the old one."""
    return _MERGED_OLD if person.patient == _MERGED and visit == 1 else person.patient


def patient(person: Person) -> Resource:
    """A Patient as the hospital information system sends it, MRN, name and telephone included."""
    deceased = {"deceasedDateTime": person.deceased} if person.deceased else {}
    return {
        "resourceType": "Patient",
        "id": person.patient,
        "meta": meta(_STAMP, version=3),
        "identifier": [{"use": "usual", "system": MRN, "value": mrn(person)}],
        "active": True,
        "name": [
            {"use": "official", "text": person.name, "family": person.name[0], "given": [person.name[1:]]}
        ],
        "telecom": [{"system": "phone", "value": f"010-0000-0{person.number}", "use": "mobile"}],
        "gender": person.gender,
        "birthDate": person.birth,
        **deceased,
        "address": [{"use": "home", "text": "北京市示例路1号", "city": "北京市", "country": "CN"}],
        "managingOrganization": reference("Organization", "pumch"),
    }


def mrn(person: Person) -> str:
    """The medical record number, which must never leave the hospital's own resources."""
    return f"90000{person.number}"


def subjects(people: list[Person]) -> list[Resource]:
    """One ResearchSubject per participation; the re-screened person has two."""
    rows = []
    for person in people:
        if person.earlier:
            rows.append(_earlier(person))
        if person.subjid:
            rows.append(subject(person))
    return rows


def subject(person: Person) -> Resource:
    """Participation in the study, with the arm only where one was given."""
    arm = {} if person.status == "ineligible" else {"assignedArm": "SIRATRA"}
    actual = {"actualArm": "SIRATRA"} if person.first_dose else {}
    end = {"end": _end(person)} if person.reason else {}
    return {
        "resourceType": "ResearchSubject",
        "id": f"rs-{person.subjid}",
        "meta": meta(_STAMP),
        **({"extension": [_progress(person)]} if person.reason else {}),
        "identifier": [{"system": SUBJID, "value": person.subjid}],
        "status": person.status,
        "period": {"start": person.consent, **end},
        "study": reference("ResearchStudy", STUDY),
        "individual": reference("Patient", person.patient),
        **arm,
        **actual,
        "consent": reference("Consent", f"consent-{person.subjid}"),
    }


def _end(person: Person) -> str:
    if person.deceased:
        return person.deceased[:10]
    after = 30 if person.status == "off-study" else 7
    return date_of(person, int(person.last_day or 1) + after).isoformat()


def _progress(person: Person) -> Resource:
    return {
        "url": _PROGRESS,
        "extension": [
            {"url": "subjectState", "valueCodeableConcept": concept("", coding(_STATES, person.status))},
            {
                "url": "reason",
                "valueCodeableConcept": concept(person.reason, coding(NCIT, _REASONS[person.reason])),
            },
            {"url": "startDate", "valueDateTime": _end(person)},
        ],
    }


_STATES = "http://hl7.org/fhir/research-subject-status"
_REASONS = {
    "COMPLETED": "C25250",
    "ADVERSE EVENT": "C41331",
    "DEATH": "C28554",
    "SCREEN FAILURE": "C49628",
    "WITHDRAWAL BY SUBJECT": "C49634",
}


def _earlier(person: Person) -> Resource:
    failed = person._replace(
        subjid=person.earlier,
        consent="2020-05-25",
        first_dose="",
        status="ineligible",
        reason="SCREEN FAILURE",
    )
    return subject(failed) | {"period": {"start": "2020-05-25", "end": "2020-06-02"}}


def consents(people: list[Person]) -> list[Resource]:
    """One signed Consent per participation."""
    rows = []
    for person in people:
        if person.earlier:
            rows.append(_consent(person, person.earlier, "2020-05-25"))
        if person.subjid:
            rows.append(_consent(person, person.subjid, person.consent))
    return rows


def _consent(person: Person, subjid: str, date: str) -> Resource:
    return {
        "resourceType": "Consent",
        "id": f"consent-{subjid}",
        "status": "active",
        "scope": concept("", coding(f"{HL7}/consentscope", "research")),
        "category": [concept("知情同意书", coding(*_CATEGORY))],
        "patient": reference("Patient", person.patient),
        "dateTime": f"{date}T09:30:00+08:00",
        "organization": [reference("Organization", "pumch")],
        "policyRule": concept("", coding(f"{HL7}/v3-ActCode", "OPTIN")),
    }
