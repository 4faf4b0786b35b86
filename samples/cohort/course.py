"""Who comes when, and how the disease goes: people, visits and the values behind the results."""

import csv
import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cohort.draws import Draws

HERE = Path(__file__).resolve().parent

# share of the way from sick to well, by study day
_COURSES = {
    "complete": ((1, 0.0), (29, 0.45), (92, 0.95), (184, 1.0), (400, 1.0)),
    "partial": ((1, 0.0), (29, 0.25), (92, 0.55), (184, 0.65), (400, 0.62)),
    "relapse": ((1, 0.0), (29, 0.40), (123, 0.92), (184, 0.85), (275, 0.30), (400, 0.25)),
    "none": ((1, 0.0), (400, 0.08)),
}


class Person(NamedTuple):
    """One invented patient; no `first_dose`: never dosed; no `subjid`: in no study."""

    patient: str
    subjid: str
    earlier: str
    name: str
    gender: str
    birth: str
    disease: str
    consent: str
    first_dose: str
    last_day: str
    course: str
    status: str
    reason: str
    deceased: str

    @property
    def number(self) -> str:
        """The three figures of the patient number."""
        return self.patient[1:]

    @property
    def day_one(self) -> dt.date:
        """Study day 1; for who was never dosed the day it was planned for."""
        if self.first_dose:
            return dt.date.fromisoformat(self.first_dose)
        return dt.date.fromisoformat(self.consent or "2020-06-01") + dt.timedelta(days=14)


class Visit(NamedTuple):
    """One kept visit: `day` is the study day it fell on, `date` the calendar day."""

    number: int
    label: str
    day: int
    date: dt.date
    panels: tuple[str, ...]

    def at(self, time: str) -> str:
        """FHIR dateTime of this day at local `time` (``HH:MM``) with Beijing's offset."""
        return f"{self.date}T{time}:00+08:00"


def table(name: str) -> list[dict[str, str]]:
    """Rows of a CSV file beside this module."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def people() -> list[Person]:
    """The fourteen people of the cohort, in order of patient number."""
    return [Person(**row) for row in table("people.csv")]


def date_of(person: Person, day: int) -> dt.date:
    """Calendar date of a study day; there is no day 0."""
    return person.day_one + dt.timedelta(days=day - 1 if day > 0 else day)


def visits(seed: int, person: Person, schedule: list[dict[str, str]]) -> list[Visit]:
    """The visits that `person` kept, each inside its window."""
    last = _last_contact(person)
    kept = []
    for row in schedule:
        slack = int(row["slack"])
        day = (
            int(row["day"]) + Draws(seed, person.patient, "visit", row["number"]).below(2 * slack + 1) - slack
        )
        if day <= last:
            kept.append(_visit(person, row, day))
    return kept


def _last_contact(person: Person) -> int:
    """Study day after which nobody comes: failed screening, withdrawal, or the last dose."""
    if person.status == "ineligible":
        return -1
    if person.first_dose:
        return int(person.last_day) + 10
    return 1 if person.subjid else 400


def _visit(person: Person, row: dict[str, str], day: int) -> Visit:
    panels = tuple(row["panels"].split(";"))
    return Visit(int(row["number"]), row["label"], day, date_of(person, day), panels)


def level(course: str, day: int) -> float:
    """How far (0 sick, 1 well) the course has come on a study day; straight lines between the known days."""
    points = _COURSES[course]
    if day <= points[0][0]:
        return points[0][1]
    for (start, low), (end, high) in pairwise(points):
        if day <= end:
            return low + (high - low) * (day - start) / (end - start)
    return points[-1][1]


def measure(draws: Draws, person: Person, day: int, row: dict[str, str]) -> float:
    """True value of one test on a study day, in the unit of the central analyser; never below zero."""
    sick, well = float(row[person.disease]), float(row["well"])
    middle = sick + (well - sick) * level(person.course, day)
    return max(draws.near(middle, float(row["spread"])), float(row["spread"]) / 10)


def trough(seed: int, person: Person, visit: Visit, rows: dict[str, dict[str, str]]) -> float:
    """Sirolimus trough (ng/mL) at a visit; the doses answer to the number that the laboratory reports."""
    draws = Draws(seed, person.patient, visit.number, "sirolimus")
    return measure(draws, person, visit.day, rows["sirolimus"])
