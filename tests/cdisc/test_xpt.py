import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from interop.cdisc import ibm, xpt
from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.cdisc.table import Column, Table
from interop.cdisc.xpt import write_xpt
from interop.cdisc.xpt_read import read_xpt
from interop.errors import OutputError, SourceError

LB = Standard.load()["LB"]
NUMBERS = (98.0, 1.5, -0.1, None, 1e-7, 1234567.891, 0.0)
TEXTS = ("1.50", "阳性(+)", None, " <5", "1E2", "x" * 200, "é")


def table(**columns) -> Table:
    return Dataset(LB, pl.DataFrame(columns)).table


def dataset(rows: int = len(TEXTS)) -> Dataset:
    columns = {
        "STUDYID": ["NCT04324411"] * len(TEXTS),
        "USUBJID": ["S-1"] * 5 + ["S-2"] * 2,
        "LBSEQ": list(range(1, len(TEXTS) + 1)),
        "LBORRES": TEXTS,
        "LBSTRESN": NUMBERS,
        "LBLOBXFL": [None] * len(TEXTS),
    }
    return Dataset(LB, pl.DataFrame(columns).head(rows))


def as_read(written: Dataset) -> pl.DataFrame:
    """Numbers come back as floats: the format has no whole numbers."""
    return written.frame.with_columns(pl.col(pl.Int64).cast(pl.Float64))


def observations(path: Path) -> bytes:
    return path.read_bytes().split(b"OBS     HEADER RECORD!!!!!!!" + b"0" * 30 + b"  ")[1]


def test_what_is_written_is_read_back_with_labels_and_lengths(tmp_path):
    write_xpt(dataset().table, tmp_path / "lb.xpt")
    (member,) = read_xpt(tmp_path / "lb.xpt")
    assert_frame_equal(member.frame, as_read(dataset()))
    assert (member.name, member.label) == ("LB", "Laboratory Test Results")
    assert [(v.name, v.label, v.type) for v in member.columns] == [
        (v.name, v.label, v.type) for v in dataset().variables
    ]
    lengths = {"STUDYID": 11, "USUBJID": 3, "LBSEQ": None, "LBORRES": 200, "LBSTRESN": None, "LBLOBXFL": 1}
    assert {column.name: column.length for column in member.columns} == lengths


def test_pyreadstat_reads_what_was_written(tmp_path):
    write_xpt(dataset().table, tmp_path / "lb.xpt")
    frame, meta = pyreadstat.read_xport(tmp_path / "lb.xpt")
    assert (meta.table_name, meta.file_label) == ("LB", "Laboratory Test Results")
    assert meta.column_labels == [v.label for v in dataset().variables]
    assert frame["LBORRES"].tolist() == [value or "" for value in TEXTS]
    assert frame["LBSTRESN"].replace(np.nan, None).tolist() == list(NUMBERS)


def test_pandas_reads_what_was_written(tmp_path):
    write_xpt(dataset().table, tmp_path / "lb.xpt")
    frame = pd.read_sas(tmp_path / "lb.xpt", encoding="utf-8")
    assert frame["LBORRES"].tolist() == [value or "" for value in TEXTS]
    # pandas decodes the word of zero as 16**-65
    numbers = [None if np.isnan(n) else 0.0 if n == 16.0**-65 else n for n in frame["LBSTRESN"]]
    assert numbers == list(NUMBERS)


def test_the_observations_are_those_of_pyreadstat_byte_for_byte(tmp_path):
    few = dataset().frame.drop("LBLOBXFL")
    ours, peer = tmp_path / "ours.xpt", tmp_path / "peer.xpt"
    write_xpt(Dataset(LB, few).table, ours)
    pyreadstat.write_xport(few.with_columns(pl.col("LBSEQ").cast(pl.Float64)), peer, file_format_version=5)
    assert observations(ours) == observations(peer)


def test_blocks_do_not_show(tmp_path, monkeypatch):
    frame = pl.concat([dataset().frame] * 3)
    write_xpt(Dataset(LB, frame).table, tmp_path / "one.xpt")
    monkeypatch.setattr(xpt, "BLOCK", 4)  # the real writer, with blocks small enough to have several
    write_xpt(Dataset(LB, frame).table, tmp_path / "many.xpt")
    assert (tmp_path / "one.xpt").read_bytes() == (tmp_path / "many.xpt").read_bytes()


def test_no_clock_is_read_unless_a_time_is_given(tmp_path):
    write_xpt(dataset().table, tmp_path / "a.xpt")
    assert (tmp_path / "a.xpt").read_bytes()[144:176] == b"01JAN60:00:00:00" * 2
    write_xpt(dataset().table, tmp_path / "b.xpt", timestamp=datetime(2026, 3, 9, 8, 5, 1, tzinfo=UTC))
    assert (tmp_path / "b.xpt").read_bytes()[144:160] == b"09MAR26:08:05:01"


def test_no_rows_are_no_rows(tmp_path):
    write_xpt(dataset(0).table, tmp_path / "lb.xpt")
    (member,) = read_xpt(tmp_path / "lb.xpt")
    assert_frame_equal(member.frame, as_read(dataset(0)))


def test_every_member_of_a_file_is_read(tmp_path):
    write_xpt(dataset().table, tmp_path / "lb.xpt")
    write_xpt(dataset(2).table, tmp_path / "two.xpt")
    both = (tmp_path / "lb.xpt").read_bytes() + (tmp_path / "two.xpt").read_bytes()[240:]
    (tmp_path / "both.xpt").write_bytes(both)
    assert [member.frame.height for member in read_xpt(tmp_path / "both.xpt")] == [7, 2]


def test_lengths_are_bytes_of_the_encoding(tmp_path):
    frame = pl.DataFrame({"LBORRES": ["阳性", "x"]})
    for encoding, length in (("utf-8", 6), ("euc-cn", 4), ("gb18030", 4)):
        write_xpt(Dataset(LB, frame).table, tmp_path / "lb.xpt", encoding=encoding)
        (member,) = read_xpt(tmp_path / "lb.xpt", encoding=encoding)
        assert (member["LBORRES"].length, member.frame["LBORRES"].to_list()) == (length, ["阳性", "x"])


def test_lengths_widths_and_formats_of_others_are_kept(tmp_path):
    columns = (
        Column("usubjid", "Own label", length=20, format="$20.", informat="$CHAR20."),
        Column("TRTSDT", "Date", "Num", width=4, format="DATE9.", informat="YYMMDD10."),
        Column("AVAL", "Value", "Num", width=3, format="8.2"),
    )
    frame = pl.DataFrame({"usubjid": ["S-1"], "TRTSDT": [19_700.0], "AVAL": [0.1]})
    write_xpt(Table("ADSL", "Subjects", columns, frame), tmp_path / "adsl.xpt")
    (found,) = read_xpt(tmp_path / "adsl.xpt")
    # 0.1 is no number of 3 bytes, so it has 8
    assert found.columns == (*columns[:2], Column("AVAL", "Value", "Num", format="8.2"))
    assert_frame_equal(found.frame, frame)
    _, meta = pyreadstat.read_xport(tmp_path / "adsl.xpt")
    assert meta.original_variable_types == {"usubjid": "$20", "TRTSDT": "DATE9", "AVAL": "8.2"}


def test_a_plan_that_is_too_short_or_too_long_gives_way(tmp_path):
    columns = (Column("A", length=2), Column("B", length=1000))
    write_xpt(Table("X", "", columns, pl.DataFrame({"A": ["xxx"], "B": ["x"]})), tmp_path / "x.xpt")
    (found,) = read_xpt(tmp_path / "x.xpt")
    assert [column.length for column in found.columns] == [3, 200]


def test_special_missing_values_keep_their_letter(tmp_path):
    special = {"LBSTRESN": {3: "A", 6: "_"}}
    write_xpt(msgspec.structs.replace(dataset().table, special=special), tmp_path / "lb.xpt")
    (member,) = read_xpt(tmp_path / "lb.xpt")
    assert dict(member.special) == special
    assert member.frame["LBSTRESN"].to_list() == [98.0, 1.5, -0.1, None, 1e-7, 1234567.891, None]


@pytest.mark.parametrize(
    ("column", "value", "encoding", "problem"),
    [
        ("LBORRES", "x" * 201, "utf-8", "LB.LBORRES: 1 rows are longer than 200 bytes"),
        ("LBORRES", "阳" * 67, "utf-8", "LB.LBORRES: 1 rows are longer than 200 bytes"),
        ("LBORRES", "阳性", "ascii", "LB.LBORRES: 1 rows have characters outside ascii"),
        ("LBORRES", "x", "klingon", "'klingon' is no text encoding"),
        ("LBSTRESN", 1e76, "utf-8", "LB.LBSTRESN: 1 rows exceed 7.24e"),
        ("LBSTRESN", float("inf"), "utf-8", "LB.LBSTRESN: 1 rows exceed"),
        ("LBSTRESN", 1e-79, "utf-8", "LB.LBSTRESN: 1 rows are nearer to 0 than 5.4e-79"),
        ("LBSEQ", 2**53 + 1, "utf-8", "LB.LBSEQ: 1 rows have more digits"),
        ("LBORRES", "x", "base64", "'base64' is no text encoding"),
    ],
)
def test_what_v5_cannot_hold_is_refused_and_nothing_is_left(tmp_path, column, value, encoding, problem):
    with pytest.raises(OutputError, match=problem):
        write_xpt(table(**{column: [value]}), tmp_path / "lb.xpt", encoding=encoding)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "label", "columns", "problem"),
    [
        ("LB", "x" * 41, ["A"], "dataset LB: its label must fit 40 bytes"),
        ("LABORATORY", "", ["A"], "dataset 'LABORATORY': XPT needs 1 to 8 letters"),
        ("LB", "", ["A-1"], "variable of LB 'A-1': XPT needs"),
        ("LB", "", ["1A"], "variable of LB '1A': XPT needs"),
        ("LB", "", ["A", "a"], "LB: two variables differ in case alone"),
        ("LB", "", [], "LB has no variables"),
    ],
)
def test_names_and_labels_that_v5_cannot_hold_are_refused(tmp_path, name, label, columns, problem):
    frame = pl.DataFrame({column: ["x"] for column in columns})
    with pytest.raises(OutputError, match=problem):
        write_xpt(Table(name, label, tuple(map(Column, columns)), frame), tmp_path / "lb.xpt")


@pytest.mark.parametrize(
    ("text", "held"), [("1.50", 1.5), ("-0.10000", -0.1), ("0.12345678901234567890", None)]
)
def test_a_decimal_is_written_where_a_double_keeps_its_digits(tmp_path, text, held):
    decimals = Table("X", "", (Column("A", type="Num", data_type="decimal"),), pl.DataFrame({"A": [text]}))
    if held is None:
        with pytest.raises(OutputError, match=r"X\.A: 1 rows have more digits than XPT holds"):
            write_xpt(decimals, tmp_path / "x.xpt")
    else:
        write_xpt(decimals, tmp_path / "x.xpt")
        assert read_xpt(tmp_path / "x.xpt")[0].frame["A"].to_list() == [held]


@pytest.mark.parametrize(
    ("cells", "length", "survives"),
    [(["a", None], 8, False), (["a", "  "], 8, False), ([None, "a"], 8, True), ([None], 80, True)],
)
def test_a_last_record_without_a_value_is_refused_where_it_would_be_lost(tmp_path, cells, length, survives):
    texts = Table("X", "", (Column("A", length=length),), pl.DataFrame({"A": cells}, {"A": pl.String}))
    if not survives:
        with pytest.raises(OutputError, match="X: its last record has no value"):
            write_xpt(texts, tmp_path / "x.xpt")
    else:
        write_xpt(texts, tmp_path / "x.xpt")
        assert read_xpt(tmp_path / "x.xpt")[0].frame["A"].to_list() == cells


@pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13"])
def test_what_is_no_text_encoding_is_refused_in_reading(tmp_path, encoding):
    write_xpt(dataset().table, tmp_path / "lb.xpt")
    with pytest.raises(SourceError, match=f"'{encoding}' is no text encoding"):
        read_xpt(tmp_path / "lb.xpt", encoding=encoding)


def test_a_letter_that_is_no_special_missing_value_is_refused(tmp_path):
    with pytest.raises(OutputError, match="'a' is no special missing value"):
        write_xpt(
            msgspec.structs.replace(table(LBSTRESN=[None]), special={"LBSTRESN": {0: "a"}}),
            tmp_path / "x.xpt",
        )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"x" * 400, "not SAS Transport v5"),
        (b"", "not SAS Transport v5"),
        (b"PK\x03\x04" + b" " * 400, "a ZIP archive; ask for SAS Transport version 5"),
        (b"\x1f\x8b" + b" " * 400, "compressed by gzip"),
        (b"HEADER RECORD*******LIBV8   HEADER RECORD!!!!!!!" + b"0" * 32, "SAS Transport version 8"),
        (b"**COMPRESSED** **COMPRESSED** **COMPRESSED**" + b" " * 400, "a SAS CPORT file"),
    ],
)
def test_another_file_is_refused(tmp_path, content, problem):
    (tmp_path / "x.xpt").write_bytes(content)
    with pytest.raises(SourceError, match=problem):
        read_xpt(tmp_path / "x.xpt")


def test_a_file_cut_short_or_of_another_encoding_is_refused(tmp_path):
    write_xpt(dataset().table, tmp_path / "lb.xpt", encoding="gb18030")
    with pytest.raises(SourceError, match=r"lb.xpt: LB.LBORRES: 2 rows are not utf-8"):
        read_xpt(tmp_path / "lb.xpt")
    whole = (tmp_path / "lb.xpt").read_bytes()
    for size, problem in ((-40, "cut short"), (-80, "its last row has"), (-len(whole) + 400, "damaged")):
        (tmp_path / "cut.xpt").write_bytes(whole[:size])
        with pytest.raises(SourceError, match=problem):
            read_xpt(tmp_path / "cut.xpt")


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_every_number_in_range_is_exact(number):
    found = ibm.decode(ibm.encode(np.array([number])))[0]
    if 16.0**-65 <= abs(number) <= ibm.LARGEST or number == 0:
        assert found == number
    elif abs(number) < 16.0**-65:
        assert found == 0


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (1.0, "4110000000000000"),
        (-118.625, "c276a00000000000"),
        (0.0, "0" * 16),
        (float("nan"), "2e" + "0" * 14),
    ],
)
def test_known_numbers_have_known_bytes(number, word):
    assert ibm.encode(np.array([number])).tobytes().hex() == word


def test_example_files_read_as_pyreadstat_reads_them():
    if "INTEROP_SHARED" not in os.environ:
        pytest.skip("needs INTEROP_SHARED: an example study as XPT")
    files = sorted(Path(os.environ["INTEROP_SHARED"], "data/fixtures/sdtm").glob("*.xpt"))
    assert len(files) > 20
    for path in files:
        (member,) = read_xpt(path)
        frame, meta = pyreadstat.read_xport(path)
        assert (member.label, [v.label for v in member.columns]) == (meta.file_label, meta.column_labels), (
            path.name
        )
        ours = {name: member.frame[name].to_list() for name in member.frame.columns}
        peer = {c: [v if isinstance(v, str) and v else _number(v) for v in frame[c]] for c in frame.columns}
        assert ours == peer, path.name


def _number(value: object) -> object:
    return None if value == "" or value is None or np.isnan(value) else value
