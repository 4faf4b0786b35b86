"""Units and results: what was sent, and what it becomes in the standard unit."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interop.errors import MappingError
from interop.mapping import results, units
from interop.mapping.concepts import read_code_table
from interop.mapping.units import UnitTables

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
TABLES = UnitTables.load(MAPPINGS / "units")
QUALITATIVE = {
    code: term
    for (_, code), term in read_code_table("qualitative", [MAPPINGS / "concepts"]).forward("target").items()
}


def text(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def table(literal: str) -> dict[str, pl.Series]:
    """A pipe table as columns; an empty cell is null."""
    lines = [[cell.strip() or None for cell in line.split("|")] for line in literal.strip().splitlines()]
    header, *rows = lines
    return {str(name): text(*(row[n] for row in rows)) for n, name in enumerate(header)}


def standardized(given: dict[str, pl.Series], **settings: bool) -> pl.DataFrame:
    return results.standardize(
        given["result"],
        given["unit"],
        given["test"],
        given["standard"],
        TABLES,
        qualitative=QUALITATIVE,
        **settings,
    )


def in_grams_per_litre(result: str, unit: str = "g/dL") -> dict[str, object]:
    given_ = {"result": text(result), "unit": text(unit), "test": text("HGB"), "standard": text("g/L")}
    return standardized(given_).row(0, named=True)


# ------------------------------------------------------------ units


def test_a_unit_is_found_by_its_ucum_code_else_by_its_text() -> None:
    sent = table("""
        ucum    | display   | unit    | source | case
        10*3/uL |           | 10^9/L  | ucum   | C010
                | ×10^10/L  | 10^10/L | alias  | C011
        [ppth]  |           | ppth    | ucum   | C012
                | ‰         | ppth    | alias  | C012
                | g/l       | g/L     | alias  | C006
                | µmol/L    | umol/L  | alias  | C060 U+00B5
                | μmol/L    | umol/L  | alias  | C060 U+03BC
                | 10⁹/L     | 10^9/L  | alias  | never 109
                | ％        | %       | alias  | full width
                | ｇ／Ｌ    | g/L     | alias  | full width
                | 片        | TABLET  | alias  | a dose
        ng/mL   |           | ug/L    | ucum   | decision 10
        furlong | g/L       | g/L     | alias  | the text helps
        furlong |           |         |        | never guessed
                | G/L       |         |        | case is kept
                |           |         |        | nothing sent
    """)
    found = units.submission_unit(sent["ucum"], sent["display"], TABLES)
    assert found.unit.to_list() == sent["unit"].to_list()
    assert found.source.to_list() == sent["source"].to_list()


def test_a_code_and_a_text_that_name_two_units_are_flagged() -> None:
    found = units.submission_unit(text("mg/dL", "mg/dL", "mg/dL"), text("g/L", "mg/dL", "local"), TABLES)
    assert found.unit.to_list() == ["mg/dL"] * 3
    assert found.conflict.to_list() == [True, False, False]


def test_every_unit_has_one_ucum_code_for_the_way_back() -> None:
    names = pl.Series(sorted(set(TABLES.units.values())))
    codes = units.ucum_code(names, TABLES)
    back = units.submission_unit(codes, text(*[None] * len(codes)), TABLES)
    assert back.unit.to_list() == names.to_list()
    assert units.ucum_code(text("furlong", None), TABLES).to_list() == [None, None]


def test_a_unit_that_cannot_measure_the_property_is_a_conflict() -> None:
    shown = table("""
        unit   | property                | conflict | case
        g/L    | substance_concentration | yes      | C008
        g/L    | mass_concentration      |          |
        mEq/L  | substance_concentration |          |
        %      | number_fraction         |          |
        %      | volume_fraction         |          |
        10^9/L | number_fraction         | yes      | 17849-1 is no count
        titer  | presence                |          |
               | mass_concentration      |          | nothing to hold it against
        g/L    |                         |          |
    """)
    conflicts = units.dimension_conflict(shown["unit"], shown["property"], TABLES)
    assert conflicts.to_list() == [answer == "yes" for answer in shown["conflict"]]


# ------------------------------------------------------------ results


def test_a_result_is_read_in_its_parts() -> None:
    read = table("""
        sent      | comparator | number | kind   | text
        98.0      |            | 98.0   | number | 98.0
        <0.10     | <          | 0.10   | number | <0.10
        ＜０.１   | <          | 0.1    | number | <0.1
        ≥ 500     | >=         | 500    | number | >=500
        1e2       |            | 100    | number | 100
        1.50E-3   |            | 0.00150 | number | 0.00150
        −3        |            | -3     | number | -3
        2-5       |            |        | range  | 2-5
        2 ～ 5    |            |        | range  | 2-5
        1:160     |            | 160    | ratio  | 1:160
        <1:20     | <          |        | ratio  | <1:20
        阳性(+)   |            |        | text   | 阳性(+)
        1,234     |            |        | text   | 1,234
        10⁵       |            |        | text   | 10⁵
        1e999999  |            |        | text   | 1e999999
                  |            |        |        |
    """)
    parsed = results.parse_result(read["sent"])
    for column in ("comparator", "number", "kind", "text"):
        assert parsed[column].to_list() == read[column].to_list(), column
    assert parsed.filter("exponent")["text"].to_list() == ["100", "0.00150"]


def test_results_become_standard() -> None:
    expected = table("""
    case | result  | unit    | test     | standard      | stresc   | stresn | stresu        | problem
    C001 | <0.10   | mg/dL   | CREAT    | umol/L        | <8.84    |        | umol/L        |
    C002 | >=500   | ug/L    | FERRITIN | ug/L          | >=500    |        | ug/L          |
    C003 | 98.0    | g/L     | HGB      | g/L           | 98.0     | 98.0   | g/L           |
    C003 | 98      | g/L     | HGB      | g/L           | 98       | 98.0   | g/L           |
    C004 | 1e2     | g/L     | HGB      | g/L           | 100      | 100.0  | g/L           |
    C005 | 9.8     | g/dL    | HGB      | g/L           | 98       | 98.0   | g/L           |
    C007 | 98      |         | HGB      | g/L           |          |        |               | no unit
    C010 | 4.5     | 10^9/L  | WBC      | 10^9/L        | 4.5      | 4.5    | 10^9/L        |
    C011 | 12.5    | 10^10/L | PLAT     | 10^9/L        | 125      | 125.0  | 10^9/L        |
    C012 | 15      | ppth    | RETIRBC  | %             | 1.5      | 1.5    | %             |
    C015 | 阳性(+) |         | ANGLOBDR |               | POSITIVE |        |               |
    C015 | 阳性（+）   |         | ANGLOBDR |               | POSITIVE |        |               |
    C017 | 2+      |         | ANGLOBDR |               | 2+       |        |               |
    C017 | ++      |         | ANGLOBDR |               | 2+       |        |               |
    C018 | 1:160   | titer   | ANGLOBDR |               | 1:160    |        | titer         |
    C019 | 2-5     | 10^9/L  | WBC      | 10^9/L        | 2-5      |        | 10^9/L        |
    C107 | TNTC    |         | ANGLOBDR |               | TOO NUMEROUS TO COUNT |        |               |
    6.4  | 0.10    | mg/dL   | CREAT    | umol/L        | 8.84     | 8.84   | umol/L        |
    6.4  | 34.2    | umol/L  | BILI     | umol/L        | 34.2     | 34.2   | umol/L        |
    6.4  | 45      | %       | HCT      | fraction of 1 | 0.45     | 0.45   | fraction of 1 |
    6.4  | 0.45    | L/L     | HCT      | fraction of 1 | 0.45     | 0.45   | fraction of 1 |
    6.4  | 4.10    | mEq/L   | K        | mmol/L        | 4.10     | 4.1    | mmol/L        |
    6.4  | 0.5     | ukat/L  | ALT      | U/L           | 30       | 30.0   | U/L           |
    6.4  | 98.6    | F       | TEMP     | C             | 37       | 37.0   | C             |
    -    | 2-5     | g/dL    | HGB      | g/L           | 20-50    |        | g/L           |
    -    | 0.0     | g/dL    | HGB      | g/L           | 0        | 0.0    | g/L           |
    -    | 5       | mg/L    | CREAT    | umol/L        |          |        |               | no conversion
    -    | 6.1     | mmol/L  | HGB      | g/L           |          |        |               | unconfirmed
    -    | 溶血    |         | ANGLOBDR |               | 溶血     |        |               | not in map
    -    | -       |         | ANGLOBDR |               | NEGATIVE |        |               |
    -    | -       | g/L     | HGB      | g/L           | -        |        |               | not in map
    -    |         | g/L     | HGB      | g/L           |          |        |               |
    """)
    actual = standardized(expected).with_columns(pl.col("stresn").cast(pl.String))
    for column in ("stresc", "stresn", "stresu", "problem"):
        assert actual[column].to_list() == expected[column].to_list(), column


def test_a_titer_is_a_number_only_where_the_study_says_so() -> None:
    sent = {"result": text("1:160"), "unit": text("titer"), "test": text("ANGLOBDR"), "standard": text(None)}
    assert standardized(sent)["stresn"].to_list() == [None]
    assert standardized(sent, titer_numeric=True)["stresn"].to_list() == [160.0]


def test_limits_follow_their_results_into_the_standard_unit() -> None:
    limits = table("""
        low  | high | unit  | test  | standard | low_text | high_text | problem
        12   | 16   | g/dL  | HGB   | g/L      | 120      | 160       |
             | 1.2  | mg/dL | CREAT | umol/L   |          | 106       |
        3.50 | 9.50 | g/L   | HGB   | g/L      | 3.50     | 9.50      |
             |      | g/L   | HGB   | g/L      |          |           |
        <1   | 16   | g/L   | HGB   | g/L      |          |           | not a number
        1    | 2    |       | HGB   | g/L      |          |           | no unit
    """)
    low, high, unit, test, standard = (limits[name] for name in ("low", "high", "unit", "test", "standard"))
    actual = results.standardize_range(low, high, unit, test, standard, TABLES)
    for column in ("low_text", "high_text", "problem"):
        assert actual[column].to_list() == limits[column].to_list(), column
    assert actual["low"].to_list() == [120.0, None, 3.5, None, None, None]


def test_a_result_is_placed_in_its_range_only_if_that_is_proved() -> None:
    placed = table("""
        stresc | low  | high | nrind
        98     | 120  | 160  | LOW
        120    | 120  | 160  | NORMAL
        160    | 120  | 160  | NORMAL
        160.1  | 120  | 160  | HIGH
        5      |      | 8    | NORMAL
        98     |      |      |
        <0.1   | 0.5  | 2    | LOW
        <0.5   | 0.5  | 2    | LOW
        <=0.5  | 0.5  | 2    |
        <0.6   | 0.5  | 2    |
        <0.1   | 0.05 | 2    |
        <0.1   | 0    | 2    | NORMAL
        <0.1   |      | 2    | NORMAL
        <3     |      | 2    |
        >=500  | 30   | 400  | HIGH
        >=400  | 30   | 400  |
        >400   | 30   | 400  | HIGH
        >100   | 30   | 400  |
        >100   | 30   |      | NORMAL
        2-5    | 3    | 4    |
               | 3    | 4    |
    """)
    number = placed["stresc"].str.contains("^[0-9.]+$")
    stresn = pl.select(pl.when(number).then(placed["stresc"]).cast(pl.Float64)).to_series()
    actual = results.nrind(
        placed["stresc"], stresn, placed["low"].cast(pl.Float64), placed["high"].cast(pl.Float64)
    )
    assert actual.to_list() == placed["nrind"].to_list()


# ------------------------------------------------------------ always true

DECIMALS = st.decimals(min_value=0, max_value=10**6, places=3, allow_nan=False).map(str)
COMPARATORS = st.sampled_from(["", "<", "<=", ">", ">="])


@given(DECIMALS, COMPARATORS)
def test_a_result_in_its_standard_unit_keeps_its_text(number: str, comparator: str) -> None:
    row = in_grams_per_litre(comparator + number, "g/L")
    assert row["stresc"] == comparator + number
    assert row["stresn"] == (None if comparator else float(number))


@given(DECIMALS, COMPARATORS)
def test_grams_per_decilitre_are_exactly_ten_times_as_many_per_litre(number: str, comparator: str) -> None:
    row = in_grams_per_litre(comparator + number)
    stresc = str(row["stresc"])
    assert stresc.startswith(comparator)
    assert Decimal(stresc.removeprefix(comparator)) == Decimal(number) * 10
    assert not ("." in stresc and stresc.endswith(("0", ".")))


@given(st.lists(DECIMALS, max_size=8), st.randoms(use_true_random=False))
def test_a_result_does_not_depend_on_its_neighbours(numbers: list[str], random: object) -> None:
    def alone(column: list[str]) -> list[object]:
        n = len(column)
        sent = {"result": text(*column), "unit": text(*["mg/dL"] * n), "test": text(*["CREAT"] * n)}
        return standardized({**sent, "standard": text(*["umol/L"] * n)})["stresc"].to_list()

    shuffled = list(numbers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dict(zip(numbers, alone(numbers), strict=True)) == dict(
        zip(shuffled, alone(shuffled), strict=True)
    )


# ------------------------------------------------------------ wrong tables


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("ucum.csv", "g/L,g/L,C42576,N,S", "ucum.csv:3  g/L stands here twice"),
        ("ucum.csv", "mg/mL,g/L,C42576,Y,S", "ucum.csv:3  two reverse rows for g/L: g/L, mg/mL"),
        ("aliases.csv", "gramm,g/K,J", 'aliases.csv:2  no UCUM code g/K in ucum.csv; did you mean "g/L"?'),
        ("conversions.csv", "HGB,g/L,g/L,ten,,exact,S", "conversions.csv:2  factor ten is not a number"),
        ("conversions.csv", "HGB,g/L,g/L,1/0,,exact,S", "conversions.csv:2  factor 1/0 is not a number"),
        ("dimensions.csv", "g/dL,mass_concentration,10", "dimensions.csv:2  no unit g/dL in ucum.csv"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, file: str, line: str, message: str) -> None:
    files = {
        "ucum.csv": "ucum,unit,nci,reverse,mark\ng/L,g/L,C42576,Y,S\n",
        "aliases.csv": "text,ucum,mark\n",
        "conversions.csv": "testcd,from_unit,to_unit,factor,offset,basis,mark\n",
        "dimensions.csv": "unit,dimension,scale\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content + (f"{line}\n" if name == file else ""), encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        UnitTables.load(tmp_path)
    assert message in str(refused.value)
