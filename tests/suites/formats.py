"""The public example study in the formats of datasets, against official schemas, files and other readers."""

import json
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pyreadstat
from suites.outcome import Outcome, tally

from interop.cdisc.table import Table
from interop.cdisc.xpt_read import read_xpt
from interop.convert import convert

STUDY, DATASET_JSON = Path("data/fixtures/sdtm"), Path("data/fixtures/dataset-json")
FORMS = ("dataset-json", "dataset-ndjson", "parquet")
ZERO_OF_PANDAS = 16.0**-65  # what pandas gives for the eight bytes of 0


@cache
def made(shared: Path) -> tuple[tempfile.TemporaryDirectory, Path]:
    """The example study in every format, and as XPT again from Parquet, in a folder that lives as long."""
    alive = tempfile.TemporaryDirectory()
    home = Path(alive.name)
    for form in FORMS:
        convert(shared / STUDY, home / form, form=form)
    convert(home / "parquet", home / "xpt", form="xpt")
    return alive, home


def documents(shared: Path) -> list[Path]:
    """The official Dataset-JSON files."""
    return [path for path in sorted((shared / DATASET_JSON).glob("*.json")) if "schema" not in path.name]


def dataset_json(shared: Path) -> str:
    """The version of Dataset-JSON that the official files are of."""
    return _document(documents(shared)[0])["datasetJSONVersion"]


# ------------------------------------------------------------------------------------------------- schemas


def schemas(shared: Path) -> Outcome:
    """Every file of the study that we write, in both forms, under its schema."""
    _, home = made(shared)
    whole = json.loads((shared / DATASET_JSON / "dataset.schema.json").read_text(encoding="utf-8"))
    head = json.loads((shared / DATASET_JSON / "dataset-ndjson-schema.json").read_text(encoding="utf-16"))
    head["$defs"] = whole["$defs"] | head["$defs"]  # it refers to definitions that only the other has

    def check(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        schema, content = (whole, text) if path.suffix == ".json" else (head, text.partition("\n")[0])
        breach = next(jsonschema.Draft201909Validator(schema).iter_errors(json.loads(content)), None)
        assert breach is None, breach.message

    files = [path for form in FORMS[:2] for path in sorted((home / form).iterdir())]
    return tally(dataset_json(shared), [(path.name, path) for path in files], check)


# ---------------------------------------------------------------------------------------- official examples


def examples(shared: Path) -> Outcome:
    """Every official file, read and written again by way of NDJSON and Parquet."""

    def check(path: Path) -> None:
        with tempfile.TemporaryDirectory() as part:
            steps = [path, *(Path(part) / name for name in ("a.ndjson", "b.parquet", "c.json"))]
            for source, out in pairwise(steps):
                convert(source, out)
            assert _document(steps[-1]) == _document(path)

    return tally(dataset_json(shared), [(path.name, path) for path in documents(shared)], check)


def twins(shared: Path) -> Outcome:
    """Every official file, against what we make of the XPT file of the same dataset."""
    _, home = made(shared)

    def check(path: Path) -> None:
        ours, theirs = _document(home / "dataset-json" / path.name), _document(path)
        for name in ("itemGroupOID", "records", "name", "label"):
            assert ours[name] == theirs[name]
        for name in ("itemOID", "name", "label"):
            assert [one[name] for one in ours["columns"]] == [one[name] for one in theirs["columns"]]
        assert [_rounded(row) for row in ours["rows"]] == [_rounded(row) for row in theirs["rows"]]

    found = tally(dataset_json(shared), [(path.name, path) for path in documents(shared)], check)
    reasons = (
        "not compared: whether a text is a date, and lengths of numbers; Define-XML says it and XPT does not",
        "compared to 15 digits: numbers, which SAS wrote with as many and XPT holds with up to 17",
    )
    return Outcome(found.version, found.passed, found.total, (*found.listed, *reasons))


def _document(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _rounded(row: list[Any]) -> list[Any]:
    return [f"{cell:.15g}" if isinstance(cell, int | float) else cell for cell in row]


# --------------------------------------------------------------------------------------------------- readers


def by_pyreadstat(shared: Path) -> Outcome:
    """Every XPT file of the study, and what we write of it, as pyreadstat reads it and as we do."""

    def check(path: Path) -> None:
        frame, meta = pyreadstat.read_xport(path)
        (table,) = read_xpt(path)
        assert (table.label, [c.label for c in table.columns]) == (meta.file_label, meta.column_labels)
        assert _cells(table) == {name: _known(frame[name]) for name in frame.columns}

    return tally(version("pyreadstat"), _files(shared), check)


def by_pandas(shared: Path) -> Outcome:
    """The same, as pandas reads it."""

    zeros = []

    def check(path: Path) -> None:
        frame = pd.read_sas(path, encoding="utf-8")
        zeros.extend(name for name in frame.columns if (frame[name] == ZERO_OF_PANDAS).any())
        (table,) = read_xpt(path)
        peer = frame.replace(ZERO_OF_PANDAS, 0.0)
        assert _cells(table) == {name: _known(peer[name]) for name in peer.columns}

    found = tally(version("pandas"), _files(shared), check)
    reason = (f"compared as 0: the {ZERO_OF_PANDAS:.17g} that pandas gives for it",) if zeros else ()
    return Outcome(found.version, found.passed, found.total, (*found.listed, *reason))


def _files(shared: Path) -> Iterator[tuple[str, Path]]:
    _, home = made(shared)
    for path in sorted((shared / STUDY).glob("*.xpt")):
        yield f"{path.name} as published", path
        yield f"{path.name} as we write it", home / "xpt" / path.name


def _cells(table: Table) -> dict[str, list[Any]]:
    return {
        name: [value or None if isinstance(value, str) else value for value in table.frame[name]]
        for name in table.frame.columns
    }


def _known(values: Any) -> list[Any]:
    return [None if value == "" or pd.isna(value) else value for value in values]
