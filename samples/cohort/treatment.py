"""Doses as given: first dose, intervals, a diary, changes, misses, errors; and transfusions."""

import datetime as dt

from cohort.course import Person, Visit, date_of, trough
from cohort.formulary import INTRAVENOUS, ORAL
from cohort.hospital import SNOMED, coding, concept, meta, quantity, reference
from cohort.ndjson import Resource

_LOW, _HIGH = 4.0, 10.0
_DIARY_DAYS = 14
_DIARISTS = ("P002", "P009")
_BRAND = {"P003": "雷帕鸣", "P006": "雷帕霉素", "P011": "sirolimus"}
_CONTAINED = "P008"
_ONGOING = "P012"
_MISSED = ("P003", 4)


def administrations(
    seed: int, person: Person, visits: list[Visit], courses: dict[str, dict[str, str]]
) -> list[Resource]:
    """Every dosing record of a dosed person, in order of time within a drug."""
    last = date_of(person, int(person.last_day))
    steps = _steps(seed, person, visits, courses)
    return [
        *_sirolimus(person, steps, last),
        *_tretinoin(person, [step[0] for step in steps], last),
        *_singular(person),
    ]


def _steps(
    seed: int, person: Person, visits: list[Visit], courses: dict[str, dict[str, str]]
) -> list[tuple[dt.date, str, str]]:
    """Start, dose (mg) and reason of each constant stretch; it answers the trough of the last visit."""
    steps, daily = [(date_of(person, 2), 2.0, "")], 2.0
    for visit in (visit for visit in visits if "trough" in visit.panels):
        level, reason = trough(seed, person, visit, courses), ""
        if level > _HIGH and daily > 1:
            daily, reason = daily - 0.5, f"谷浓度{level:.1f} ng/mL，减量"
        if level < _LOW:
            daily, reason = daily + 0.5, f"谷浓度{level:.1f} ng/mL，加量"
        steps.append((visit.date + dt.timedelta(days=1), daily, reason))
    last = date_of(person, int(person.last_day))
    return [(start, f"{amount:g}", reason) for start, amount, reason in steps if start <= last]


def _sirolimus(person: Person, steps: list[tuple[dt.date, str, str]], last: dt.date) -> list[Resource]:
    first = f"{person.first_dose}T08:30:00+08:00"
    rows = [dose(person, "sirolimus", "000", "2", {"effectiveDateTime": first})]
    for index, (start, amount, reason) in enumerate(steps):
        end = steps[index + 1][0] - dt.timedelta(days=1) if index + 1 < len(steps) else last
        change = {"statusReason": [concept(reason)], "note": [{"text": reason}]} if reason else {}
        if person.patient in _DIARISTS and index <= 1:
            rows += _diary(person, start, end, amount)
            continue
        if (person.patient, index) == _MISSED:
            end -= dt.timedelta(days=3)
            rows.append(_missed(person, end))
        closing = {} if person.patient == _ONGOING and end == last else {"end": f"{end}"}
        status = {} if closing else {"status": "in-progress"}
        when = {"effectivePeriod": {"start": f"{start}", **closing}}
        rows.append(dose(person, "sirolimus", f"{index + 1:03}", amount, when) | change | status)
    return rows


def _missed(person: Person, last_given: dt.date) -> Resource:
    """The three days after `last_given`, on which no sirolimus was given."""
    first, last = (last_given + dt.timedelta(days=days) for days in (1, 3))
    when = {"effectivePeriod": {"start": f"{first}", "end": f"{last}"}}
    planned = dose(person, "sirolimus", "MISS", "2", when)
    bare = {name: value for name, value in planned.items() if name != "dosage"}
    return bare | {"status": "not-done", "statusReason": [concept("血小板减低，暂停用药")]}


def _diary(person: Person, start: dt.date, end: dt.date, amount: str) -> list[Resource]:
    days = min((end - start).days + 1, _DIARY_DAYS)
    rows = []
    for offset in range(days):
        day = start + dt.timedelta(days=offset)
        when = {"effectiveDateTime": f"{day}T08:{offset:02}:00+08:00"}
        rows.append(dose(person, "sirolimus", f"D{day:%m%d}", amount, when))
    return rows


def _drug(person: Person, drug: str) -> Resource:
    if drug == "sirolimus" and person.patient in _BRAND:
        return {"medicationCodeableConcept": concept(_BRAND[person.patient])}
    if drug == "tretinoin" and person.patient == _CONTAINED:
        return {"medicationReference": {"reference": "#med1"}}
    return {"medicationReference": reference("Medication", f"med-{drug}")}


def dose(person: Person, drug: str, key: str, amount: str, when: Resource) -> Resource:
    """One MedicationAdministration of a study drug: `amount` in mg of sirolimus or capsules of tretinoin."""
    capsules = drug == "tretinoin"
    taken = quantity(amount, "粒", "{capsule}") if capsules else quantity(amount, "mg", "mg")
    inside: Resource = {}
    if capsules and person.patient == _CONTAINED:
        form = {
            "resourceType": "Medication",
            "id": "med1",
            "code": concept("全反式维A酸"),
            "form": concept("胶囊"),
        }
        inside = {"contained": [form]}
    return {
        "resourceType": "MedicationAdministration",
        "id": f"MA-{person.number}-{drug[:3]}-{key}",
        "meta": meta("2021-08-31T20:00:00+08:00"),
        **inside,
        "status": "completed",
        **_drug(person, drug),
        "subject": reference("Patient", person.patient),
        **when,
        "request": reference("MedicationRequest", f"RX-{person.number}-{drug}"),
        "dosage": {"route": ORAL, "dose": taken},
    }


def _tretinoin(person: Person, starts: list[dt.date], last: dt.date) -> list[Resource]:
    times = ("08:30", "20:30")
    rows = []
    for key, time in zip(("000A", "000B"), times, strict=True):
        when: Resource = {"effectiveDateTime": f"{person.first_dose}T{time}:00+08:00"}
        rows.append(dose(person, "tretinoin", key, "2", when))
    for index, start in enumerate(starts):
        end = starts[index + 1] - dt.timedelta(days=1) if index + 1 < len(starts) else last
        when = {"effectivePeriod": {"start": f"{start}", "end": f"{end}"}}
        rows.append(dose(person, "tretinoin", f"{index + 1:03}", "2", when))
    return rows


def _singular(person: Person) -> list[Resource]:
    """One-off records: an error, an infusion of another drug."""
    if person.patient == "P001":
        when: Resource = {"effectiveDateTime": "2020-06-02T08:30:00+08:00"}
        return [dose(person, "sirolimus", "ERR", "20", when) | {"status": "entered-in-error"}]
    if person.patient == "P007":
        return [_infusion(person)]
    return []


def _infusion(person: Person) -> Resource:
    period = {"start": "2020-11-19T14:00:00+08:00", "end": "2020-11-19T16:00:00+08:00"}
    rate = {"numerator": quantity("40", "mg", "mg"), "denominator": quantity("1", "h", "h")}
    return {
        "resourceType": "MedicationAdministration",
        "id": f"MA-{person.number}-mp",
        "meta": meta("2020-11-19T18:00:00+08:00"),
        "status": "completed",
        "medicationCodeableConcept": concept("注射用甲泼尼龙琥珀酸钠"),
        "subject": reference("Patient", person.patient),
        "effectivePeriod": period,
        "dosage": {"route": INTRAVENOUS, "rateRatio": rate},
    }


def transfusions(person: Person) -> list[Resource]:
    """Red cells before and early in the study, as Procedure, as product, or as both; AIHA needed none."""
    if not person.first_dose or person.disease == "aiha":
        return []
    rows: list[Resource] = []
    for index, day in enumerate((-30, -12, 16, 44)):
        date = date_of(person, day)
        procedure = _procedure(person, index, date)
        product = _product(person, index, date)
        part = product | {"partOf": [reference("Procedure", procedure["id"])]}
        rows += ([procedure], [product], [procedure, part])[index % 3]
    return rows


def _procedure(person: Person, index: int, date: dt.date) -> Resource:
    return {
        "resourceType": "Procedure",
        "id": f"PR-{person.number}-{index}",
        "meta": meta(f"{date}T18:00:00+08:00"),
        "status": "completed",
        "code": concept("输注红细胞", coding(SNOMED, "116863004", "Transfusion of red blood cells")),
        "subject": reference("Patient", person.patient),
        "performedDateTime": f"{date}T09:40:00+08:00",
        "reasonCode": [concept("重度贫血")],
    }


def _product(person: Person, index: int, date: dt.date) -> Resource:
    bag = {"system": "urn:pumch:blood:bag", "value": f"B{person.number}{index:04}"}
    return {
        "resourceType": "MedicationAdministration",
        "id": f"MA-{person.number}-rbc-{index}",
        "meta": meta(f"{date}T18:00:00+08:00"),
        "identifier": [bag],
        "status": "completed",
        "medicationCodeableConcept": concept("悬浮红细胞"),
        "subject": reference("Patient", person.patient),
        "effectiveDateTime": f"{date}T10:00:00+08:00",
        "dosage": {"route": INTRAVENOUS, "dose": quantity("2", "U")},
    }
