"""Generated submissions: legal records of DM, EC, EX, LB and AE with every variable that FHIR brings back."""

from functools import cache
from typing import Any

import polars as pl
from events import ae
from hypothesis import strategies as st
from words import CODES, DTC, FLOAT, MAYBE, NUMBER, RATE, WORDS, maybe, study, terms

from interop.mapping.results import parse_result
from interop.mapping.units import dimension_conflict


@st.composite
def dm(draw: st.DrawFn, n: int, *, dosed: bool) -> dict[str, Any]:
    subjid, siteid = f"{n}{draw(CODES)}", draw(CODES)
    failed = not dosed and draw(st.booleans())
    death = draw(maybe(DTC))
    arm = {} if failed else {"ARMCD": "SIRATRA", "ARM": "Sirolimus + ATRA"}
    actual = {"ACTARMCD": "SIRATRA", "ACTARM": "Sirolimus + ATRA"} if dosed else {}
    why = None if dosed else "SCREEN FAILURE" if failed else "ASSIGNED, NOT TREATED"
    usubjid = draw(st.sampled_from([f"NCT04324411-{siteid}-{subjid}", f"OTHER.{n}/{subjid} x"]))
    return {
        "STUDYID": "NCT04324411",
        "DOMAIN": "DM",
        "USUBJID": usubjid,
        "SUBJID": subjid,
        "SITEID": siteid,
        "RFICDTC": draw(maybe(DTC)),
        "DTHDTC": death,
        "DTHFL": "Y" if death else draw(st.sampled_from([None, "Y"])),
        "BRTHDTC": draw(maybe(DTC)),
        "SEX": draw(st.sampled_from(["M", "F", "U", "INTERSEX"])),
        "RACE": draw(maybe(st.sampled_from([*terms("C74457"), "MULTIPLE"]))),
        "ETHNIC": draw(maybe(st.sampled_from(["HISPANIC OR LATINO", "NOT HISPANIC OR LATINO"]))),
        "ARMNRS": why,
        "COUNTRY": "CHN",
        **arm,
        **actual,
    }


@st.composite
def ec(draw: st.DrawFn, usubjid: str, n: int, *, given_: bool) -> dict[str, Any]:
    asked = draw(st.booleans())
    dose = draw(maybe(FLOAT)) if given_ else None
    strength = draw(maybe(FLOAT))
    start = draw(DTC)
    return {
        "STUDYID": "NCT04324411",
        "DOMAIN": "EC",
        "USUBJID": usubjid,
        "ECSEQ": n,
        "ECTRT": draw(st.sampled_from(["SIROLIMUS", "TRETINOIN"])),
        "ECSPID": draw(st.sampled_from([f"MedicationAdministration/ma{n}", f"D-{n}"])),
        "ECREFID": draw(MAYBE),
        "ECPRESP": "Y" if asked or not given_ else None,
        "ECOCCUR": "N" if not given_ else "Y" if asked else None,
        "ECREASOC": None if given_ else draw(MAYBE),
        "ECADJ": draw(MAYBE) if given_ else None,
        "ECDOSE": dose,
        "ECDOSTXT": draw(MAYBE) if given_ and dose is None else None,
        "ECDOSU": draw(maybe(st.sampled_from(["mg", "TABLET", "CAPSULE", "mL", "ug"])))
        if dose is not None
        else None,
        "ECDOSFRM": draw(maybe(st.sampled_from(terms("C66726")))),
        "ECDOSFRQ": draw(maybe(st.sampled_from(terms("C71113")))),
        "ECROUTE": draw(maybe(st.sampled_from(terms("C66729")))),
        "ECLOT": draw(MAYBE),
        "ECPSTRG": strength,
        "ECPSTRGU": draw(maybe(st.sampled_from(["mg/CAPSULE", "mg/TABLET", "mg"])))
        if strength is not None
        else None,
        "ECSTDTC": start,
        "ECENDTC": draw(st.sampled_from([start, None]) | DTC),
        "_ECRATE": draw(MAYBE | RATE),
        "_ECNOTE": draw(MAYBE),
    }


@st.composite
def ex(draw: st.DrawFn, usubjid: str, n: int) -> dict[str, Any]:
    dose = draw(maybe(FLOAT))
    start = draw(DTC)
    return {
        "STUDYID": "NCT04324411",
        "DOMAIN": "EX",
        "USUBJID": usubjid,
        "EXSEQ": n,
        "EXTRT": draw(st.sampled_from(["SIROLIMUS", "TRETINOIN"])),
        "EXSPID": f"X-{n}",
        "EXREFID": draw(MAYBE),
        "EXLNKID": f"L-{n}",
        "EXADJ": draw(MAYBE),
        "EXDOSE": dose,
        "EXDOSTXT": draw(MAYBE) if dose is None else None,
        "EXDOSU": draw(maybe(st.sampled_from(["mg", "TABLET", "mL"]))) if dose is not None else None,
        "EXDOSFRM": draw(maybe(st.sampled_from(terms("C66726")))),
        "EXDOSFRQ": draw(maybe(st.sampled_from(terms("C71113")))),
        "EXROUTE": draw(maybe(st.sampled_from(terms("C66729")))),
        "EXLOT": draw(MAYBE),
        "EXSTDTC": start,
        "EXENDTC": draw(st.sampled_from([start, None]) | DTC),
        "_EXRATE": draw(MAYBE),
    }


@cache
def fitting(standard_unit: str | None, property_: str | None) -> list[str]:
    """Units that can measure what a LOINC code names."""
    if standard_unit is None:
        return []
    asked = pl.Series([standard_unit, "mmol/L", "umol/L", "mg/dL", "g/dL", "U/L", "%", "10^9/L"])
    clash = dimension_conflict(
        asked, pl.Series([property_] * len(asked), dtype=pl.String), study().plan.context.units
    )
    return asked.filter(~clash).to_list()


@cache
def laboratory() -> list[dict[str, str | None]]:
    table = (
        study()
        .plan.context.tables["lab"]
        .frame.filter((pl.col("domain") == "LB") & (pl.col("system") != "text"))
    )
    return table.filter(pl.col("system") == "http://loinc.org").to_dicts()


def _result(unit: str | None) -> st.SearchStrategy[str]:
    number = st.builds("{}{}".format, st.sampled_from(["", "<", ">", "<=", ">="]), NUMBER)
    word = WORDS.filter(
        lambda t: (
            parse_result(pl.Series([t]))["text"].item() == t
            and parse_result(pl.Series([t]))["kind"].item() == "text"
        )
    )
    pair = st.builds("{}:{}".format, st.integers(1, 9), st.integers(1, 640)) | st.builds(
        "{}-{}".format, st.integers(0, 9), st.integers(1, 99)
    )
    return number | word if unit else number | word | pair


@st.composite
def lb(draw: st.DrawFn, usubjid: str, n: int) -> dict[str, Any]:
    test = draw(st.sampled_from(laboratory()))
    done = draw(st.integers(0, 9)) > 0
    units = fitting(test["unit"], test["property"])
    unit = draw(st.sampled_from(units)) if done and units else None
    orres = draw(_result(unit)) if done else None
    ratio = orres is not None and ":" in orres and parse_result(pl.Series([orres]))["kind"].item() == "ratio"
    nrind = draw(st.sampled_from(["HIGH", "LOW", "NORMAL", "ABNORMAL"]))
    alert = {"HIGH": ["HH", "HU"], "LOW": ["LL", "LU"], "ABNORMAL": ["AA"]}.get(nrind, [])
    loinc = draw(st.sampled_from([test["code"], None]))  # without one the NCI code of the test comes back
    spec = test["spec"] or "BLOOD"
    return {
        "STUDYID": "NCT04324411",
        "DOMAIN": "LB",
        "USUBJID": usubjid,
        "LBSEQ": n,
        "LBGRPID": draw(MAYBE),
        "LBREFID": f"ACC{n}",
        "LBSPID": draw(st.sampled_from([f"Observation/o{n}", f"Observation/p#component.{n}", f"LAB-{n}"])),
        "LBTESTCD": test["testcd"],
        "LBTEST": test["test"],
        "LBCAT": test["cat"],
        "LBORRES": orres,
        "LBORRESU": "titer" if ratio else unit,
        "LBORNRLO": draw(maybe(NUMBER)),
        "LBORNRHI": draw(maybe(NUMBER)),
        "LBNRIND": nrind,
        "LBSTAT": None if done else "NOT DONE",
        "LBREASND": None if done else draw(st.none() | st.sampled_from(["UNKNOWN", "NOT PERFORMED"]) | WORDS),
        "LBNAM": draw(MAYBE),
        "LBLOINC": loinc,
        "LBSPEC": draw(st.sampled_from([spec, "SERUM", "URINE"])),
        "LBMETHOD": draw(st.sampled_from([test["method"], *terms("C85492")]))
        if test["method"] and loinc
        else draw(maybe(st.sampled_from(terms("C85492")))),
        "LBDTC": draw(maybe(DTC)),
        "LBENDTC": draw(maybe(DTC)),
        "_LBALERT": draw(st.sampled_from([None, *alert])),
        "_LBDELTA": draw(st.sampled_from([None, "U", "D"])),
        "_LBLOCCD": draw(maybe(CODES)),
        "_THERLO": draw(maybe(NUMBER)),
        "_THERHI": draw(maybe(NUMBER)),
    }


@st.composite
def submissions(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Subjects with what was collected of their doses, or with intervals of exposure alone, and results."""
    found: dict[str, list[dict[str, Any]]] = {"DM": [], "EC": [], "EX": [], "LB": [], "AE": []}
    for n in range(1, draw(st.integers(1, 3)) + 1):
        doses = [draw(st.booleans()) for _ in range(draw(st.integers(0, 3)))]
        intervals = 0 if doses else draw(st.integers(0, 2))
        person = draw(dm(n, dosed=any(doses) or intervals > 0))
        found["DM"].append(person)
        found["EC"] += [draw(ec(person["USUBJID"], 10 * n + i, given_=g)) for i, g in enumerate(doses)]
        found["EX"] += [draw(ex(person["USUBJID"], 10 * n + i)) for i in range(intervals)]
        found["LB"] += [draw(lb(person["USUBJID"], 10 * n + i)) for i in range(draw(st.integers(0, 8)))]
        found["AE"] += [draw(ae(person["USUBJID"], 10 * n + i)) for i in range(draw(st.integers(0, 4)))]
    return found
