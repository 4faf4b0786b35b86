"""Tables of anyone go through every format and come back."""

import contextlib

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from interop.cdisc.formats import FORMATS
from interop.cdisc.table import Column, Table
from interop.errors import OutputError, SourceError

CHARACTERS = st.one_of(st.sampled_from("=@+-'\t\r\n\"\\,1.e 阳é\x00"), st.characters(codec="utf-8"))
TEXT = st.text(CHARACTERS, min_size=1, max_size=12)
NUMBER = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.integers(-(2**53), 2**53).map(float),
)
NAME = st.from_regex(r"[A-Z][A-Z0-9_]{0,7}", fullmatch=True)
#: What holds for the values of XPT beside: 16**-65 to 7.2e75, no trailing blanks, no NUL at the end.
IN_XPT = {
    "Char": TEXT.map(lambda text: text.rstrip(" \x00")[:40]).filter(bool),
    "Num": NUMBER.filter(lambda number: number == 0 or 1e-70 < abs(number) < 1e70),
}


@st.composite
def tables(draw, values):
    names = draw(st.lists(NAME, min_size=1, max_size=5, unique=True))
    height = draw(st.integers(0, 4))
    columns, frame = [], {}
    for name in names:
        kind = draw(st.sampled_from(["Char", "Num"]))
        cells = draw(st.lists(st.one_of(st.none(), values[kind]), min_size=height, max_size=height))
        length = draw(st.integers(40 * 4, 200)) if kind == "Char" else None
        label = draw(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=40))
        key = draw(st.one_of(st.none(), st.integers(1, 9)))
        shown = draw(st.sampled_from(["", "8.2", "BEST12."])) if kind == "Num" else ""
        columns.append(Column(name, label, kind, length=length, format=shown, key=key))
        frame[name] = pl.Series(cells, dtype=pl.String if kind == "Char" else pl.Float64)
    return Table(draw(NAME), draw(st.sampled_from(["", "Own label"])), tuple(columns), pl.DataFrame(frame))


def through(table: Table, name: str, folder) -> Table:
    path = folder / f"{table.name.lower()}{FORMATS[name].suffix}"
    FORMATS[name].write(table, path)
    (found,) = FORMATS[name].read(path, "utf-8")
    return found


def as_floats(table: Table) -> pl.DataFrame:
    """Whole numbers are integers in some formats; -0 is 0 in some."""
    numbers = [pl.col(column.name).cast(pl.Float64) + 0.0 for column in table.columns if column.type == "Num"]
    return table.frame.with_columns(numbers)


@pytest.mark.parametrize("name", ["dataset-json", "dataset-ndjson", "parquet"])
@given(table=tables({"Char": TEXT, "Num": NUMBER}))
def test_everything_comes_back(name, table, tmp_path_factory):
    found = through(table, name, tmp_path_factory.mktemp("there"))
    assert_frame_equal(as_floats(found), as_floats(table), check_exact=True)
    assert (found.name, found.label) == (table.name, table.label)
    own = [msgspec.structs.replace(column, data_type=None) for column in found.columns]
    assert own == list(table.columns)


@given(table=tables(IN_XPT))
def test_xpt_gives_back_all_but_keys(table, tmp_path_factory):
    try:
        found = through(table, "xpt", tmp_path_factory.mktemp("there"))
    except OutputError:  # a record of blanks at the end cannot be told from padding
        assert set(table.frame.row(-1)) == {None}
        return
    assert_frame_equal(as_floats(found), as_floats(table), check_exact=True)
    assert found.columns == tuple(msgspec.structs.replace(column, key=None) for column in table.columns)


@given(table=tables({"Char": TEXT, "Num": NUMBER}))
def test_csv_gives_back_names_and_values(table, tmp_path_factory):
    found = through(table, "csv", tmp_path_factory.mktemp("there"))
    numbers = [c.name for c in table.columns if c.type == "Num"]
    assert_frame_equal(
        found.frame.with_columns(pl.col(numbers).cast(pl.Float64)), as_floats(table), check_exact=True
    )
    assert found.name == table.name


@pytest.mark.parametrize("name", FORMATS)
def test_no_records_are_no_records(name, tmp_path):
    columns = (Column("STUDYID", "Study Identifier", length=3), Column("AVAL", "", "Num"))
    empty = Table("ADX", "", columns, pl.DataFrame(schema={"STUDYID": pl.String, "AVAL": pl.Float64}))
    found = through(empty, name, tmp_path)
    assert (found.frame.columns, len(found)) == (["STUDYID", "AVAL"], 0)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_table_gives_the_same_bytes(name, tmp_path):
    columns = (Column("STUDYID", "Study Identifier"), Column("AVAL", "", "Num"))
    table = Table("ADX", "", columns, pl.DataFrame({"STUDYID": ["X", None], "AVAL": [1.5, None]}))
    for file in ("a", "b"):
        FORMATS[name].write(table, tmp_path / file)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


DAMAGE = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 90), st.binary(max_size=20)), min_size=1, max_size=4
)


@pytest.mark.parametrize("name", FORMATS)
@given(damage=DAMAGE)
def test_a_damaged_file_is_read_or_refused_and_never_a_crash(name, damage, tmp_path_factory):
    columns = (Column("USUBJID", "Subject", length=20), Column("AVAL", "", "Num", width=4, format="DATE9."))
    table = Table("ADX", "", columns, pl.DataFrame({"USUBJID": ["S-1", "阳"], "AVAL": [1.5, None]}))
    path = tmp_path_factory.mktemp("damaged") / f"adx{FORMATS[name].suffix}"
    FORMATS[name].write(table, path)
    content = path.read_bytes()
    for where, cut, put in damage:
        at = int(where * len(content))
        content = content[:at] + put + content[at + cut :]
    path.write_bytes(content)
    with contextlib.suppress(SourceError):
        for found in FORMATS[name].read(path, "utf-8"):
            assert found.frame.width == len(found.columns)
