"""A result on disk: datasets in the formats asked for, and ``_interop/`` with what explains them."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from interop.cdisc.formats import FORMATS, write
from interop.errors import OutputError
from interop.fhir.quarantine import write_quarantine
from interop.issues import Issues
from interop.mapping.lineage import of_rows
from interop.mapping.sent import packed
from interop.mapping.to_sdtm import Result

FOLDER = "_interop"


def write_result(
    result: Result, out: Path | str, *, formats: Sequence[str] = ("xpt",), force: bool = False
) -> list[Path]:
    """Write the datasets that have records, and the sidecars of `SIDECARS` in ``out/_interop/``.

    XPT stands in `out` itself, another format in ``out/<format>/``. Returns the files written, sorted. When
    anything fails, nothing is written. With `force` the datasets and sidecars of an earlier run are replaced,
    other files stay. Raises OutputError for an unknown format, for what a format cannot hold, for a target
    that cannot be written, and without `force` for one that is not empty.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not force:
        raise OutputError(
            f"{out}: exists and is not empty; name another target, or use --force to replace what is there"
        )
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; a folder is needed")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as part:
            _write_all(result, Path(part), formats)
            _clear(out)
            return _move(Path(part), out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or type(error).__name__})") from error


def _write_all(result: Result, part: Path, formats: Sequence[str]) -> None:
    filled = {name: dataset for name, dataset in result.datasets.items() if len(dataset)}
    write(filled, part, formats=formats)
    sidecars = part / FOLDER
    sidecars.mkdir()
    for name, make in SIDECARS.items():
        make(result, sidecars / name)


def _clear(out: Path) -> None:
    """Remove the datasets and sidecars of an earlier run."""
    for name, form in FORMATS.items():
        for path in (out if name == "xpt" else out / name).glob(f"*{form.suffix}"):
            path.unlink()
    shutil.rmtree(out / FOLDER, ignore_errors=True)


def _move(part: Path, out: Path) -> list[Path]:
    moved = []
    for path in sorted(path for path in part.rglob("*") if path.is_file()):
        target = out / path.relative_to(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        moved.append(path.replace(target))
    return moved


def issues_json(issues: Issues) -> bytes:
    """Issues as JSON, one a line: ``counts`` by severity, then ``issues`` in their order."""
    lines = b",\n".join(b"  " + msgspec.json.encode(issue) for issue in issues)
    counts = msgspec.json.encode(issues.counts)
    return b'{\n "counts": ' + counts + b',\n "issues": [\n' + lines + b"\n ]\n}\n"


def ledger_json(result: Result) -> bytes:
    """The ledger as JSON, keys in their order."""
    return msgspec.json.format(msgspec.json.encode(result.ledger), indent=1) + b"\n"


def stacked_lineage(result: Result) -> pl.DataFrame:
    """The resources behind the records of all datasets: DATASET, USUBJID, SEQ (--SEQ), keys and versions.

    The records of a dataset stand in its order.
    """
    frames = []
    for name, frame in result.lineage.items():
        dataset = result.datasets[name]
        seq = dataset["--SEQ"] if "--SEQ" in dataset else pl.lit(None, dtype=pl.Int64)
        own = frame.select(of_rows(frame.columns))
        frames.append(own.select(pl.lit(name).alias("DATASET"), frame["USUBJID"], seq.alias("SEQ"), pl.all()))
    return pl.concat(frames, how="diagonal_relaxed")


def _write_issues(result: Result, path: Path) -> None:
    path.write_bytes(issues_json(result.issues))


def _write_ledger(result: Result, path: Path) -> None:
    path.write_bytes(ledger_json(result))


def _write_lineage(result: Result, path: Path) -> None:
    stacked_lineage(result).write_parquet(path, statistics=False)


def _write_cells(result: Result, path: Path) -> None:
    """A file for each dataset; together they would be wide, and mostly null."""
    for name, mapping in result.mappings.items():
        frame = result.lineage[name]
        held = packed(frame.drop("USUBJID", *of_rows(frame.columns)), result.datasets[name], mapping)
        if held.height:
            path.mkdir(exist_ok=True)
            held.write_parquet(path / f"{name.lower()}.parquet", statistics=False)


def _write_quarantine(result: Result, path: Path) -> None:
    write_quarantine(path, result.source, wanted=result.quarantine, unreadable=result.unreadable)


#: What stands in ``_interop/``, by the name of the file or folder.
SIDECARS: Mapping[str, Callable[[Result, Path], Any]] = {
    "issues.json": _write_issues,
    "ledger.json": _write_ledger,
    "lineage.parquet": _write_lineage,
    "cells": _write_cells,
    "quarantine.ndjson": _write_quarantine,
}
