"""The hospital's own systems, addresses and the codings that every resource uses."""

from collections.abc import Sequence

from cohort.ndjson import Resource, number

SERVER = "https://fhir.pumch.example/fhir"
PROJECT = "https://fhir-sdtm-interop.org/fhir"
SITE = f"{PROJECT}/sid/site"
SUBJID = f"{PROJECT}/sid/subjid"
MRN = "urn:pumch:mrn"
LIS = "urn:pumch:lis"
DRUG = "urn:pumch:drug"
STUDY = "nct04324411"
CUT_OFF = "2021-08-31"

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
HL7 = "http://terminology.hl7.org/CodeSystem"
ATC = "http://www.whocc.no/atc"


def coding(system: str, code: str, display: str = "") -> Resource:
    """A Coding; without `display` when it is empty."""
    return {"system": system, "code": code, **({"display": display} if display else {})}


def concept(text: str, *codings: Resource) -> Resource:
    """A CodeableConcept with its codings first; without text when `text` is empty."""
    return {**({"coding": list(codings)} if codings else {}), **({"text": text} if text else {})}


def quantity(value: str, unit: str, ucum: str = "", *, comparator: str = "") -> Resource:
    """A Quantity whose value keeps its characters; `ucum` empty means that only the unit's text is sent."""
    coded = {"system": UCUM, "code": ucum} if ucum else {}
    sign = {"comparator": comparator} if comparator else {}
    return {"value": number(value), **sign, **({"unit": unit} if unit else {}), **coded}


def reference(kind: str, key: str) -> Resource:
    """A relative Reference."""
    return {"reference": f"{kind}/{key}"}


def meta(stamp: str, *, version: int = 1) -> Resource:
    """Version and time of the hospital's server; `stamp` is a FHIR instant."""
    return {"versionId": str(version), "lastUpdated": stamp}


def references(kind: str, keys: Sequence[str]) -> list[Resource]:
    """Relative References to resources of one type."""
    return [reference(kind, key) for key in keys]
