"""Laboratory results: catalogue, specimens, single results, panels and reports."""

from typing import NamedTuple

from cohort.course import Person, Visit, measure, trough
from cohort.draws import Draws
from cohort.hospital import HL7, LIS, LOINC, coding, concept, meta, quantity, reference, references
from cohort.ndjson import Resource

Row = dict[str, str]
_CATEGORY = concept("", coding(f"{HL7}/observation-category", "laboratory"))
_FLAGS = f"{HL7}/v3-ObservationInterpretation"
_SEXES = {"male": "男", "female": "女"}
_TUBES = {"BLD": ("1", "全血", "Whole blood"), "SER": ("2", "血清", "Serum"), "UR": ("3", "尿", "Urine")}
_CRITICAL_LOW, _CRITICAL_HIGH = 0.55, 2.5


class Draw(NamedTuple):
    """One drawing of samples: whose, at which visit, when, and on which analyser it is run (A or B)."""

    person: Person
    visit: Visit
    record: str
    time: str
    analyser: str

    @property
    def key(self) -> str:
        """Patient and visit number, the middle of every id that comes from this draw."""
        return f"{self.person.number}-{self.visit.number:02}"

    @property
    def drawn(self) -> str:
        """FHIR dateTime of the draw."""
        return self.visit.at(self.time)

    @property
    def reported(self) -> str:
        """FHIR instant at which the laboratory released the results."""
        return self.visit.at(f"{int(self.time[:2]) + 3:02}:{self.time[3:]}")

    def accession(self, specimen: str) -> str:
        """Accession number of the tube."""
        return f"A{self.visit.date:%y%m%d}{self.person.number}{_TUBES[specimen][0]}"


class Laboratory(NamedTuple):
    """What the laboratory knows of its tests: catalogue rows by (key, analyser), true values by key."""

    seed: int
    tests: dict[tuple[str, str], Row]
    courses: dict[str, Row]

    @classmethod
    def of(cls, seed: int, catalogue: list[Row], courses: list[Row]) -> "Laboratory":
        """The laboratory with both tables keyed; a test without a row for analyser B runs on A."""
        tests = {(row["key"], row["analyser"]): row for row in catalogue}
        for key, _ in tuple(tests):
            tests.setdefault((key, "B"), tests[key, "A"])
        return cls(seed, tests, {row["key"]: row for row in courses})

    def panel(self, name: str, analyser: str) -> list[Row]:
        """Catalogue rows of one panel as an analyser runs it, in catalogue order."""
        keys = [key for (key, at), row in self.tests.items() if at == "A" and row["panel"] == name]
        return [self.tests[key, analyser] for key in keys]

    def value(self, draw: Draw, row: Row) -> float:
        """Value of a test in the unit of its catalogue row."""
        if row["key"] == "sirolimus":
            return trough(self.seed, draw.person, draw.visit, self.courses)
        draws = Draws(self.seed, draw.person.patient, draw.visit.number, row["key"])
        return measure(draws, draw.person, draw.visit.day, self.courses[row["key"]]) * float(row["factor"])


def code(row: Row) -> Resource:
    """The test's code: LOINC where the analyser knows it, the hospital's own code, and the Chinese name."""
    local = coding(LIS, row["code"], row["name"])
    known = (coding(LOINC, row["loinc"], row["display"]),) if row["loinc"] else ()
    return concept(row["name"], *known, local)


def limits(row: Row, gender: str) -> tuple[str, str]:
    """Low and high limit for a sex; the male ones for who is neither."""
    sex = "female" if gender == "female" else "male"
    return row[f"{sex}_low"], row[f"{sex}_high"]


def ranges(row: Row, gender: str) -> list[Resource]:
    """The range of the patient's sex where the sexes differ, else one; therapeutic for a drug level."""
    low, high = limits(row, gender)
    unit, ucum = row["unit"], row["ucum"]
    bounds = {"low": quantity(low, unit, ucum), "high": quantity(high, unit, ucum)}
    meaning = "therapeutic" if row["panel"] == "trough" else "normal"
    kind = concept("", coding(f"{HL7}/referencerange-meaning", meaning))
    if meaning == "therapeutic":
        return [bounds | {"type": kind}]
    both = (row["male_low"], row["male_high"]) == (row["female_low"], row["female_high"])
    if both or gender not in _SEXES:
        return [bounds]
    return [bounds | {"type": kind, "appliesTo": [sex_concept(gender)]}]


def sex_concept(gender: str) -> Resource:
    """Whom a range applies to."""
    return concept(_SEXES[gender], coding("http://hl7.org/fhir/administrative-gender", gender))


def flag(value: float, row: Row, gender: str) -> str:
    """HL7 interpretation code of a value against its range; critical far outside."""
    low, high = (float(limit) for limit in limits(row, gender))
    if value < low:
        return "LL" if value < low * _CRITICAL_LOW else "L"
    if value > high:
        return "HH" if value > high * _CRITICAL_HIGH else "H"
    return "N"


def interpretation(*codes: str) -> list[Resource]:
    """Observation.interpretation with one concept per code."""
    return [concept("", coding(_FLAGS, code)) for code in codes]


def envelope(draw: Draw, key: str, specimen: str) -> Resource:
    """What every result of a draw shares, up to its code: identity, patient, times, specimen, performer."""
    return {
        "resourceType": "Observation",
        "id": f"L-{draw.key}-{key}",
        "meta": meta(draw.reported),
        "status": "final",
        "category": [_CATEGORY],
        "code": {},
        "subject": reference("Patient", draw.record),
        "encounter": reference("Encounter", f"E-{draw.key}"),
        "effectiveDateTime": draw.drawn,
        "issued": draw.reported,
        "performer": [reference("Organization", "pumch-lis")],
        "specimen": reference("Specimen", f"S-{draw.key}-{specimen}"),
    }


def answer(laboratory: Laboratory, draw: Draw, row: Row) -> Resource:
    """Value, interpretation and range of one test, as an Observation or a component carries them."""
    value = laboratory.value(draw, row)
    text = f"{value:.{row['decimals']}f}"
    gender = draw.person.gender
    flags = {} if row["panel"] == "trough" else {"interpretation": interpretation(flag(value, row, gender))}
    shown = quantity(text, row["unit"], row["ucum"])
    if float(text) == 0:
        least = f"{10 ** -int(row['decimals']):.{row['decimals']}f}"
        shown = quantity(least, row["unit"], row["ucum"], comparator="<")
    return {"valueQuantity": shown, **flags, "referenceRange": ranges(row, gender)}


def result(laboratory: Laboratory, draw: Draw, row: Row) -> Resource:
    """One test as an Observation of its own."""
    shared = envelope(draw, row["code"], row["specimen"])
    return shared | {"code": code(row)} | answer(laboratory, draw, row)


def component_panel(laboratory: Laboratory, draw: Draw, rows: list[Row]) -> Resource:
    """A blood count as one Observation with components and no value of its own."""
    components = [{"code": code(row)} | answer(laboratory, draw, row) for row in rows]
    name = concept("血常规", coding(LIS, "XCG000", "血常规"))
    return envelope(draw, "XCG000", "BLD") | {"code": name, "component": components}


def member_panel(draw: Draw, members: list[Resource]) -> Resource:
    """A blood count that names its results by reference."""
    name = concept("血常规", coding(LIS, "XCG000", "血常规"))
    keys = references("Observation", [member["id"] for member in members])
    return envelope(draw, "XCG000", "BLD") | {"code": name, "hasMember": keys}


def report(draw: Draw, results: list[Resource]) -> Resource:
    """The laboratory's DiagnosticReport over results of one draw."""
    return {
        "resourceType": "DiagnosticReport",
        "id": f"R-{draw.key}",
        "meta": meta(draw.reported),
        "status": "final",
        "category": [concept("", coding(f"{HL7}/v2-0074", "LAB"))],
        "code": concept("检验报告", coding(LIS, "RPT01", "检验报告")),
        "subject": reference("Patient", draw.record),
        "effectiveDateTime": draw.drawn,
        "issued": draw.reported,
        "performer": [reference("Organization", "pumch-lis")],
        "result": references("Observation", [row["id"] for row in results]),
    }


def specimen(draw: Draw, kind: str) -> Resource:
    """The tube of one kind: BLD (whole blood), SER (serum) or UR (urine)."""
    _, text, display = _TUBES[kind]
    accession = {"system": f"{LIS}:accession", "value": draw.accession(kind)}
    return {
        "resourceType": "Specimen",
        "id": f"S-{draw.key}-{kind}",
        "meta": meta(draw.reported),
        "accessionIdentifier": accession,
        "status": "available",
        "type": concept(text, coding(f"{HL7}/v2-0487", kind, display)),
        "subject": reference("Patient", draw.record),
        "collection": {"collectedDateTime": draw.drawn},
    }
