from datetime import UTC, date, datetime, time
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interop.cdisc.parquet import read_parquet, write_parquet
from interop.cdisc.table import Column, Table
from interop.errors import SourceError


def test_name_label_and_what_is_said_of_columns_stand_in_the_metadata(tmp_path):
    columns = (
        Column("USUBJID", "Unique Subject Identifier", length=20, key=1),
        Column("AVAL", "Value", "Num"),
    )
    table = Table("ADLB", "Laboratory", columns, pl.DataFrame({"USUBJID": ["S-1"], "AVAL": [1.5]}))
    write_parquet(table, tmp_path / "adlb.parquet")
    schema = pq.read_schema(tmp_path / "adlb.parquet")
    assert schema.metadata == {b"name": b"ADLB", b"label": b"Laboratory", b"attributes": b"{}"}
    assert [(field.name, str(field.type), field.metadata) for field in schema] == [
        (
            *("USUBJID", "string"),
            {
                b"label": b"Unique Subject Identifier",
                b"type": b"Char",
                b"length": b"20",
                b"keySequence": b"1",
            },
        ),
        ("AVAL", "double", {b"label": b"Value", b"type": b"Num"}),
    ]


@pytest.mark.parametrize(
    ("values", "kind", "shown", "read"),
    [
        (["a", "", None], "Char", "", ["a", None, None]),
        (pl.Series(["a", "a"], dtype=pl.Categorical), "Char", "", ["a", "a"]),
        ([1.5, float("nan"), None], "Num", "", [1.5, None, None]),
        (pl.Series([1, None], dtype=pl.UInt8), "Num", "", [1, None]),
        ([True, False, None], "Num", "", [1, 0, None]),
        ([date(1960, 1, 2), None], "Num", "E8601DA.", [1, None]),
        ([datetime(1960, 1, 1, 0, 1)], "Num", "E8601DT.", [60]),  # noqa: DTZ001  SAS time has no zone
        ([datetime(1960, 1, 1, 0, 1, tzinfo=UTC)], "Num", "E8601DT.", [60]),
        ([time(0, 1, 1, 500_000)], "Num", "E8601TM.", [61.5]),
        ([Decimal("1.50"), None], "Num", "", ["1.50", None]),
    ],
)
def test_a_file_of_anyone_is_read_by_its_types(tmp_path, values, kind, shown, read):
    pl.DataFrame({"A": values}).write_parquet(tmp_path / "adx.parquet")
    (table,) = read_parquet(tmp_path / "adx.parquet")
    assert (table.name, table["A"].type, table["A"].format) == ("ADX", kind, shown)
    assert table.frame["A"].to_list() == read


@pytest.mark.parametrize(("values", "kind"), [([[1]], "list"), ([b"x"], "binary"), ([{"a": 1}], "struct")])
def test_a_column_of_another_type_is_refused(tmp_path, values, kind):
    pl.DataFrame({"A": values}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=rf"A is .*{kind}.*; text, numbers, dates and times are read"):
        read_parquet(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (pa.timestamp("us", tz="Asia/Shanghai"), 0),
        (pa.timestamp("us", tz="+08:00"), 0),
        (pa.timestamp("us", tz="Mars/Olympus"), 0),
        (pa.timestamp("ns"), 1),
        (pa.time64("ns"), 1),
    ],
)
def test_a_time_of_which_something_would_be_lost_is_refused(tmp_path, kind, number):
    pq.write_table(pa.table({"A": pa.array([number], kind)}), tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"A is .*; .*times to the microsecond, without a zone or in UTC"):
        read_parquet(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"length": "long"}, "A has metadata that cannot be"),
        ({"type": "Text"}, "A has metadata that cannot be"),
        ({"type": "Num"}, "A is Num by its metadata and holds string"),
    ],
)
def test_metadata_that_cannot_be_is_refused(tmp_path, metadata, problem):
    schema = pa.schema([pa.field("A", pa.string(), metadata=metadata)])
    pq.write_table(pa.table({"A": ["x"]}, schema=schema), tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=problem):
        read_parquet(tmp_path / "x.parquet")
    pq.write_table(
        pa.table({"A": ["x"]}).replace_schema_metadata({"attributes": "[1]"}), tmp_path / "y.parquet"
    )
    with pytest.raises(SourceError, match="its metadata `attributes` cannot be"):
        read_parquet(tmp_path / "y.parquet")


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="no Parquet file"):
        read_parquet(tmp_path / "x.parquet")
    with pytest.raises(SourceError, match="no Parquet file"):
        read_parquet(tmp_path / "y.parquet")
