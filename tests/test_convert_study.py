"""The example study through every format and back; Dataset-JSON against the official files."""

import json

import jsonschema
import msgspec
import pandas as pd
import polars as pl
import pyreadstat
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from interop.cdisc.formats import FORMATS, read_tables
from interop.cdisc.table import Table
from interop.cdisc.xpt_read import read_xpt
from interop.cli import app
from interop.convert import convert

WAY = ("dataset-json", "parquet", "dataset-ndjson", "csv", "xpt")


def one(path) -> Table:
    ((_, table),) = read_tables(path)
    return table


def as_floats(table: Table) -> pl.DataFrame:
    numbers = [pl.col(column.name).cast(pl.Float64) for column in table.columns if column.type == "Num"]
    return table.frame.with_columns(numbers)


@pytest.fixture(scope="module")
def round_trip(shared, tmp_path_factory):
    """The example study in every format, one made of the other, and the last as XPT again."""
    home = tmp_path_factory.mktemp("study")
    source = shared / "data/fixtures/sdtm"
    for name in WAY:
        convert(source, home / name, form=name)
        source = home / name
    return home


def tables(folder) -> dict[str, Table]:
    return {table.name: table for _, table in read_tables(folder)}


@pytest.mark.parametrize("name", ["dataset-json", "parquet", "dataset-ndjson"])
def test_the_example_study_is_the_same_in_every_format_cell_by_cell_and_label_by_label(
    round_trip, shared, name
):
    first, found = tables(shared / "data/fixtures/sdtm"), tables(round_trip / name)
    assert len(first) == 27
    assert list(found) == list(first)
    for dataset, table in first.items():
        assert found[dataset].label == table.label
        own = [msgspec.structs.replace(column, data_type=None) for column in found[dataset].columns]
        assert own == list(table.columns)
        assert_frame_equal(as_floats(found[dataset]), table.frame, check_exact=True)


def test_the_example_study_comes_back_from_csv_but_for_what_csv_cannot_hold(round_trip, shared):
    first, found = tables(shared / "data/fixtures/sdtm"), tables(round_trip / "xpt")
    assert list(found) == list(first)
    text_now = set()
    for dataset, table in first.items():
        assert found[dataset].frame.columns == table.frame.columns
        for column in table.columns:
            now, then = found[dataset].frame[column.name], table.frame[column.name]
            if now.dtype != then.dtype:  # CSV has no types, and the standard may know this variable or not
                text_now.add(f"{dataset}.{column.name}")
                now, then = now.cast(pl.Float64), then.cast(pl.Float64)
            assert now.equals(then), (dataset, column.name)
            assert found[dataset][column.name].label in ("", column.label), (dataset, column.name)
    # empty columns of AE that the standard has as numbers, and a variable of VS that no table here has
    assert {name for name in text_now if not name.startswith("AE.")} <= {"VS.VSREPNUM"}


def test_others_read_the_xpt_that_is_made(round_trip, shared):
    for path in sorted((shared / "data/fixtures/sdtm").glob("*.xpt")):
        (table,) = read_xpt(round_trip / "xpt" / path.name)
        frame, _ = pyreadstat.read_xport(round_trip / "xpt" / path.name)
        peer = pd.read_sas(round_trip / "xpt" / path.name, encoding="utf-8")
        assert frame.columns.tolist() == peer.columns.tolist() == table.frame.columns
        for column in table.columns:
            if column.type == "Char":
                text = table.frame[column.name].fill_null("").to_list()
                assert (path.name, frame[column.name].tolist()) == (path.name, text)
                # pandas takes blanks inside a short last row for padding
                if sum(one.length or 8 for one in table.columns) <= 80:
                    continue
                assert (path.name, peer[column.name].fillna("").tolist()) == (path.name, text)


def test_ours_of_the_example_xpt_is_the_official_dataset_json(round_trip, shared):
    official = sorted((shared / "data/fixtures/dataset-json").glob("??*.json"))
    official = [path for path in official if "schema" not in path.name]
    assert len(official) == 8
    for path in official:
        theirs = json.loads(path.read_text(encoding="utf-8"))
        ours = json.loads((round_trip / "dataset-json" / path.name).read_text(encoding="utf-8"))
        for name in ("itemGroupOID", "records", "name", "label", "datasetJSONVersion"):
            assert ours[name] == theirs[name]
        for own, column in zip(ours["columns"], theirs["columns"], strict=True):
            shown = {name: own[name] for name in ("itemOID", "name", "label")}
            assert shown == {name: column[name] for name in shown}
            if "length" in column:
                assert own["length"] == column["length"]
            # dates, and the type of a number, are in Define-XML and not in XPT: we go by the values
            assert (column["dataType"], own["dataType"]) in {
                *(("string", "string"), ("date", "string"), ("integer", "integer")),
                *(("float", "float"), ("float", "integer")),
            }
        for own, row in zip(ours["rows"], theirs["rows"], strict=True):
            # SAS wrote numbers with 15 digits; the double in the XPT file has up to 17
            assert [f"{cell:.15g}" if isinstance(cell, float) else cell for cell in own] == [
                f"{cell:.15g}" if isinstance(cell, float) else cell for cell in row
            ]


def test_official_dataset_json_comes_back_whole(shared, tmp_path):
    for path in sorted((shared / "data/fixtures/dataset-json").glob("??*.json")):
        if "schema" in path.name:
            continue
        convert(path, tmp_path / "a.ndjson", force=True)
        convert(tmp_path / "a.ndjson", tmp_path / "b.parquet", force=True)
        convert(tmp_path / "b.parquet", tmp_path / "c.json", force=True)
        theirs, ours = (json.loads(p.read_text(encoding="utf-8")) for p in (path, tmp_path / "c.json"))
        assert (list(ours), ours) == (list(theirs), theirs)


@pytest.fixture(scope="module")
def schemas(shared):
    """The official schemas: of a document, and of the first line of the NDJSON form."""
    folder = shared / "data/fixtures/dataset-json"
    document = json.loads((folder / "dataset.schema.json").read_text(encoding="utf-8"))
    lines = json.loads((folder / "dataset-ndjson-schema.json").read_text(encoding="utf-16"))
    # as published it refers to definitions that it keeps elsewhere; the document's are the same
    lines["$defs"] = {**document["$defs"], **lines["$defs"]}
    return jsonschema.Draft201909Validator(document), jsonschema.Draft201909Validator(lines)


def test_all_that_we_write_holds_under_the_official_schemas(round_trip, schemas):
    document, lines = schemas
    for path in sorted((round_trip / "dataset-json").glob("*.json")):
        document.validate(json.loads(path.read_text(encoding="utf-8")))
    for path in sorted((round_trip / "dataset-ndjson").glob("*.ndjson")):
        head, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        lines.validate(head)
        document.validate({**head, "rows": rows})
        assert len(rows) == head["records"]


def test_dataset_json_of_the_demo_holds_under_the_official_schemas(root, schemas, tmp_path):
    source = root / "samples/pumch/fhir"
    done = CliRunner().invoke(
        app,
        [
            "to-sdtm",
            str(source),
            "--out",
            str(tmp_path),
            "--format",
            "xpt,csv,dataset-json,dataset-ndjson,parquet",
        ],
    )
    assert done.exit_code == 1  # the sample has errors on purpose
    document, lines = schemas
    first = {path.stem: one(path) for path in sorted(tmp_path.glob("*.xpt"))}
    assert {"dm", "ec", "lb", "supplb"} <= set(first)
    for stem, table in first.items():
        head = json.loads((tmp_path / f"dataset-json/{stem}.json").read_text(encoding="utf-8"))
        document.validate(head)
        assert [c["keySequence"] for c in head["columns"] if "keySequence" in c]
        for name in ("dataset-json", "dataset-ndjson", "parquet"):
            found = one(tmp_path / name / f"{stem}{FORMATS[name].suffix}")
            assert_frame_equal(as_floats(found), table.frame, check_exact=True)
        with (tmp_path / f"dataset-ndjson/{stem}.ndjson").open(encoding="utf-8") as stream:
            lines.validate(json.loads(stream.readline()))
