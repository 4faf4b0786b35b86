"""Choosers: repeating parts of a resource, and the one that is taken."""

from collections.abc import Callable

import polars as pl
import pytest

from interop.mapping.choosers import CHOOSERS
from interop.mapping.context import Context

COLUMNS = [
    "low",
    "high",
    "low_ucum",
    "high_ucum",
    "low_unit",
    "high_unit",
    "type",
    "applies",
    "age_low",
    "age_high",
    "age_ucum",
    "age_high_ucum",
    "text",
]

Choose = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture
def choose(context: Context, table) -> Choose:
    """The range of each row: row 0 a woman of 52, row 1 a man of 64, row 2 nobody knows."""
    rows = table("""
        SEX | BRTHDTC    | LBDTC
        F   | 1968-03-14 | 2020-05-11
        M   | 1955-11-02 | 2020-05-11
            |            | 2020-05-11
        """).with_row_index("_at")

    def chosen(ranges: pl.DataFrame) -> pl.DataFrame:
        children = ranges.with_columns(
            pl.col("_at").cast(pl.UInt32),
            pl.lit(None, pl.String).alias("age_high_ucum")
            if "age_ucum" not in ranges.columns
            else pl.col("age_ucum").alias("age_high_ucum"),
            *(
                pl.lit(None, pl.String).alias(c)
                for c in COLUMNS
                if c not in ranges.columns and c != "age_high_ucum"
            ),
        ).with_row_index("_nth")
        children = children.with_columns(_index=pl.int_range(pl.len()).over("_at"))
        found = CHOOSERS["range"](rows, children, ["SEX", "BRTHDTC", "LBDTC"], context)
        return found.sort("_at").with_columns(pl.all().cast(pl.String))

    return chosen


def test_a_range_is_chosen_by_sex(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high | applies
        0   | 110 | 150  | female
        0   | 120 | 160  | male
        1   | 110 | 150  | 248152002
        1   | 120 | 160  | 248153007
        2   | 110 | 150  | female
        """)
    )
    assert found.select("_at", "low", "high").rows() == [("0", "110", "150"), ("1", "120", "160")]


def test_a_range_is_chosen_by_age(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high | age_low | age_high | age_ucum
        0   | 1   | 2    | 18      | 59       | a
        0   | 3   | 4    | 60      |          | a
        1   | 1   | 2    |         | 708      | mo
        1   | 3   | 4    | 709     |          | mo
        2   | 1   | 2    | 18      |          | a
        """)
    )
    assert found.select("_at", "low", "high").rows() == [("0", "1", "2"), ("1", "3", "4")]


def test_a_population_that_is_no_sex_fits_nobody(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high | applies
        0   | 110 | 150  | 77386006
        """)
    )
    assert found.height == 0


def test_of_several_ranges_none_is_used(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high
        0   | 110 | 150
        0   | 120 | 160
        """)
    )
    assert found.select("low", "high", "several").rows() == [(None, None, "true")]


def test_a_range_marked_normal_wins_over_one_without_a_mark(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high | type
        0   | 110 | 150  |
        0   | 120 | 160  | normal
        """)
    )
    assert found.select("low", "high", "several").rows() == [("120", "160", "false")]


def test_a_therapeutic_range_is_no_normal_range(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high | type
        0   | 5   | 15   | therapeutic
        1   | 5   | 15   | therapeutic
        1   | 1   | 2    | normal
        """)
    )
    assert found.select("_at", "low", "high").rows() == [("1", "1", "2")]


def test_a_range_in_words_is_read_only_where_it_is_one(choose: Choose, table) -> None:
    ranges = table("""
        text         | low | high | left
        110-150      | 110 | 150  |
        110 - 150    | 110 | 150  |
        110~150      | 110 | 150  |
        110–150      | 110 | 150  |
        １１０－１５０ | 110 | 150  |
        <5           |     | 5    |
        ≤5           |     | 5    |
        >60          | 60  |      |
        阴性          |     |      | 阴性
        see report   |     |      | see report
        """)
    for text, low, high, left in ranges.rows():
        found = choose(pl.DataFrame({"_at": ["0"], "text": [text]}))
        assert found.select("low", "high", "text").row(0) == (low, high, left), text


def test_limits_that_were_sent_win_over_words(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high | text
        0   | 110 |      | 100-200
        """)
    )
    assert found.select("low", "high", "text").rows() == [("110", None, None)]


def test_the_unit_of_a_range_is_a_submission_value(choose: Choose, table) -> None:
    found = choose(
        table("""
        _at | low | high | low_ucum | low_unit
        0   | 11  | 15   | g/dL     | g/dl
        1   | 11  | 15   |          | nonsense
        """)
    )
    assert found["unit"].to_list() == ["g/dL", None]


def test_the_first_part_in_document_order_is_taken(context: Context) -> None:
    children = pl.DataFrame({"_at": [0, 0, 1, 1], "_nth": [1, 0, 2, 3], "panel": ["b", "b", None, "a"]})
    found = CHOOSERS["first"](pl.DataFrame(), children, ["panel"], context)
    assert found.select("_at", "_nth", "panel").rows() == [(0, 0, "b"), (1, 3, "a")]
    every = CHOOSERS["first"](pl.DataFrame(), children, [], context)
    assert every.select("_at", "_nth").rows() == [(0, 0), (1, 2)]


def test_beside_the_limits_stands_what_was_sent(choose: Choose, table) -> None:
    ranges = table("""
        _at | low | high | low_ucum | low_unit | text         | type
        0   | 110 | 150  | g/L      | grams    |              | normal
        1   |     |      |          |          | 3.5～9.5     |
        2   | 1   | 2    |          | mg%      |              |
        """)
    found = choose(ranges).select("low", "high", "index", "written", "unit_sent")
    assert found.rows() == [
        ("110", "150", "0", None, "g/L"),
        ("3.5", "9.5", "0", "3.5～9.5", None),
        ("1", "2", "0", None, "mg%"),
    ]
