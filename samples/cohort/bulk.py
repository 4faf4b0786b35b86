"""Benchmark volumes: the cohort's shapes, many people, written line by line so that memory stays flat."""

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path

from cohort.course import Person, date_of, table, visits
from cohort.draws import Draws
from cohort.formulary import medications, requests
from cohort.hospital import quantity
from cohort.laboratory import Draw, Laboratory, result
from cohort.ndjson import Resource, encode
from cohort.registry import consents, organizations, patient, study, subjects
from cohort.serology import antiglobulin
from cohort.treatment import dose

_PER_PERSON = 392
_PANELS = "blood count;hemolysis;liver and kidney;fasting;screening"
_MORE_VISITS = (("13", "MONTH 8", "245"), ("14", "MONTH 10", "305"))
_BROKEN = '{"resourceType":"Observation","id":"L-BROKEN"'
_CENSORED = 0.02
_SOURCE = {
    "source": "https://fhir.pumch.example/lis/analyser",
    "profile": ["https://fhir-sdtm-interop.org/fhir/StructureDefinition/study-lab"],
}
_SURNAMES, _GIVEN = "王李张刘陈杨赵黄周吴", ("明", "静", "海燕", "志强", "雪梅", "建国", "思远", "玉兰")


def write_bulk(folder: Path, *, seed: int, observations: int, malformed: int, distinct: bool) -> None:
    """Write `observations` laboratory results, and what their datasets derive from, into `folder`.

    `malformed` lines that are no JSON are spread evenly over ``Observation.ndjson``. With `distinct` no two
    results share a code's text, a subject's display, a value, a range, an interpretation or a time.
    """
    everyone = [_person(seed, number) for number in range(1, -(-observations // _PER_PERSON) + 1)]
    laboratory = Laboratory.of(seed, table("catalogue.csv"), table("course.csv"))
    small = {
        "Organization": organizations(),
        "ResearchStudy": [study()],
        "Patient": [patient(person) for person in everyone],
        "ResearchSubject": subjects(everyone),
        "Consent": consents(everyone),
        "Medication": medications(),
        "MedicationRequest": [row for person in everyone for row in requests(person)],
        "MedicationAdministration": [row for person in everyone for row in _first_and_last(person)],
    }
    for kind, rows in small.items():
        write_lines(folder / f"{kind}.ndjson", map(encode, rows))
    results = (row for person in everyone for row in _results(laboratory, person))
    taken = islice(results, observations)
    lines = map(encode, map(_distinct, taken, count()) if distinct else taken)
    write_lines(folder / "Observation.ndjson", _spoilt(lines, observations, malformed))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines ended by LF as UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def _person(seed: int, number: int) -> Person:
    draws = Draws(seed, "crowd", number)
    consent = dt.date(2020, 5, 4) + dt.timedelta(days=draws.below(240))
    return Person(
        patient=f"P{number:05}",
        subjid=f"{number:05}",
        earlier="",
        name=draws.pick(_SURNAMES) + draws.pick(_GIVEN),
        gender=draws.pick(("female", "male")),
        birth=f"{1940 + draws.below(60)}-{1 + draws.below(12):02}-{1 + draws.below(28):02}",
        disease=draws.pick(("aiha", "evans", "prca")),
        consent=consent.isoformat(),
        first_dose=(consent + dt.timedelta(days=14)).isoformat(),
        last_day="366",
        course=draws.pick(("complete", "partial", "relapse", "none")),
        status="on-study",
        reason="",
        deceased="",
    )


def _first_and_last(person: Person) -> list[Resource]:
    days = {"000": f"{person.first_dose}T08:30:00+08:00", "999": f"{date_of(person, 366)}T08:30:00+08:00"}
    return [
        dose(person, drug, key, "2", {"effectiveDateTime": day})
        for drug in ("sirolimus", "tretinoin")
        for key, day in days.items()
    ]


def _results(laboratory: Laboratory, person: Person) -> Iterator[Resource]:
    extra = [{"number": n, "label": label, "day": day, "slack": "5"} for n, label, day in _MORE_VISITS]
    schedule = [row | {"panels": _PANELS} for row in [*table("visits.csv"), *extra]]
    for visit in visits(laboratory.seed, person, schedule):
        draws = Draws(laboratory.seed, person.patient, visit.number, "crowd")
        draw = Draw(person, visit, person.patient, f"07:{draws.below(60):02}", draws.pick("AAAB"))
        for panel in visit.panels:
            for test in laboratory.panel(panel, draw.analyser):
                row = _alone(result(laboratory, draw, test))
                yield _censored(row, test) if draws.chance(_CENSORED) else row
        yield from map(_alone, antiglobulin(draw))


def _alone(row: Resource) -> Resource:
    """Without the encounter and specimen, which benchmark volumes don't carry; with where it came from."""
    key = {"system": "urn:pumch:lis:result", "value": row["id"]}
    kept = {name: value for name, value in row.items() if name not in ("encounter", "specimen")}
    return kept | {"meta": row["meta"] | _SOURCE, "identifier": [key]}


def _distinct(row: Resource, n: int) -> Resource:
    """The same result with every element another than in any other."""
    day, _, time = row["effectiveDateTime"].partition("+")
    own = {
        "code": row["code"] | {"text": f"{row['code'].get('text', '')} {n}"},
        "subject": row["subject"] | {"display": f"subject of result {n}"},
        "effectiveDateTime": f"{day}.{n:07}+{time}",
    }
    if "valueQuantity" in row:
        own["valueQuantity"] = _finer(row["valueQuantity"], n)
    if "referenceRange" in row:
        ends = [
            {k: _finer(v, n) if k in ("low", "high") else v for k, v in r.items()}
            for r in row["referenceRange"]
        ]
        own["referenceRange"] = ends
    if "interpretation" in row:
        own["interpretation"] = [one | {"text": f"as of result {n}"} for one in row["interpretation"]]
    return row | own


def _finer(amount: Resource, n: int) -> Resource:
    """The quantity with seven more digits after the point."""
    point = "" if "." in amount["value"] else "."
    return amount | {"value": f"{amount['value']}{point}{n:07}"}


def _censored(row: Resource, test: dict[str, str]) -> Resource:
    """The same result below the analyser's limit."""
    kept = {name: value for name, value in row.items() if name != "interpretation"}
    limit = test["male_low"] if float(test["male_low"]) else test["male_high"]
    return kept | {"valueQuantity": quantity(limit, test["unit"], test["ucum"], comparator="<")}


def _spoilt(lines: Iterable[str], total: int, malformed: int) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        yield line
        if number * malformed // total > (number - 1) * malformed // total:
            yield _BROKEN
