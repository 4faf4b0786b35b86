import polars as pl
import pytest

from interop.cdisc.table import Column, Table, is_whole
from interop.errors import SpecError


def test_a_table_tells_what_it_is_and_what_is_said_of_its_variables():
    table = Table("ADSL", "", (Column("AGE", "Age", "Num"),), pl.DataFrame({"AGE": [70.0]}))
    assert repr(table) == "<Table ADSL: 1 records, 1 variables>"
    assert table["AGE"].label == "Age"
    with pytest.raises(SpecError, match="ADSL has no variable 'SEX'"):
        table["SEX"]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ([Column("SEX")], "ADSL: the columns named are not those of the frame"),
        ([Column("AGE")], r"ADSL.AGE is Char, its column is Float64"),
    ],
)
def test_a_table_whose_columns_are_not_those_of_its_frame_is_refused(columns, problem):
    with pytest.raises(SpecError, match=problem):
        Table("ADSL", "", tuple(columns), pl.DataFrame({"AGE": [70.0]}))


@pytest.mark.parametrize(
    ("values", "whole"),
    [([1.0, None], True), ([1.5], False), ([None], False), ([], False), ([2.0**53], False), ([-0.0], True)],
)
def test_numbers_are_whole_where_each_is_and_a_double_can_tell(values, whole):
    assert is_whole(pl.Series(values, dtype=pl.Float64)) is whole
    assert is_whole(pl.Series([], dtype=pl.Int64))
