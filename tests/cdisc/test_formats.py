import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from interop.cdisc.dataset import Dataset
from interop.cdisc.formats import FORMATS, read, write
from interop.cdisc.standard import Standard
from interop.cdisc.tabular import read_csv, write_csv
from interop.errors import OutputError, SourceError

STANDARD = Standard.load()
LB = STANDARD["LB"]


def csv_of(tmp_path, **columns) -> str:
    write_csv(Dataset(LB, pl.DataFrame(columns)), tmp_path / "lb.csv")
    return (tmp_path / "lb.csv").read_bytes().decode("utf-8")


@pytest.mark.parametrize(
    ("number", "cell"),
    [
        (98.0, "98"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (-0.0, "0"),
        (-1.0, "-1"),
    ],
)
def test_numbers_are_their_shortest_text_without_exponent(tmp_path, number, cell):
    assert csv_of(tmp_path, LBSTRESN=[number, None]).split("\n")[1] == cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("+x", "'+x"),
        ("-x", "'-x"),
        ("--", "'--"),
        ("'=x", "''=x"),
        ("+", "+"),
        ("-", "-"),
        ("-1.50", "-1.50"),
        ("+1e5", "+1e5"),
        ("<5", "<5"),
        ("1.50", "1.50"),
        ("'tis", "'tis"),
        ("阳性(+)", "阳性(+)"),
    ],
)
def test_only_what_a_spreadsheet_would_run_is_escaped_c106(tmp_path, text, cell):
    assert csv_of(tmp_path, USUBJID=["S-1"], LBORRES=[text]) == f"USUBJID,LBORRES\nS-1,{cell}\n"
    assert read_csv(tmp_path / "lb.csv", LB)["LBORRES"].to_list() == [text]


TEXT = st.text(st.one_of(st.sampled_from("=@+-'\t\r\n\",1.e 阳"), st.characters(codec="utf-8")), min_size=1)


@given(
    texts=st.lists(st.one_of(st.none(), TEXT), max_size=5),
    number=st.floats(allow_nan=False, allow_infinity=False),
)
def test_csv_gives_back_what_was_written(tmp_path_factory, texts, number):
    frame = pl.DataFrame(
        {"USUBJID": ["S-1"] * len(texts), "LBORRES": texts, "LBSTRESN": [number] * len(texts)},
        schema={"USUBJID": pl.String, "LBORRES": pl.String, "LBSTRESN": pl.Float64},
    )
    path = tmp_path_factory.mktemp("csv") / "lb.csv"
    write_csv(Dataset(LB, frame), path)
    assert_frame_equal(read_csv(path, LB).frame, frame, check_exact=True)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no CSV in UTF-8"),
        (b"USUBJID\nS-1,2\n", "no CSV in UTF-8"),
        (b"USUBJID\n\xd1\xf4\n", "no CSV in UTF-8"),
        (b"USUBJID,LBSTRESN\nS-1,x\nS-2,nan\n", "2 rows of LBSTRESN are no numbers"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused(tmp_path, content, problem):
    (tmp_path / "lb.csv").write_bytes(content)
    with pytest.raises(SourceError, match=problem):
        read_csv(tmp_path / "lb.csv", LB)


def datasets() -> dict[str, Dataset]:
    supplemental = pl.DataFrame({"STUDYID": ["X"], "RDOMAIN": ["LB"], "QNAM": ["LBALERT"], "QVAL": ["LL"]})
    laboratory = pl.DataFrame({"STUDYID": ["X"], "LBSEQ": [1], "LBORRES": ["1.50"]})
    return {
        "LB": Dataset(LB, laboratory),
        "SUPPLB": Dataset(STANDARD.dataset("SUPPLB"), supplemental),
    }


def test_xpt_stands_in_the_folder_and_other_formats_in_their_own(tmp_path):
    paths = write(datasets(), tmp_path, formats=["xpt", "csv"])
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "lb.xpt",
        "supplb.xpt",
        "csv/lb.csv",
        "csv/supplb.csv",
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_back_what_was_written(tmp_path, name):
    paths = write(datasets(), tmp_path, formats=[name])
    found = read(paths[0].parent, STANDARD)
    assert list(found) == ["LB", "SUPPLB"]
    for dataset in datasets().values():
        assert_frame_equal(found[dataset.name].frame, dataset.frame)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(OutputError, match="no format 'xtp', there are xpt, csv; did you mean \"xpt\""):
        write(datasets(), tmp_path, formats=["xtp"])


def test_a_folder_holds_one_format_and_each_dataset_once(tmp_path):
    with pytest.raises(SourceError, match="datasets of one format are needed"):
        read(tmp_path, STANDARD)
    (path, _) = write(datasets(), tmp_path)
    (tmp_path / "again.xpt").write_bytes(path.read_bytes())
    with pytest.raises(SourceError, match="LB stands in another file too"):
        read(tmp_path, STANDARD)
