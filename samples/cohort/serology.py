"""Results that are not a quantity: presence, titre, integer, boolean, range, and a test without any map."""

from cohort.hospital import LIS, LOINC, SNOMED, coding, concept, quantity
from cohort.laboratory import Draw, envelope, interpretation
from cohort.ndjson import Resource, number

_POSITIVE = concept("", coding(SNOMED, "10828004", "Positive"))
_NEGATIVE = concept("", coding(SNOMED, "260385009", "Negative"))
_POLYSPECIFIC = "Direct antiglobulin test.polyspecific reagent [Presence] on Red Blood Cells"
_PREGNANCY = "Choriogonadotropin (pregnancy test) [Presence] in Serum or Plasma"
_HALF_YEAR = 10


def antiglobulin(draw: Draw) -> list[Resource]:
    """Direct antiglobulin tests: text at first, a titre at half a year, SNOMED-coded at the end."""
    hemolytic = draw.person.disease != "prca"
    recovered = hemolytic and draw.person.course == "complete"
    name = concept("直接抗人球蛋白试验", coding(LOINC, "1007-4", _POLYSPECIFIC), coding(LIS, "MY001"))
    poly = envelope(draw, "MY001", "BLD") | {"code": name}
    if draw.visit.number == 1:
        poly |= {"valueString": "阳性(+)" if hemolytic else "阴性"}
        return [poly, _igg(draw, "2+" if hemolytic else "阴性(-)")]
    if draw.visit.number == _HALF_YEAR:
        poly |= {"valueString": "++" if hemolytic else "阴性"}
        return [poly, *([_titre(draw)] if hemolytic else [])]
    positive = hemolytic and not recovered
    flags = interpretation("POS" if positive else "NEG")
    coded = {"valueCodeableConcept": _POSITIVE if positive else _NEGATIVE, "interpretation": flags}
    return [poly | coded, _igg(draw, "弱阳性" if positive else "阴性(-)")]


def _igg(draw: Draw, text: str) -> Resource:
    display = "Direct antiglobulin test.IgG specific reagent (property Imp, system RBC, scale Nom)"
    name = concept("直接抗人球蛋白试验(抗IgG)", coding(LOINC, "1006-6", display), coding(LIS, "MY002"))
    return envelope(draw, "MY002", "BLD") | {"code": name, "valueString": text}


def _titre(draw: Draw) -> Resource:
    ratio = {"numerator": {"value": number("1")}, "denominator": {"value": number("160")}}
    name = concept("直接抗人球蛋白试验效价(抗IgG)", coding(LIS, "MY003"))
    return envelope(draw, "MY003", "BLD") | {"code": name, "valueRatio": ratio}


def pregnancy(draw: Draw) -> list[Resource]:
    """Serum hCG as a SNOMED code without text, urine hCG as a boolean."""
    serum = concept("血HCG定性", coding(LOINC, "2118-8", _PREGNANCY), coding(LIS, "MY010"))
    urine = concept("尿妊娠试验", coding(LIS, "NC010", "尿妊娠试验"))
    return [
        envelope(draw, "MY010", "SER") | {"code": serum, "valueCodeableConcept": _NEGATIVE},
        envelope(draw, "NC010", "UR") | {"code": urine, "valueBoolean": False},
    ]


def bedside(draw: Draw, count: int) -> Resource:
    """Platelets (10^9/L) of a bedside counter, read before the draw: a bare integer without unit."""
    name = concept("血小板计数(床旁)", coding(LIS, "POC08", "血小板计数(床旁)"))
    shared = {key: value for key, value in envelope(draw, "POC08", "BLD").items() if key != "specimen"}
    return shared | {"code": name, "effectiveDateTime": draw.visit.at("07:15"), "valueInteger": count}


def interval(draw: Draw) -> Resource:
    """C reactive protein read off a strip: a Range instead of a number."""
    display = "C reactive protein [Mass/volume] in Serum or Plasma"
    name = concept("C反应蛋白(试纸)", coding(LOINC, "1988-5", display))
    bounds = {"low": quantity("2", "mg/L", "mg/L"), "high": quantity("5", "mg/L", "mg/L")}
    return envelope(draw, "POC16", "SER") | {"code": name, "valueRange": bounds}


def unmapped(draw: Draw, value: str) -> Resource:
    """Erythropoietin (IU/L): a local code that the study's table does not know."""
    name = concept("促红细胞生成素", coding(LIS, "MY099", "促红细胞生成素"))
    return envelope(draw, "MY099", "SER") | {"code": name, "valueQuantity": quantity(value, "IU/L", "[IU]/L")}
