import polars as pl
import pytest
from polars.testing import assert_frame_equal

from interop.cdisc.dataset import Dataset
from interop.cdisc.formats import FORMATS, read, write
from interop.cdisc.known import described
from interop.cdisc.standard import Standard
from interop.cdisc.tabular import read_csv, write_csv
from interop.errors import OutputError, SourceError

STANDARD = Standard.load()
LB = STANDARD["LB"]


def csv_of(tmp_path, **columns) -> str:
    write_csv(Dataset(LB, pl.DataFrame(columns)).table, tmp_path / "lb.csv")
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
    (found,) = read_csv(tmp_path / "lb.csv")
    assert found.frame["LBORRES"].to_list() == [text]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no CSV in UTF-8"),
        (b"USUBJID\nS-1,2\n", "no CSV in UTF-8"),
        (b"USUBJID,USUBJID\nS-1,2\n", "column 1 has no name of its own"),
        (b"USUBJID,\nS-1,2\n", "column 2 has no name of its own"),
        (b"USUBJID,LBORRES\nS-1,2\nS-2\n", "no CSV in UTF-8 .*: 2 cells are due, a row has 1$"),
        (b'USUBJID\n"S-1\n', "a quoted text does not end"),
        (b"USUBJID\n\xd1\xf4\n", "no CSV in UTF-8; name its encoding"),
        (b"USUBJID;LBORRES\nS-1;2\n", "no CSV: its cells stand between ';'"),
        (b"USUBJID,LBSTRESN\nS-1,1e999\nS-2,1\n", "1 rows of LBSTRESN are no numbers that a double holds"),
        (b"USUBJID,LBSTRESN\nS-1,x\nS-2,nan\n,1\n", "2 rows of LBSTRESN are no numbers"),
    ],
)
def test_a_file_that_is_no_such_csv_is_refused(tmp_path, content, problem):
    (tmp_path / "lb.csv").write_bytes(content)
    with pytest.raises(SourceError, match=problem):
        read(tmp_path / "lb.csv", STANDARD)


def test_a_csv_file_may_be_of_another_encoding(tmp_path):
    (tmp_path / "lb.csv").write_bytes("USUBJID,LBORRES\nS-1,阳性\n".encode("gb18030"))
    found = read(tmp_path / "lb.csv", STANDARD, encoding="gb18030")
    assert found["LB"]["LBORRES"].to_list() == ["阳性"]


def test_a_csv_file_gets_types_and_labels_from_the_standard_and_no_more(tmp_path):
    (tmp_path / "vs.csv").write_text(
        "STUDYID,VSSEQ,VSORRES,AGE,VISITNUM,OTHER\nX,1,70.50,n/a,2,3\n", encoding="utf-8"
    )
    (found,) = read_csv(tmp_path / "vs.csv")
    columns = described(found, STANDARD).columns
    assert [(column.name, column.type, column.label) for column in columns] == [
        ("STUDYID", "Char", "Study Identifier"),
        ("VSSEQ", "Num", ""),
        ("VSORRES", "Char", ""),
        ("AGE", "Char", "Age"),
        ("VISITNUM", "Num", "Visit Number"),
        ("OTHER", "Char", ""),
    ]


def test_a_number_that_no_double_holds_stays_text(tmp_path):
    (tmp_path / "vs.csv").write_text("VSSEQ,VISITNUM,AGE\n9007199254740993,1e999,1e22\n", encoding="utf-8")
    (found,) = read_csv(tmp_path / "vs.csv")
    assert described(found, STANDARD).frame.row(0) == ("9007199254740993", "1e999", 1e22)


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
    with pytest.raises(OutputError, match=r"no format 'xtp', there are xpt, .*; did you mean .xpt."):
        write(datasets(), tmp_path, formats=["xtp"])


def test_a_folder_holds_one_format_and_each_dataset_once(tmp_path):
    with pytest.raises(SourceError, match=r"datasets of one format are needed .* this holds none"):
        read(tmp_path, STANDARD)
    (path, _) = write(datasets(), tmp_path)
    (tmp_path / "dm.csv").touch()
    with pytest.raises(SourceError, match=r"this holds .csv, .xpt"):
        read(tmp_path, STANDARD)
    (tmp_path / "dm.csv").unlink()
    (tmp_path / "again.xpt").write_bytes(path.read_bytes())
    with pytest.raises(SourceError, match="LB stands in another file too"):
        read(tmp_path, STANDARD)
