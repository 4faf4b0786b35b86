"""Verbs, from FHIR columns to SDTM values: each test is a table whose last columns are what must come out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from interop.errors import MappingError
from interop.mapping.concepts import CodeTable
from interop.mapping.context import Column, Context
from interop.mapping.model import Variable
from interop.mapping.verbs import VERBS

Get = Callable[..., Column]


@pytest.fixture
def get(context: Context, variable: Callable[..., Variable]) -> Get:
    def got(verb: str, argument: Any, rows: pl.DataFrame, **options: Any) -> Column:
        settings = {**context.settings, **options.pop("study", {})}
        tables = {**context.tables, **options.pop("tables", {})}
        frames = options.pop("frames", {})
        own = msgspec.structs.replace(context, settings=settings, tables=tables, frames=frames)
        if "of" in options and verb != "unit":
            options["from"] = options.pop("of")
        return VERBS[verb].get(rows, variable("XXX", verb, argument, **options), own)

    return got


def reported(column: Column) -> dict[str, list[int]]:
    """Numbers of the rows that break each rule."""
    found = {p.rule: p.rows.fill_null(value=False).arg_true().to_list() for p in column.problems}
    return {rule: rows for rule, rows in found.items() if rows}


def codes(name: str, rows: Sequence[tuple[str, str, str]]) -> CodeTable:
    frame = pl.DataFrame(rows, schema=["system", "code", "target"], orient="row")
    return CodeTable(name, [Path(f"{name}.csv")], frame, ["target"])


def test_every_verb_has_a_manual_page() -> None:
    assert {name for name, verb in VERBS.items() if not verb.get.__doc__} == set()
    assert {verb.inverse for verb in VERBS.values()} <= {"E", "L", "C", "D"}


def test_a_literal_stands_in_every_row(get, table) -> None:
    rows = table("a\n1\n2")
    assert get("hardcode", "LB", rows).values.to_list() == ["LB", "LB"]
    assert get("hardcode", "study.country", rows).values.to_list() == ["CHN", "CHN"]
    assert get("hardcode", "study.nothing.there", rows).values.to_list() == [None, None]


def test_the_first_column_with_a_value_is_taken(get, table) -> None:
    rows = table("""
        a | b | out
        1 | 2 | 1
          | 2 | 2
          |   |
        """)
    assert get("assign", ["a", "b", "no.such"], rows).values.to_list() == rows["out"].to_list()


def test_a_column_of_another_domain_is_the_subjects_own(get, table) -> None:
    rows = table("""
        USUBJID | out
        B       | M
        A       | F
        C       |
        """)
    subjects = table("""
        USUBJID | SEX
        A       | F
        B       | M
        """)
    assert get("assign", "DM.SEX", rows, frames={"DM": subjects}).values.to_list() == rows["out"].to_list()


def test_columns_are_joined_by_a_blank_without_what_is_missing(get, table) -> None:
    rows = table("""
        a  | b  | out
        10 | mL | 10 mL / h
        10 |    | 10 / h
        """).with_columns(c=pl.lit("h"))
    assert get("concat", ["a", "b", "/", "c"], rows).values.to_list() == rows["out"].to_list()
    assert get("concat", ["/"], rows).values.to_list() == ["/", "/"]


def test_an_identifier_of_the_study_wins_over_the_resources_own(get, table) -> None:
    rows = table("""
        _key          | spid | out
        Observation/1 | S-1  | S-1
        Observation/2 |      | Observation/2
        """)
    assert get("id", "spid", rows).values.to_list() == rows["out"].to_list()


def test_the_subject_is_the_rosters(get, table) -> None:
    assert get("usubjid", "subject", table("subject | USUBJID\nPatient/1 | X-1")).values.to_list() == ["X-1"]


GENDER = "http://hl7.org/fhir/administrative-gender"


def test_a_code_is_looked_up_in_its_own_system(get, table) -> None:
    rows = table("""
        sex      | gender  | out
                 | female  | F
        INTERSEX | other   | INTERSEX
                 | nothing |
                 |         |
        """)
    own = "https://fhir-sdtm-interop.org/fhir/CodeSystem/sdtm-sex"
    found = get("recode", "gender-sex", rows, of={"sex": own, "gender": GENDER})
    assert found.values.to_list() == rows["out"].to_list()
    assert reported(found) == {"MAP-CODE-002": [2]}
    assert found.sent is not None
    assert found.sent.to_list() == ["female", "INTERSEX", "nothing", None]


def test_a_code_of_another_system_means_nothing(get, table) -> None:
    tables = {"own": codes("own", [("urn:a", "1", "ONE"), ("urn:b", "1", "OTHER")])}
    rows = table("code\n1")
    assert get("recode", "own", rows, of={"code": "urn:a"}, tables=tables).values.to_list() == ["ONE"]
    assert get("recode", "own", rows, of={"code": "urn:b"}, tables=tables).values.to_list() == ["OTHER"]
    assert get("recode", "own", rows, of={"code": "urn:c"}, tables=tables).values.to_list() == [None]


def test_of_a_list_of_codes_the_first_that_is_known_is_taken(get) -> None:
    tables = {"own": codes("own", [("urn:a", "1", "ONE"), ("urn:a", "2", "TWO")])}
    rows = pl.DataFrame({"code": [["2", "1"], ["9", "1"], ["9"], None]})
    found = get("recode", "own", rows, of={"code": "urn:a"}, tables=tables)
    assert found.values.to_list() == ["TWO", "ONE", None, None]
    assert reported(found) == {"MAP-CODE-002": [2]}


def test_a_text_that_is_a_term_is_accepted_as_it_is_or_by_the_table(get, table) -> None:
    rows = table("""
        text    | out
        blood   | BLOOD
        ＢＬＯＯＤ | BLOOD
        全血     | WHOLE
        mystery |
        """)
    tables = {"own": codes("own", [("text", "全血", "WHOLE")])}
    options: dict[str, Any] = {"accept": "codelist", "codelist": "C78734", "tables": tables}
    found = get("recode", "own", rows, of={"text": "text"}, **options)
    assert found.values.to_list() == rows["out"].to_list()
    assert reported(found) == {"MAP-CODE-002": [3]}


def test_the_gate_gives_its_row(get, table) -> None:
    rows = table("gate.testcd\nHGB")
    assert get("recode", "lab.testcd", rows, of="gate").values.to_list() == ["HGB"]


def test_a_recode_without_a_system_is_a_wrong_mapping(get, table) -> None:
    with pytest.raises(MappingError, match=r"xx\.yaml:1  XXX: recode needs from: gate or"):
        get("recode", "gender-sex", table("a\n1"), of=["a"])


def test_a_term_takes_the_codelists_spelling(get, table) -> None:
    rows = table("""
        text    | out
        blood   | BLOOD
        BLOOD   | BLOOD
        mystery |
                |
        """)
    found = get("ct", "text", rows, codelist="C78734")
    assert found.values.to_list() == rows["out"].to_list()
    assert reported(found) == {"MAP-CT-001": [2]}


def test_a_unit_is_that_of_its_code_else_of_its_text(get, table) -> None:
    rows = table("""
        ucum | text  | out
        g/dL |       | g/dL
        g/L  | g/l   | g/L
             | g/l   | g/L
        xyz  | whats |
             |       |
        """)
    found = get("unit", {"ucum": "ucum", "text": "text"}, rows)
    assert found.values.to_list() == rows["out"].to_list()
    assert reported(found) == {"MAP-UNIT-001": [2], "MAP-UNIT-002": [3]}


def test_a_unit_over_a_unit_and_a_carried_unit(get, table) -> None:
    rows = table("""
        ucum | per | exact | over | out
        mg   | mL  |       | mg/mL | mg/mL
        mg   |     |       | mg    | mg
        mg   | mL  | TABLET | mg/mL | TABLET
        """)
    assert get("unit", {"ucum": "ucum/per"}, rows).values.to_list() == rows["over"].to_list()
    carried = get("unit", {"ucum": "ucum/per", "cdisc": "exact"}, rows)
    assert carried.values.to_list() == rows["out"].to_list()


DATES = """
    sent                      | carried    | out                 | broken
    2020-05                   |            | 2020-05             |
    2020-05-11                |            | 2020-05-11          |
    2020-05-11T00:30:00Z      |            | 2020-05-11T08:30:00 |
    2020-05-10T23:30:00-01:00 |            | 2020-05-11T08:30:00 |
    2020-05-11T08:30:00.250Z  |            | 2020-05-11T16:30:00 |
    2020-05-11T08:30:00       |            | 2020-05-11T08:30:00 | MAP-DATE-002
    2020-05-10T16:00:00Z      |            | 2020-05-11T00:00:00 | MAP-DATE-003
    2020-02-30                |            |                     | MAP-DATE-001
    2020-05-11                | 2020-05--- | 2020-05---          |
    yesterday                 | 2020       | 2020                |
                              |            |                     |
    """


def test_a_date_is_shown_in_the_studys_zone_and_stays_partial(get, table) -> None:
    rows = table(DATES)
    found = get("dtc", ["carried_dtc", "sent"], rows.rename({"carried": "carried_dtc"}))
    assert found.values.to_list() == rows["out"].to_list()
    wanted = rows.with_row_index("n").drop_nulls("broken").select("broken", "n").rows()
    assert reported(found) == {rule: [n] for rule, n in sorted(wanted)}


def test_midnight_is_a_date_where_the_study_says_so(get, table) -> None:
    rows = table("sent\n2020-05-10T16:00:00Z\n2020-05-10T16:00:01Z")
    found = get("dtc", "sent", rows, study={"midnight": "date"})
    assert found.values.to_list() == ["2020-05-11", "2020-05-11T00:00:01"]
    assert reported(found) == {}


def test_fractions_of_a_second_are_kept_where_the_study_says_so(get, table) -> None:
    rows = table("sent\n2020-05-11T08:30:00.250Z")
    assert get("dtc", "sent", rows, study={"fractions": "keep"}).values.to_list() == [
        "2020-05-11T16:30:00.250"
    ]


RESULT = {
    "comparator": "cmp", "number": "num", "text": ["text", "display"], "integer": "int", "boolean": "bool",
    "ratio": ["n", "d"], "range": ["low", "high"],
}  # fmt: skip


def test_a_result_is_the_text_as_sent(get, table) -> None:
    rows = table("""
        cmp | num   | n | d   | low | high | int | bool  | text     | display  | out
            | 98.0  |   |     |     |      |     |       |          |          | 98.0
        <   | 0.10  |   |     |     |      |     |       |          |          | <0.10
            | 1e2   |   |     |     |      |     |       |          |          | 100
            |       | 1 | 160 |     |      |     |       |          |          | 1:160
            |       |   |     | 2   | 5    |     |       |          |          | 2-5
            |       |   |     |     |      | 3   |       |          |          | 3
            |       |   |     |     |      |     | true  |          |          | POSITIVE
            |       |   |     |     |      |     | false |          |          | NEGATIVE
            |       |   |     |     |      |     |       | 阴性      | Negative | 阴性
            |       |   |     |     |      |     |       |          | Negative | Negative
            |       |   |     |     |      |     |       | ＜５      |          | <5
            |       |   |     |     |      |     |       |          |          |
        """)
    found = get("result", RESULT, rows)
    assert found.values.to_list() == rows["out"].to_list()
    assert reported(found) == {"MAP-VALUE-004": [2]}


def test_a_limit_in_another_unit_is_converted_where_the_dimension_is_the_results(get, table) -> None:
    rows = table("""
        range.low | range.high | range.text | range.unit | unit | low | high | text
        110       | 150        |            | g/L        | g/L  | 110 | 150  |
        110       | 150        |            |            | g/L  | 110 | 150  |
        11        | 15         |            | g/dL       | g/L  | 110 | 150  |
        6.8       | 9.3        |            | mmol/L     | g/L  |     |      |
                  |            | 阴性        |            |      |     |      | 阴性
        """).with_columns(pl.Series("range.several", [False, False, False, False, True]))
    for end in ("low", "high", "text"):
        assert get("limit", end, rows, of=["range", "unit"]).values.to_list() == rows[end].to_list()
    low, high = (reported(get("limit", end, rows, of=["range", "unit"])) for end in ("low", "high"))
    assert low == {"MAP-RANGE-005": [2], "MAP-RANGE-002": [3], "MAP-RANGE-001": [4]}
    assert high == {}


def test_a_result_and_its_range_are_standardized_together(get, table) -> None:
    rows = table("""
        orres | unit | test | std | low | high | stresc | stresn | stresu | stlow | sthigh
        9.8   | g/dL | HGB  | g/L | 11  | 15   | 98     | 98.0   | g/L    | 110.0 | 150.0
        98.0  | g/L  | HGB  | g/L | 110 | 150  | 98.0   | 98.0   | g/L    | 110.0 | 150.0
        <5    | g/L  | HGB  | g/L |     |      | <5     |        | g/L    |       |
        阴性   |      | CRP  |     |     |      | NEGATIVE |      |        |       |
        """).rename({"low": "range.low", "high": "range.high"})
    result = get("std", "result", rows, of=["orres", "unit", "test", "std"], map="qualitative")
    limits = get("std", "low", rows, of=["range", "orres", "unit", "test", "std"])
    frame = rows.with_columns(**{name: series for c in (result, limits) for name, series in c.extra.items()})
    assert result.values.to_list() == rows["stresc"].to_list()
    assert limits.values.cast(pl.String).to_list() == rows["stlow"].to_list()
    for part, name in [("number", "stresn"), ("unit", "stresu"), ("high", "sthigh")]:
        found = get("std", part, frame, of=["XXX"]).values
        assert found.cast(pl.String).to_list() == rows[name].to_list()


def test_a_study_sets_its_own_standard_unit(get, table) -> None:
    rows = table("""
        orres | unit | test | std
        98    | g/L  | HGB  | g/L
        """)
    study = {"standard_units": {"HGB": "g/dL"}}
    found = get("std", "result", rows, of=["orres", "unit", "test", "std"], map="qualitative", study=study)
    assert found.values.to_list() == ["9.8"]


def test_what_stands_between_a_result_and_its_standard_form_is_reported(get, table) -> None:
    rows = table("""
        orres | unit  | test | std | property
        98    |       | HGB  | g/L | mass_concentration
        98    | mm/h  | HGB  | g/L | mass_concentration
        weird |       | HGB  |     |
        """)
    found = get(
        "std", "result", rows, of=["orres", "unit", "test", "std"], map="qualitative", property="property"
    )
    assert reported(found) == {
        "MAP-UNIT-004": [0], "MAP-UNIT-005": [1], "MAP-CODE-003": [2], "MAP-UNIT-003": [1],
    }  # fmt: skip


def test_a_coded_result_wins_over_its_text(get, table) -> None:
    rows = table("""
        orres    | unit | test | std | code
        见报告     |      | CRP  |     | 260385009
        """)
    options = {"map": "qualitative", "qualitative": "code"}
    found = get("std", "result", rows, of=["orres", "unit", "test", "std"], **options)
    assert (found.values.to_list(), reported(found)) == (["NEGATIVE"], {})
