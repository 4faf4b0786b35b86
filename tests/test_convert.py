import json
import shutil

import msgspec
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from interop.cdisc.formats import FORMATS, read_tables
from interop.cdisc.table import Column, Table
from interop.cdisc.xpt import write_xpt
from interop.cli import app
from interop.convert import convert
from interop.errors import OutputError, SourceError
from interop.issues import Location

ADSL = Table(
    "ADSL",
    "Subject-Level Analysis Dataset",
    (
        Column("USUBJID", "Unique Subject Identifier", length=20),
        Column("TRTSDT", "Date of First Exposure", "Num", format="DATE9."),
        Column("AVAL", "Own label", "Num", width=4, format="8.2", informat="8.2"),
    ),
    pl.DataFrame({"USUBJID": ["S-1", None], "TRTSDT": [19_700.0, None], "AVAL": [1.5, None]}),
    special={"AVAL": {1: "A"}},
)


@pytest.fixture
def adsl(tmp_path):
    write_xpt(ADSL, tmp_path / "adsl.xpt")
    return tmp_path / "adsl.xpt"


def one(path) -> Table:
    ((_, table),) = read_tables(path)
    return table


def lost(done) -> list[tuple[str, str | None]]:
    return [(issue.rule[-3:], issue.where.variable) for issue in done.issues]


# ----------------------------------------------------------------------------------- a dataset of anyone


def test_a_dataset_of_anyone_survives_and_what_a_format_cannot_hold_is_told(adsl, tmp_path):
    told = {name: lost(convert(adsl, tmp_path / f"x{form.suffix}")) for name, form in FORMATS.items()}
    json_lost = [("005", "AVAL"), ("006", "AVAL"), ("010", "AVAL")]
    assert told == {
        "xpt": [],
        "csv": [
            *(("001", None), ("003", "AVAL"), ("003", "TRTSDT"), ("003", "USUBJID")),
            *(("004", "AVAL"), ("004", "TRTSDT"), ("005", "AVAL"), ("005", "USUBJID")),
            *(("006", "AVAL"), ("006", "TRTSDT"), ("010", "AVAL")),
        ],
        "dataset-json": json_lost,
        "dataset-ndjson": json_lost,
        "parquet": [("010", "AVAL")],
    }


@pytest.mark.parametrize("name", ["xpt", "dataset-json", "dataset-ndjson", "parquet"])
def test_names_labels_formats_and_values_of_others_come_back(name, adsl, tmp_path):
    convert(adsl, tmp_path / "there", form=name)
    convert(tmp_path / "there", tmp_path / "back.xpt")
    back = one(tmp_path / "back.xpt")
    assert (back.name, back.label) == (ADSL.name, ADSL.label)
    assert_frame_equal(back.frame, ADSL.frame)
    kept = {"xpt": ADSL.columns, "parquet": ADSL.columns}.get(
        name, (*ADSL.columns[:2], Column("AVAL", "Own label", "Num", format="8.2"))
    )
    assert back.columns == kept


def test_sas_dates_are_iso_8601_text_with_their_target_in_dataset_json(adsl, tmp_path):
    convert(adsl, tmp_path / "adsl.json")
    document = json.loads((tmp_path / "adsl.json").read_text(encoding="utf-8"))
    assert document["columns"][1] == {
        "itemOID": "IT.ADSL.TRTSDT",
        "name": "TRTSDT",
        "label": "Date of First Exposure",
        "dataType": "date",
        "targetDataType": "integer",
        "displayFormat": "DATE9.",
    }
    assert document["rows"] == [["S-1", "2013-12-08", 1.5], ["", None, None]]


def test_every_member_of_a_transport_file_becomes_a_file(adsl, tmp_path):
    other = msgspec.structs.replace(ADSL, name="ADAE", frame=ADSL.frame.clear(), special={})
    write_xpt(other, tmp_path / "adae.xpt")
    both = adsl.read_bytes() + (tmp_path / "adae.xpt").read_bytes()[240:]
    (tmp_path / "both.xpt").write_bytes(both)
    done = convert(tmp_path / "both.xpt", tmp_path / "out", form="parquet")
    assert [(d.name, d.records, d.file.name) for d in done.datasets] == [
        ("ADSL", 2, "adsl.parquet"),
        ("ADAE", 0, "adae.parquet"),
    ]
    with pytest.raises(OutputError, match="holds 2 datasets; name a folder, and --format csv"):
        convert(tmp_path / "both.xpt", tmp_path / "one.csv")


def test_text_of_another_encoding_is_read_by_option_and_the_error_says_so(tmp_path):
    table = Table(
        "DM", "Données", (Column("SITEID", "Centre d'étude"),), pl.DataFrame({"SITEID": ["Orléans"]})
    )
    write_xpt(table, tmp_path / "dm.xpt", encoding="cp1252")
    with pytest.raises(
        SourceError, match=r"labels of variables are not utf-8; .* \(--encoding\), such as cp1252"
    ):
        convert(tmp_path / "dm.xpt", tmp_path / "dm.csv")
    convert(tmp_path / "dm.xpt", tmp_path / "dm.json", encoding="cp1252")
    assert one(tmp_path / "dm.json")["SITEID"].label == "Centre d'étude"
    with pytest.raises(SourceError, match="its text is UTF-8 by its standard"):
        convert(tmp_path / "dm.json", tmp_path / "dm.csv", encoding="cp1252")


def test_the_issue_names_dataset_and_variable_and_counts_the_cells(adsl, tmp_path):
    (issue,) = convert(adsl, tmp_path / "adsl.parquet").issues
    assert (issue.severity, issue.where, issue.count) == (
        "information",
        Location(dataset="ADSL", variable="AVAL"),
        1,
    )


# ------------------------------------------------------------------------------------------------ targets


@pytest.mark.parametrize(
    ("target", "form", "problem"),
    [
        ("x.sas", None, r"name a file that ends in one of .xpt, .csv, .json, .ndjson, .parquet, or a folder"),
        ("out", None, "or a folder and its --format"),
        ("x.csv", "xpt", "its suffix says csv, --format says xpt"),
        ("out", "sas", "no format 'sas'"),
        ("full", "csv", "is not empty; name another target, or use --force"),
        ("full/notes.csv", None, "exists; name another target, or use --force"),
        ("full/notes.txt", "csv", "is a file; a folder is needed"),
        ("adsl.xpt", None, "is where the datasets come from"),
        (".", "xpt", "is where the datasets come from"),
    ],
)
def test_a_target_that_cannot_be_is_refused_and_nothing_is_made(adsl, tmp_path, target, form, problem):
    (tmp_path / "full").mkdir()
    for name in ("notes.csv", "notes.txt"):
        (tmp_path / "full" / name).write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=problem):
        convert(adsl, tmp_path / target, form=form)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adsl.xpt", "full"]
    assert (tmp_path / "full/notes.csv").read_text(encoding="utf-8") == "mine"


def test_force_replaces_datasets_of_the_same_format_and_nothing_else(adsl, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    for folder in (source, out):
        folder.mkdir()
    shutil.copy(adsl, source)
    for name in ("ae.csv", "notes.txt"):
        (out / name).write_text("earlier", encoding="utf-8")
    convert(source, out, form="csv", force=True)
    assert sorted(path.name for path in out.iterdir()) == ["adsl.csv", "notes.txt"]


def test_a_run_that_fails_leaves_nothing_behind(adsl, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    shutil.copy(adsl, source / "a.xpt")
    (source / "b.xpt").write_bytes(adsl.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"b.xpt.*cut short"):
        convert(source, tmp_path / "out", form="csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adsl.xpt", "in"]


def test_a_dataset_name_never_leads_out_of_the_target(tmp_path):
    FORMATS["dataset-json"].write(msgspec.structs.replace(ADSL, name="../../adsl"), tmp_path / "x.json")
    with pytest.raises(OutputError, match="its name cannot be that of a file"):
        convert(tmp_path / "x.json", tmp_path / "deep/out", form="parquet")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["x.json"]


def test_formula_cells_are_marked_in_csv_and_plain_again_elsewhere_c106(tmp_path):
    table = Table("DM", "", (Column("NOTE"),), pl.DataFrame({"NOTE": ["=1+1", "-5", "'=x"]}))
    write_xpt(table, tmp_path / "dm.xpt")
    convert(tmp_path / "dm.xpt", tmp_path / "dm.csv")
    assert (tmp_path / "dm.csv").read_text(encoding="utf-8") == "NOTE\n'=1+1\n-5\n''=x\n"
    convert(tmp_path / "dm.csv", tmp_path / "again.json")
    assert one(tmp_path / "again.json").frame.equals(table.frame)


# ------------------------------------------------------------------------------------------------ command


def run(*arguments):
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


def test_the_command_tells_datasets_and_losses(adsl, tmp_path):
    done = run(adsl, tmp_path / "adsl.csv")
    assert done.exit_code == 0
    assert "ADSL     Subject-Level Analysis Dataset  2     3          adsl.csv" in done.stdout
    assert "information  CDISC-FORMAT-003  3      csv holds no labels of variables" in done.stdout
    assert json.loads(run(adsl, tmp_path / "adsl.json", "--json").stdout) == {
        "out": str(tmp_path / "adsl.json"),
        "datasets": {"ADSL": 2},
        "issues": {"fatal": 0, "error": 0, "warning": 0, "information": 3},
    }
    assert "variable=AVAL" in run(adsl, tmp_path / "adsl.parquet", "-v").stdout


def test_the_command_refuses_a_format_that_is_none_and_a_file_that_is_not_there(tmp_path):
    assert run("x.xpt", "out", "--format", "sas").exit_code == 2
    done = run(tmp_path / "x.xpt", tmp_path / "x.csv")
    assert (done.exit_code, done.stderr) == (3, f"interop: {tmp_path / 'x.xpt'}: no such file or folder\n")


def test_a_timestamp_dates_the_files(adsl, tmp_path):
    run(adsl, tmp_path / "a.json", "--timestamp", "2026-03-09T08:05:01")
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert document["datasetJSONCreationDateTime"] == "2026-03-09T08:05:01"
    run(tmp_path / "a.json", tmp_path / "b.ndjson")
    assert b'"2026-03-09T08:05:01"' in (tmp_path / "b.ndjson").read_bytes()  # a conversion is no creation
