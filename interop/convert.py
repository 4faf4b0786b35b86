"""Datasets from one file format to another, whoever made them: `convert`."""

import re
import tempfile
from datetime import datetime
from pathlib import Path

import msgspec

from interop.cdisc.formats import FORMATS, files_of, format_of, known_format, read_tables
from interop.cdisc.known import described
from interop.cdisc.losses import losses
from interop.cdisc.standard import Standard
from interop.cdisc.table import Table
from interop.errors import OutputError
from interop.issues import Issue, Issues

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


class Converted(msgspec.Struct, frozen=True):
    """A dataset that was converted: what it is, and the file that holds it."""

    name: str
    label: str
    records: int
    variables: int
    file: Path


class Conversion(msgspec.Struct, frozen=True):
    """The datasets converted, and what the new format cannot hold of them."""

    datasets: tuple[Converted, ...]
    issues: Issues


def convert(
    source: Path | str,
    out: Path | str,
    *,
    form: str | None = None,
    encoding: str = "utf-8",
    timestamp: datetime | None = None,
    force: bool = False,
) -> Conversion:
    """Convert a file of datasets, or the datasets in a folder, to another format.

    The suffix of `out` says the format of one dataset; for a folder `form` does, and every dataset becomes a
    file of its own name in it. `encoding` is that of the text in XPT and CSV files that are read, `timestamp`
    the date that XPT and Dataset-JSON files are given instead of a fixed one. Values, types, labels, lengths,
    formats and order survive; what the new format has no place for is among the issues (`losses`). One
    dataset is in memory at a time. When anything fails, nothing is written.

    With `force` a file is replaced, and of a folder the datasets of the same format. Raises `SourceError` for
    what cannot be read, `OutputError` for what the format cannot hold or a target that cannot be written.
    """
    source, out = Path(source), Path(out)
    files_of(source)  # says what is wrong with it before anything is made
    name, single = _target(out, form)
    _check_free(out, source, name, force=force, single=single)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as part:
            written, issues = _write_all(source, Path(part), name, encoding=encoding, timestamp=timestamp)
            if single and len(written) != 1:
                raise OutputError(
                    f"{source}: holds {len(written)} datasets; name a folder, and --format {name}"
                )
            if not single and source.is_dir():
                _clear(out, FORMATS[name].suffix)
            return Conversion(tuple(_moved(one, out, single=single) for one in written), Issues(issues))
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or type(error).__name__})") from error


def _target(out: Path, form: str | None) -> tuple[str, bool]:
    """The name of the target's format, and whether the target is a single file."""
    by_suffix = None if out.is_dir() else format_of(out)
    if form is None and by_suffix is None:
        known = ", ".join(one.suffix for one in FORMATS.values())
        raise OutputError(f"{out}: name a file that ends in one of {known}, or a folder and its --format")
    if form is not None:
        known_format(form)
        if by_suffix not in (None, form):
            raise OutputError(f"{out}: its suffix says {by_suffix}, --format says {form}")
    return form or str(by_suffix), by_suffix is not None


def _check_free(out: Path, source: Path, form: str, *, force: bool, single: bool) -> None:
    beside = source.is_file() and out.resolve() == source.resolve().parent and form == format_of(source)
    if beside or out.resolve() == source.resolve():
        raise OutputError(f"{out}: is where the datasets come from; name another target")
    if out.exists() and not single and not out.is_dir():
        raise OutputError(f"{out}: is a file; a folder is needed")
    if out.exists() and not force and (single or any(out.iterdir())):
        what = "exists" if single else "exists and is not empty"
        raise OutputError(f"{out}: {what}; name another target, or use --force to replace what is there")


def _write_all(
    source: Path, part: Path, name: str, *, encoding: str, timestamp: datetime | None
) -> tuple[list[Converted], list[Issue]]:
    standard = Standard.load()
    written: list[Converted] = []
    issues: list[Issue] = []
    for path, table in read_tables(source, encoding=encoding):
        known = described(table, standard) if format_of(path) == "csv" else table
        file = part / f"{_file_name(known)}{FORMATS[name].suffix}"
        FORMATS[name].write(known, file, timestamp=timestamp)
        written.append(Converted(known.name, known.label, len(known), len(known.columns), file))
        issues += losses(known, name)
    return written, issues


def _file_name(table: Table) -> str:
    if not _FILE_NAME.fullmatch(table.name):
        raise OutputError(f"dataset {table.name!r}: its name cannot be that of a file; A-Z, 0-9 and _ can")
    return table.name.lower()


def _clear(out: Path, suffix: str) -> None:
    """Remove the datasets of the same format that an earlier run left."""
    for path in out.glob("*") if out.is_dir() else ():
        if path.suffix.lower() == suffix and path.is_file():
            path.unlink()


def _moved(one: Converted, out: Path, *, single: bool) -> Converted:
    target = out if single else out / one.file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    return msgspec.structs.replace(one, file=one.file.replace(target))
