"""The packaged code tables: every target exists, every code is found again."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from interop.cdisc.ct import Terminology
from interop.errors import MappingError
from interop.mapping.concepts import CodeTable, read_code_table
from interop.mapping.units import UnitTables
from interop.tables import normal_text

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
CONCEPTS = MAPPINGS / "concepts"
NAMES = sorted(file.stem for file in CONCEPTS.glob("*.csv"))
CODELISTS = [
    ("gender-sex", "target", "C66731"),
    ("race", "target", "C74457"),
    ("ethnicity", "target", "C66790"),
    ("obs-status", "target", "C66789"),
    ("medadmin-status", "target", "C66742"),
    ("rs-status", "reason", "C142179"),
    ("interpretation", "nrind", "C78736"),
    ("interpretation", "result", "C102580"),
    ("qualitative", "target", "C102580"),
    ("route", "target", "C66729"),
    ("timing", "target", "C71113"),
    ("form", "target", "C66726"),
    ("specimen-type", "target", "C78734"),
    ("lab", "testcd", "C65047"),
    ("lab", "test", "C67154"),
    ("lab", "spec", "C78734"),
    ("lab", "method", "C85492"),
    ("lab", "unit", "C71620"),
]
EXTENSIONS = {"1+", "2+", "3+", "4+"}  # ordinal results, SDTMIG 4.5.1.3


def code_table(name: str) -> CodeTable:
    return read_code_table(name, [CONCEPTS])


def targets(name: str, column: str) -> set[str]:
    frame = code_table(name).frame
    own = frame.filter(pl.col("domain") == "LB") if "domain" in frame.columns else frame
    return set(own[column].drop_nulls()) - EXTENSIONS


@pytest.mark.parametrize(("name", "column", "codelist"), CODELISTS)
def test_every_target_is_a_term(name: str, column: str, codelist: str) -> None:
    terms = Terminology.load().codelists[codelist]
    assert targets(name, column) - set(terms.by_value) == set()


@pytest.mark.parametrize(("name", "column", "codelist"), CODELISTS)
def test_every_target_is_a_term_of_the_full_release(
    name: str, column: str, codelist: str, shared: Path
) -> None:
    with gzip.open(shared / "data/ct/sdtm-ct-2024-03-29.tsv.gz", "rt", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t")
        terms = {row["submission_value"] for row in rows if row["codelist_code"] == codelist}
    assert targets(name, column) - terms == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_reverse_row_leads_back_to_its_target(name: str) -> None:
    codes = code_table(name)
    for column in {"target", "reason", "testcd", "nrind"} & set(codes.targets):
        forward = codes.forward(column)
        assert all(forward[place] == target for target, place in codes.reverse(column).items())


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_written_in_the_form_they_are_compared_in(name: str) -> None:
    with (CONCEPTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["code"] for row in csv.DictReader(file) if row["system"] == "text"]
    assert texts == [normal_text(text) for text in texts]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_says_how_far_it_is_backed_and_how_it_relates(name: str) -> None:
    frame = code_table(name).frame
    assert set(frame["mark"]) <= {"S", "J", "U"}
    assert set(frame["reverse"]) <= {"Y", "N"}
    assert frame["evidence"].null_count() == 0
    if "equivalence" in frame.columns:
        assert set(frame["equivalence"]) <= {"equivalent", "wider", "narrower", "inexact", "unmatched"}


@pytest.mark.parametrize(
    ("name", "codes", "policy"),
    [
        ("obs-status", ("final", "amended", "corrected", "cancelled"), "row"),
        ("obs-status", ("registered", "preliminary"), "skip"),
        ("obs-status", ("entered-in-error",), "remove"),
        ("obs-status", ("unknown",), "quarantine"),
        (
            "medadmin-status",
            ("completed", "in-progress", "stopped", "on-hold", "not-done", "active", "not-taken"),
            "row",
        ),
        ("medadmin-status", ("intended",), "skip"),
        ("medadmin-status", ("entered-in-error",), "remove"),
        ("medadmin-status", ("unknown",), "quarantine"),
    ],
)
def test_a_status_says_what_becomes_of_the_resource(name: str, codes: tuple[str, ...], policy: str) -> None:
    frame = code_table(name).frame
    assert set(frame.filter(pl.col("policy") == policy)["code"]) == set(codes)


def test_an_error_is_never_a_dose_that_was_not_given() -> None:
    given = code_table("medadmin-status").forward("target")
    assert {code: target for (_, code), target in given.items()} == {"not-done": "N", "not-taken": "N"}


def test_a_code_without_its_system_means_nothing() -> None:
    loinc, race = code_table("lab").forward("test"), code_table("race").forward("target")
    assert loinc["http://loinc.org", "2106-3"] == "Choriogonadotropin Beta"
    assert race["urn:oid:2.16.840.1.113883.6.238", "2106-3"] == "WHITE"


def test_every_laboratory_test_goes_back_by_its_own_code() -> None:
    lab = code_table("lab")
    mapped = lab.frame.filter(pl.col("domain") == "LB")
    back = lab.reverse("testcd", give="nci")
    assert set(back) == set(mapped["testcd"])
    assert all(system == "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl" for system, _ in back.values())
    assert max(Counter(code for _, code in back.values()).values()) == 1


def test_a_laboratory_test_has_one_name_code_and_unit() -> None:
    lab = code_table("lab").frame.filter(pl.col("domain") == "LB")
    for column in ("test", "nci", "cat"):
        assert lab.group_by("testcd").agg(pl.col(column).n_unique())[column].max() == 1, column
    units = lab.drop_nulls("unit").group_by("testcd").agg(pl.col("unit").n_unique())
    assert units["unit"].max() == 1


def test_the_standard_unit_measures_the_same_thing_in_ucum() -> None:
    tables = UnitTables.load(MAPPINGS / "units")
    lab = code_table("lab").frame.filter(pl.col("domain") == "LB").drop_nulls("unit")
    assert all(tables.units[ucum] == unit for ucum, unit in lab.select("ucum", "unit").iter_rows())
    words = {dimension for scales in tables.scales.values() for dimension in scales}
    assert set(lab["property"].drop_nulls()) <= words


def test_the_two_antiglobulin_reagents_stay_apart() -> None:
    reagents = code_table("lab").forward("reagent")
    assert reagents["http://loinc.org", "1007-4"] == "Polyspecific Reagent"
    assert reagents["http://loinc.org", "1006-6"] == "IgG Specific Reagent"


def test_units_are_terms_under_their_own_codes() -> None:
    terms = Terminology.load().codelists["C71620"]
    with (MAPPINGS / "units/ucum.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["unit"], row["nci"]) for row in csv.DictReader(file)}
    assert {(unit, terms.by_value[unit].code) for unit, _ in rows} == rows


def test_laboratory_rows_agree_with_the_reference_crosswalk(shared: Path) -> None:
    with (shared / "data/mapping/loinc_lb.csv").open(encoding="utf-8", newline="") as file:
        wanted = {
            row["loinc"]: (row["lbtestcd"], row["lbspec"], row["lbmethod"], row["study_std_unit"])
            for row in csv.DictReader(file)
            if row["domain"] == "LB"
        }
    columns = ("testcd", "spec", "method", "unit")
    rows = code_table("lab").frame.filter(pl.col("system") == "http://loinc.org")
    held = {row["code"]: tuple(row[column] or "" for column in columns) for row in rows.iter_rows(named=True)}
    assert {loinc: held.get(loinc) for loinc in wanted} == wanted


def test_a_table_names_its_systems_and_its_columns() -> None:
    specimens = code_table("specimen-type")
    assert specimens.systems == [
        "http://snomed.info/sct",
        "http://terminology.hl7.org/CodeSystem/v2-0487",
    ]
    with pytest.raises(MappingError, match=r'specimen-type has no column "targte"; did you mean "target"\?'):
        specimens.forward("targte")
    with pytest.raises(MappingError, match=r"no code table nothing\.csv in concepts"):
        code_table("nothing")
