import json

import polars as pl
import pytest

from interop.cdisc.dataset import Dataset
from interop.cdisc.datasetjson import write_json, write_ndjson
from interop.cdisc.datasetjson_read import read_json, read_ndjson
from interop.cdisc.standard import Standard
from interop.cdisc.table import Column, Table
from interop.errors import OutputError, SourceError

COLUMNS = [
    {
        "itemOID": "IT.LB.USUBJID",
        "name": "USUBJID",
        "label": "Unique Subject Identifier",
        "dataType": "string",
    },
    {"itemOID": "IT.LB.LBSEQ", "name": "LBSEQ", "label": "Sequence Number", "dataType": "integer"},
    {"itemOID": "IT.LB.LBSTRESN", "name": "LBSTRESN", "label": "Numeric Result", "dataType": "float"},
]


def document(rows=(("S-1", 1, 98.5),), columns=COLUMNS, **changes) -> dict:
    return {
        "datasetJSONCreationDateTime": "2026-03-09T08:05:01",
        "datasetJSONVersion": "1.1.0",
        "itemGroupOID": "IG.LB",
        "records": len(rows),
        "name": "LB",
        "label": "Laboratory Test Results",
        "columns": list(columns),
        "rows": list(rows),
        **changes,
    }


def sent(tmp_path, content) -> Table:
    """What is read of a document, as a dict or as bytes."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (tmp_path / "x.json").write_bytes(raw)
    (table,) = read_json(tmp_path / "x.json")
    return table


def column(kind: str, **more) -> list[dict]:
    return [{"itemOID": "IT.X.A", "name": "A", "label": "", "dataType": kind, **more}]


def written(tmp_path, *columns: Column, **cells) -> dict:
    write_json(Table("X", "", columns, pl.DataFrame(cells)), tmp_path / "x.json")
    return json.loads((tmp_path / "x.json").read_bytes())


# ----------------------------------------------------------------------------------------------- writing


def test_a_dataset_is_written_with_its_keys_lengths_and_types(tmp_path):
    frame = pl.DataFrame(
        {"USUBJID": ["S-1", "S-22"], "LBSEQ": [1, 2], "LBORRES": ["1.50", None], "LBSTRESN": [1.5, 2]}
    )
    write_json(Dataset(Standard.load()["LB"], frame).table, tmp_path / "lb.json")
    found = json.loads((tmp_path / "lb.json").read_bytes())
    assert found["columns"] == [
        {
            "itemOID": "IT.LB.USUBJID",
            "name": "USUBJID",
            "label": "Unique Subject Identifier",
            "dataType": "string",
            "length": 4,
            "keySequence": 1,
        },
        {"itemOID": "IT.LB.LBSEQ", "name": "LBSEQ", "label": "Sequence Number", "dataType": "integer"},
        {
            "itemOID": "IT.LB.LBORRES",
            "name": "LBORRES",
            "label": "Result or Finding in Original Units",
            "dataType": "string",
            "length": 4,
        },
        {
            "itemOID": "IT.LB.LBSTRESN",
            "name": "LBSTRESN",
            "label": "Numeric Result/Finding in Standard Units",
            "dataType": "float",
        },
    ]
    assert found["rows"] == [["S-1", 1, "1.50", 1.5], ["S-22", 2, "", 2]]
    assert found["datasetJSONCreationDateTime"] == "1960-01-01T00:00:00"


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        ([1.0, None], "integer", "[1],[null]"),
        ([1.5, 2.0], "float", "[1.5],[2]"),
        ([0.1 + 0.2], "float", "[0.30000000000000004]"),
        ([None], "float", "[null]"),
        ([1e22], "float", "[1e+22]"),
        ([1e-7], "float", "[1e-7]"),
        ([-0.0], "integer", "[-0]"),
    ],
)
def test_numbers_are_the_shortest_text_of_the_same_double(tmp_path, values, kind, text):
    frame = pl.DataFrame({"A": values}, schema={"A": pl.Float64})
    write_json(Table("X", "", (Column("A", type="Num"),), frame), tmp_path / "x.json")
    raw = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert raw.endswith(f'"rows":[{text}]}}\n')
    assert json.loads(raw)["columns"][0]["dataType"] == kind


@pytest.mark.parametrize("text", ['say "5"', "a\\b", "line\nbreak", "\x00", "阳性(+)", "\u2028", "😀"])
def test_text_is_escaped_as_json_asks_and_comes_back(tmp_path, text):
    assert written(tmp_path, Column("A"), A=[text, "plain"])["rows"] == [[text], ["plain"]]


@pytest.mark.parametrize(
    ("shown", "number", "kind", "cell"),
    [
        ("DATE9.", 19_700.0, "date", "2013-12-08"),
        ("E8601DA.", -1.0, "date", "1959-12-31"),
        ("DATETIME20.", 1_702_105_200.0, "datetime", "2013-12-08T07:00:00"),
        ("TIME8.", 29_520.0, "time", "08:12:00"),
        ("DATE9.", 19_700.5, "float", 19_700.5),  # no date of SAS: stays the number it is
        ("TIME8.", 90_000.0, "integer", 90_000),
        ("BEST12.", 19_700.0, "integer", 19_700),
    ],
)
def test_sas_dates_and_times_are_iso_8601_where_their_format_shows_them(tmp_path, shown, number, kind, cell):
    found = written(tmp_path, Column("A", type="Num", format=shown), A=[number])
    assert (found["columns"][0]["dataType"], found["rows"]) == (kind, [[cell]])
    assert found["columns"][0].get("targetDataType") == ("integer" if isinstance(cell, str) else None)
    (back,) = read_json(tmp_path / "x.json")
    assert back.frame["A"].to_list() == [number]


def test_an_infinite_number_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(OutputError, match=r"X.A: 1 rows are infinite"):
        written(tmp_path, Column("A", type="Num"), A=[float("inf"), 1.5])
    assert list(tmp_path.iterdir()) == []


def test_blocks_do_not_show(tmp_path, monkeypatch):
    table = Table("X", "", (Column("A"),), pl.DataFrame({"A": ["a", "b", "c"]}))
    # the real writer and reader, with blocks so small that three records are several
    monkeypatch.setattr("interop.cdisc.datasetjson.BLOCK", 2)
    monkeypatch.setattr("interop.cdisc.datasetjson_read.ROWS", 2)
    monkeypatch.setattr("interop.cdisc.datasetjson_read.LINES", 4)
    write_json(table, tmp_path / "x.json")
    write_ndjson(table, tmp_path / "x.ndjson")
    for (found,) in (read_json(tmp_path / "x.json"), read_ndjson(tmp_path / "x.ndjson")):
        assert found.frame.equals(table.frame)


# ----------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("columns", "cells", "values"),
    [
        (column("string"), ["a", "", None, "null"], ["a", None, None, "null"]),
        (column("integer"), [1, None, 2.0], [1, None, 2]),
        (column("integer"), [None], [None]),
        (column("integer"), [2**53 + 1, None, 3.0], [2**53 + 1, None, 3]),
        (column("float"), [1, 1.5, None], [1.0, 1.5, None]),
        (column("double"), [5e-324], [5e-324]),
        (column("boolean"), [True, False, None], [1, 0, None]),
        (column("decimal", targetDataType="decimal"), ["1.50", "", None], ["1.50", None, None]),
        (column("date"), ["2026-03"], ["2026-03"]),
        (column("date", targetDataType="integer"), ["1960-01-02", None, ""], [1, None, None]),
        (column("datetime", targetDataType="integer"), ["1960-01-01T00:01"], [60]),
        (column("time", targetDataType="integer"), ["00:01:01"], [61]),
        (column("URI"), ["urn:x"], ["urn:x"]),
    ],
)
def test_values_are_read_by_their_types(tmp_path, columns, cells, values):
    assert sent(tmp_path, document([[cell] for cell in cells], columns)).frame["A"].to_list() == values


def test_decimals_keep_their_zeros_on_the_way_through(tmp_path):
    table = sent(tmp_path, document([["1.50"]], column("decimal", targetDataType="decimal", length=8)))
    write_json(table, tmp_path / "y.json")
    found = json.loads((tmp_path / "y.json").read_bytes())
    assert (found["columns"], found["rows"]) == (
        [{**column("decimal", targetDataType="decimal", length=8)[0], "itemOID": "IT.X.A"}],
        [["1.50"]],
    )


def test_a_document_may_have_a_mark_line_breaks_and_no_rows(tmp_path):
    pretty = json.dumps(document(), indent=2).encode("utf-8-sig")
    assert sent(tmp_path, pretty).frame.rows() == [("S-1", 1, 98.5)]
    none = document(())
    del none["rows"]
    assert len(sent(tmp_path, none)) == 0


def test_lines_may_end_in_carriage_returns_and_be_blank(tmp_path):
    head = document()
    del head["rows"]
    raw = json.dumps(head).encode() + b'\r\n["S-1",1,98.5]\r\n\r\n'
    (tmp_path / "x.ndjson").write_bytes(raw)
    (table,) = read_ndjson(tmp_path / "x.ndjson")
    assert table.frame.rows() == [("S-1", 1, 98.5)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no Dataset-JSON 1.1"),
        (b'{"resourceType":"Patient"}', "no Dataset-JSON 1.1: .* required field `datasetJSONVersion`"),
        (b"[" * 100_000, "no Dataset-JSON 1.1"),
        (b'{"rows":' + b"[" * 100_000, "no Dataset-JSON 1.1"),
        (json.dumps(document()).encode()[:-20], "no Dataset-JSON 1.1: .*truncated"),
        (json.dumps(document()).encode("utf-16"), "no Dataset-JSON 1.1"),
        (document(datasetJSONVersion="1.0.0"), "Dataset-JSON 1.0.0; version 1.1 is read"),
        (document(datasetJSONVersion="1.10"), "Dataset-JSON 1.10; version 1.1 is read"),
        (document(columns=[*COLUMNS, COLUMNS[0]]), "the column USUBJID stands twice"),
        (document(columns=column("text")), "no Dataset-JSON 1.1: Invalid enum value 'text'"),
        (document(records=2), "cut short or damaged, 1 rows of 2"),
        (document([["S-1", 1, 98.5], ["S-2", 2]]), r"row 2 is not what the columns say: .*of length 3"),
        (document([["S-1", "1", 98.5]]), r"row 1 .*got `str` - at `\$\[1\]`"),
        (document([["S-1", 1, ""]]), r"row 1 .*got `str` - at `\$\[2\]`"),
        (document([[5, 1, 98.5]]), r"row 1 .*got `int` - at `\$\[0\]`"),
        (document([["S-1", 1.5, 98.5]]), "LBSEQ is integer and has fractions"),
        (document([["S-1", 2**70, 98.5]]), "LBSEQ has whole numbers of more than 64 bits"),
        (
            document([["x"]], column("decimal", targetDataType="decimal")),
            "A is decimal and has text that is no",
        ),
        (document([["nan"]], column("decimal")), "A is decimal and has text that is no number"),
        (
            document([["2026-03"]], column("date", targetDataType="integer")),
            "A has text that is no complete date",
        ),
        (document([["\ud800"]], column("string")), "no Dataset-JSON 1.1"),
        (document([[[1]]], column("string")), r"row 1 .*got `array`"),
    ],
)
def test_what_is_no_dataset_json_is_refused_with_its_place(tmp_path, content, problem):
    with pytest.raises(SourceError, match=rf"x.json: .*{problem}"):
        sent(tmp_path, content)


def test_lines_cut_short_or_damaged_are_refused_with_the_row(tmp_path):
    head = document()
    del head["rows"]
    first = json.dumps({**head, "records": 2}).encode() + b"\n"
    for lines, problem in (
        (b'["S-1",1,98.5]\n', "cut short or damaged, 1 rows of 2"),
        (b'["S-1",1,98.5]\n["S-2",2', "row 2 is not what the columns say: Expected `array` of length 3"),
        (b'["S-1",1,98.5]["S-2",2,1]\n', "row 1 is not what the columns say"),
    ):
        (tmp_path / "x.ndjson").write_bytes(first + lines)
        with pytest.raises(SourceError, match=problem):
            read_ndjson(tmp_path / "x.ndjson")


@pytest.mark.parametrize("read", [read_json, read_ndjson])
def test_a_file_that_is_not_there_is_refused(read, tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read(tmp_path / "x.json")
