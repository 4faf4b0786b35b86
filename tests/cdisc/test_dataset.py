import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.errors import SpecError

LB = Standard.load()["LB"]


def dataset() -> Dataset:
    return Dataset(
        LB,
        pl.DataFrame(
            {
                "LBSTRESN": [9.8, None],
                "LBSEQ": [1, 2],
                "USUBJID": ["S-1", "S-2"],
                "LBORRES": ["9.80", None],
                "LBDY": [None, -1],
            }
        ),
    )


def test_columns_stand_in_the_order_of_the_standard():
    assert dataset().frame.columns == ["USUBJID", "LBSEQ", "LBORRES", "LBSTRESN", "LBDY"]


def test_a_generic_name_finds_its_column():
    assert dataset()["--SEQ"].to_list() == [1, 2]
    assert "--ORRES" in dataset()
    assert "--STRESC" not in dataset()
    with pytest.raises(SpecError, match="this LB dataset has no column 'LBSTRESC'"):
        dataset()["--STRESC"]


def test_missing_is_null_never_blank_or_nan():
    frame = pl.DataFrame({"LBORRES": ["", "1.50"], "LBSTRESN": [float("nan"), 1.5]})
    assert Dataset(LB, frame).frame.rows() == [(None, None), ("1.50", 1.5)]


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("LBORES", ["1"], "LB has no variable 'LBORES'; did you mean \"LBORRES\""),
        ("LBORRES", [1.5], "LBORRES is Char, its column is Float64"),
        ("LBSTRESN", ["1.5"], "LBSTRESN is Num, its column is String"),
        ("LBSEQ", [1.5], "LBSEQ counts whole units"),
    ],
)
def test_a_column_that_does_not_fit_is_refused(column, values, problem):
    with pytest.raises(SpecError, match=problem):
        Dataset(LB, pl.DataFrame({column: values}))


def test_required_and_expected_variables_can_be_completed():
    complete = dataset().complete()
    absent = [v.name for v in LB if v.core != "Perm" and v.name not in complete]
    assert absent == []
    assert complete["LBTESTCD"].null_count() == 2
    assert "LBLOINC" not in complete


def test_pandas_gets_labels_and_types_and_gives_the_same_dataset_back():
    frame = dataset().to_pandas()
    assert frame.attrs["label"] == "Laboratory Test Results"
    assert frame.attrs["labels"]["LBSEQ"] == "Sequence Number"
    assert frame.dtypes.astype(str).to_dict() == {
        "USUBJID": "object",
        "LBSEQ": "int64",
        "LBORRES": "object",
        "LBSTRESN": "float64",
        "LBDY": "float64",
    }
    assert frame["LBORRES"].tolist() == ["9.80", None]
    assert_frame_equal(Dataset.from_pandas(LB, frame).frame, dataset().frame)


def test_pandas_text_of_any_kind_is_read():
    frame = pd.DataFrame({"USUBJID": pd.Series(["S-1", None], dtype="str"), "LBSEQ": [1, 2]})
    assert Dataset.from_pandas(LB, frame).frame.rows() == [("S-1", 1), (None, 2)]


def test_a_dataset_says_what_it_is():
    assert repr(dataset()) == "<Dataset LB: 2 records, 5 variables>"
    assert len(dataset()) == 2
