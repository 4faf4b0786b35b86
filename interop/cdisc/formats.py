"""The file formats of datasets: `FORMATS` says which there are; writing and reading a folder of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec
import polars as pl

from interop.cdisc.dataset import Dataset
from interop.cdisc.datasetjson import write_json, write_ndjson
from interop.cdisc.datasetjson_read import read_json, read_ndjson
from interop.cdisc.known import described
from interop.cdisc.parquet import read_parquet, write_parquet
from interop.cdisc.standard import Domain, Standard
from interop.cdisc.table import Table
from interop.cdisc.tabular import as_numbers, read_csv, write_csv
from interop.cdisc.xpt import write_xpt
from interop.cdisc.xpt_read import read_xpt
from interop.errors import OutputError, SourceError
from interop.tables import suggestion


class Writer(Protocol):
    """Writes a table to a file, dated `timestamp` where the format has a date."""

    def __call__(self, table: Table, path: Path, *, timestamp: datetime | None = None) -> None:
        """Whole or not at all; raises `OutputError` for what the format cannot hold."""


class Format(msgspec.Struct, frozen=True):
    """A way to write one table to a file, and to read the tables of a file (of text in an encoding) back."""

    suffix: str
    write: Writer
    read: Callable[[Path, str], list[Table]]


def _in_encoding(read: Callable[..., list[Table]]) -> Callable[[Path, str], list[Table]]:
    return lambda path, encoding: read(path, encoding=encoding)


def _in_utf8(read: Callable[[Path], list[Table]]) -> Callable[[Path, str], list[Table]]:
    def opened(path: Path, encoding: str) -> list[Table]:
        if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise SourceError(f"{path}: its text is UTF-8 by its standard; {encoding!r} is for XPT and CSV")
        return read(path)

    return opened


#: Every format by the name it has on the command line; the first stands in the folder itself.
FORMATS: dict[str, Format] = {
    "xpt": Format(".xpt", write_xpt, _in_encoding(read_xpt)),
    "csv": Format(".csv", write_csv, _in_encoding(read_csv)),
    "dataset-json": Format(".json", write_json, _in_utf8(read_json)),
    "dataset-ndjson": Format(".ndjson", write_ndjson, _in_utf8(read_ndjson)),
    "parquet": Format(".parquet", write_parquet, _in_utf8(read_parquet)),
}


def format_of(path: Path) -> str | None:
    """The name of the format that the suffix of a file says; None when it says none."""
    return next((name for name, form in FORMATS.items() if form.suffix == path.suffix.lower()), None)


def known_format(name: str) -> Format:
    """The format of a name. Raises `OutputError` with a suggestion."""
    if name not in FORMATS:
        raise OutputError(f"no format {name!r}, there are {', '.join(FORMATS)}{suggestion(name, FORMATS)}")
    return FORMATS[name]


def write(
    datasets: Mapping[str, Dataset], out: Path | str, *, formats: Sequence[str] = ("xpt",)
) -> list[Path]:
    """Writes datasets into a folder, a file each: XPT in `out` itself, another format in ``out/<format>/``.

    Returns the files written, in the order of `formats` and `datasets`. Raises `OutputError` for an unknown
    format or for what a format cannot hold.
    """
    chosen = {name: known_format(name) for name in formats}
    written = []
    for name, form in chosen.items():
        folder = Path(out) if name == "xpt" else Path(out, name)
        folder.mkdir(parents=True, exist_ok=True)
        for dataset in datasets.values():
            path = folder / f"{dataset.name.lower()}{form.suffix}"
            form.write(dataset.table, path)
            written.append(path)
    return written


def files_of(source: Path | str) -> list[Path]:
    """The dataset files that a file or folder is or holds, sorted by name; other files are passed over.

    Raises `SourceError` when there are none, or files of more than one format.
    """
    source = Path(source)
    if not source.exists():
        raise SourceError(f"{source}: no such file or folder")
    files = sorted(path for path in source.iterdir() if path.is_file()) if source.is_dir() else [source]
    files = [path for path in files if format_of(path)]
    found = sorted({path.suffix.lower() for path in files})
    if len(found) != 1:
        known = ", ".join(form.suffix for form in FORMATS.values())
        held = f"holds {', '.join(found)}" if found else "holds none"
        raise SourceError(f"{source}: datasets of one format are needed ({known}), this {held}")
    return files


def read_tables(source: Path | str, *, encoding: str = "utf-8") -> Iterator[tuple[Path, Table]]:
    """The tables of a file or of the files in a folder, each with its file, one file at a time.

    Raises `SourceError` as `files_of` does, for a file that cannot be read, and for a dataset that stands in
    two files.
    """
    seen: dict[str, Path] = {}
    for path in files_of(source):
        for table in FORMATS[str(format_of(path))].read(path, encoding):
            if table.name.upper() in seen:
                raise SourceError(f"{path}: {table.name} stands in another file too")
            if not table.columns:
                raise SourceError(f"{path}: {table.name} has no variables")
            seen[table.name.upper()] = path
            yield path, table


def read(source: Path | str, standard: Standard, *, encoding: str = "utf-8") -> dict[str, Dataset]:
    """The datasets of a file or of the files in a folder, by name, sorted by it.

    A folder holds one format. Raises `SourceError` when there is none, or more than one, and for a dataset
    that stands in two files; `SpecError` for a dataset or variable that `standard` does not know.
    """
    found = {}
    for path, table in read_tables(source, encoding=encoding):
        domain = standard.dataset(table.name)
        known = described(table, standard)
        _check_numbers(known, domain, path)
        found[known.name] = Dataset.of(known, domain)
    return dict(sorted(found.items()))


def _check_numbers(table: Table, domain: Domain, path: Path) -> None:
    """Where a CSV file has text in a Num variable it is named with its file."""
    for column in table.columns:
        if column.name in domain and domain[column.name].type == "Num" and column.type == "Char":
            text = table.frame[column.name].drop_nulls()
            wrong = sum(as_numbers(pl.Series([value])) is None for value in text.to_list())
            raise SourceError(f"{path}: {wrong} rows of {column.name} are no numbers that a double holds")
