"""Results as hospitals really send them: an oddity turns one plain Observation into what arrives."""

from collections.abc import Callable
from copy import deepcopy

from cohort.hospital import HL7, LIS, MRN, SERVER, coding, concept, quantity
from cohort.laboratory import interpretation, sex_concept
from cohort.ndjson import Resource

Oddity = Callable[[Resource], list[Resource]]
_ABSENT = f"{HL7}/data-absent-reason"


def _with(resource: Resource, **changes: object) -> list[Resource]:
    return [resource | changes]


def _without(resource: Resource, *names: str) -> Resource:
    return {name: value for name, value in resource.items() if name not in names}


def _later(resource: Resource, status: str) -> Resource:
    stamp = {"versionId": "2", "lastUpdated": resource["meta"]["lastUpdated"].replace(":00+", ":40+")}
    return resource | {"status": status, "meta": stamp}


def _misread(resource: Resource) -> Resource:
    wrong = deepcopy(resource)
    wrong["valueQuantity"]["value"] += "9"
    return wrong


def plain(resource: Resource) -> list[Resource]:
    """Nothing odd."""
    return [resource]


def amended(resource: Resource) -> list[Resource]:
    """A first version with a wrong number, then the amended one."""
    return [_misread(resource), _later(resource, "amended")]


def corrected(resource: Resource) -> list[Resource]:
    """A first version with a wrong number, then the corrected one."""
    return [_misread(resource), _later(resource, "corrected")]


def preliminary(resource: Resource) -> list[Resource]:
    """Preliminary, then final under the same id."""
    return [resource | {"status": "preliminary"}, _later(resource, "final")]


def registered(resource: Resource) -> list[Resource]:
    """Ordered and registered, no value yet."""
    return _with(_without(resource, "valueQuantity", "interpretation"), status="registered")


def cancelled(resource: Resource) -> list[Resource]:
    """Cancelled with a coded reason and a note."""
    bare = _without(resource, "valueQuantity", "interpretation")
    reason = concept("", coding(_ABSENT, "not-performed", "Not Performed"))
    return _with(bare, status="cancelled", dataAbsentReason=reason, note=[{"text": "标本溶血,已取消"}])


def cancelled_with_note(resource: Resource) -> list[Resource]:
    """Cancelled with a note alone."""
    bare = _without(resource, "valueQuantity", "interpretation")
    return _with(bare, status="cancelled", note=[{"text": "标本量不足"}])


def not_measurable(resource: Resource) -> list[Resource]:
    """Final, without value, with a coded reason."""
    reason = concept("", coding(_ABSENT, "error", "Error"))
    return _with(_without(resource, "valueQuantity", "interpretation"), dataAbsentReason=reason)


def entered_in_error(resource: Resource) -> list[Resource]:
    """Another patient's tube: entered in error."""
    return _with(resource, status="entered-in-error")


def duplicated(resource: Resource) -> list[Resource]:
    """The same result exported twice under two ids."""
    return [resource, resource | {"id": resource["id"] + "-DUP"}]


def re_pulled(resource: Resource) -> list[Resource]:
    """The same version of the same id twice."""
    return [resource, resource]


def _moment(**effective: object) -> Oddity:
    """The time alone speaks: no specimen, and `effective` in place of the dateTime; absent means removed."""

    def change(resource: Resource) -> list[Resource]:
        return [_without(resource, "specimen", "effectiveDateTime") | effective]

    return change


def _subject(subject: Resource) -> Oddity:
    return lambda resource: [resource | {"subject": subject}]


def _result(value: str, unit: str = "", ucum: str = "", *, comparator: str = "") -> Oddity:
    shown = quantity(value, unit, ucum, comparator=comparator)
    return lambda resource: [_without(resource, "interpretation") | {"valueQuantity": shown}]


def full_width(resource: Resource) -> list[Resource]:
    """A comparator and figures typed full-width, as text."""
    return _with(_without(resource, "valueQuantity", "interpretation"), valueString="＜０.１")


def name_only(resource: Resource) -> list[Resource]:
    """No coding, only the Chinese name."""
    return _with(resource, code={"text": resource["code"]["text"]})


def other_local_code(resource: Resource) -> list[Resource]:
    """The outpatient laboratory's own code alone."""
    return _with(resource, code=concept("白细胞", coding(LIS, "BXB01", "白细胞计数")))


def range_in_words(resource: Resource) -> list[Resource]:
    """A range as text alone, and no interpretation."""
    return _with(_without(resource, "interpretation"), referenceRange=[{"text": "120~250"}])


def ranges_by_sex(resource: Resource) -> list[Resource]:
    """Three ranges: men, women, children."""
    kind = concept("", coding(f"{HL7}/referencerange-meaning", "normal"))
    rows = []
    for sex, low, high in (("male", "120", "160"), ("female", "110", "150")):
        bounds = {"low": quantity(low, "g/L", "g/L"), "high": quantity(high, "g/L", "g/L")}
        years = {"low": quantity("18", "岁", "a")}
        rows.append(bounds | {"type": kind, "appliesTo": [sex_concept(sex)], "age": years})
    child = {"low": quantity("110", "g/L", "g/L"), "high": quantity("145", "g/L", "g/L")}
    rows.append(child | {"type": kind, "age": {"high": quantity("17", "岁", "a")}, "text": "儿童"})
    return _with(_without(resource, "interpretation"), referenceRange=rows)


def _flags(*codes: str) -> Oddity:
    return lambda resource: [resource | {"interpretation": interpretation(*codes)}]


def contained_specimen(resource: Resource) -> list[Resource]:
    """A specimen inside the result, collected the day before the result says."""
    accession = {"system": f"{LIS}:accession", "value": "W2006140077"}
    kind = concept("血清", coding(f"{HL7}/v2-0487", "SER", "Serum"))
    inside = {
        "resourceType": "Specimen",
        "id": "sp1",
        "accessionIdentifier": accession,
        "type": kind,
        "collection": {"collectedDateTime": "2020-06-14T18:20:00+08:00"},
    }
    first = {name: resource[name] for name in ("resourceType", "id", "meta")}
    return [first | {"contained": [inside]} | resource | {"specimen": {"reference": "#sp1"}}]


def absent_component(resource: Resource) -> list[Resource]:
    """One component of a panel without value."""
    whole = deepcopy(resource)
    part = _without(whole["component"][-1], "valueQuantity", "interpretation")
    whole["component"][-1] = part | {"dataAbsentReason": concept("", coding(_ABSENT, "not-performed"))}
    return [whole]


_MRN_ONLY = {"type": "Patient", "identifier": {"system": MRN, "value": "90000008"}}
_DAY = {"start": "2020-08-03T07:00:00+08:00", "end": "2020-08-04T07:00:00+08:00"}

ODDITIES: dict[str, Oddity] = {
    "L-001-02-SH008": amended,
    "L-002-05-SH001": corrected,
    "L-003-05-XCG008": preliminary,
    "L-012-11-XCG001": registered,
    "L-001-05-SH004": cancelled,
    "L-002-06-SH009": cancelled_with_note,
    "L-003-06-SH005": not_measurable,
    "L-006-05-XCG008": entered_in_error,
    "L-001-06-XCG001": duplicated,
    "L-001-06-XCG005": re_pulled,
    "L-001-07-XCG001": _moment(effectiveDateTime="2020-08-09T23:41:00Z"),
    "L-002-07-XCG001": _moment(effectiveDateTime="2020-08-16T18:40:00-05:00"),
    "L-003-07-XCG001": _moment(effectiveDateTime="2020-08-25"),
    "L-003-08-XCG001": _moment(effectiveDateTime="2020-09"),
    "L-006-07-XCG001": _moment(effectiveDateTime="2020-09-14T07:40:00"),
    "L-008-05-SH004": _moment(effectivePeriod=_DAY),
    "L-008-06-SH004": _moment(effectiveInstant="2020-09-05T07:40:12.125+08:00"),
    "L-009-06-SH004": _moment(effectivePeriod={"start": "2020-09-12T07:40:00+08:00"}),
    "L-013-06-SH004": _moment(),
    "L-002-10-XCG001": _subject({"reference": f"{SERVER}/Patient/P002"}),
    "L-003-10-XCG001": _subject({"reference": "Patient/P003/_history/2"}),
    "L-008-10-XCG001": _subject(_MRN_ONLY),
    "L-009-10-XCG002": _subject({"display": "宋子安"}),
    "L-001-01-SH005": _result("0.10", "g/L", "g/L", comparator="<"),
    "L-003-01-SH015": _result("500", "ng/mL", "ng/mL", comparator=">="),
    "L-007-01-SH005": full_width,
    "L-001-01-XCG001": _result("98.0", "g/L", "g/L"),
    "L-006-01-XCG005": _result("1.50", "×10^9/L", "10*9/L"),
    "L-010-01-XCG008": _result("1e2", "×10^9/L", "10*9/L"),
    "L-008-01-XCG001": _result("76", "ｇ／Ｌ"),
    "L-011-01-XCG001": _result("88", "g/l"),
    "L-011-01-XCG005": _result("4.5", "", ""),
    "L-004-01-XCG001": name_only,
    "L-002-01-XCG005": other_local_code,
    "L-001-08-SH004": range_in_words,
    "L-001-10-XCG001": ranges_by_sex,
    "L-002-11-SH010": _flags("H", "U"),
    "L-002-12-SH007": _flags("H"),
    "L-003-02-XCG008": _flags("LL"),
    "L-006-02-SH001": contained_specimen,
    "L-001-04-XCG000": absent_component,
}


def arrive(results: list[Resource]) -> list[Resource]:
    """The results as they arrive, every oddity in its place; an oddity without its result is an error."""
    missing = set(ODDITIES) - {result["id"] for result in results}
    if missing:
        raise LookupError(f"no such result: {', '.join(sorted(missing))}")
    return [row for result in results for row in ODDITIES.get(result["id"], plain)(result)]
