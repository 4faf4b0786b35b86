"""CSV of datasets: UTF-8, LF, a header row; empty is missing; what a spreadsheet would run is escaped."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow

from interop.cdisc.table import EXACT, Column, Table, is_exact
from interop.errors import OutputError, SourceError

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_MARK = "'"
_SEPARATOR = re.compile(r"[;\t|]")
_CELLS = re.compile(r"Expected (\d+) columns, got (\d+)")


def write_csv(table: Table, path: Path | str, *, timestamp: datetime | None = None) -> None:  # noqa: ARG001
    """Writes a table as CSV, whole or not at all; `timestamp` is for other formats.

    Numbers are their shortest exact text without exponent ("98", "0.1"); null is an empty cell. Text that
    starts with "=", "@", TAB or CR, or with "+" or "-" when it is neither a number nor a bare sign, gets an
    apostrophe before it, and so does such text that has apostrophes already: `read_csv` takes one away.

    Raises `OutputError` for a number that is not finite.
    """
    path = Path(path)
    frame = table.frame.select(_cells(table.frame[column.name], table) for column in table.columns)
    part = path.with_name(f".{path.name}.part")
    try:
        frame.write_csv(part, line_terminator="\n", null_value="", quote_style="necessary")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_csv(path: Path | str, *, encoding: str = "utf-8") -> list[Table]:
    """The table of a CSV file: every column is Char, the name is that of the file in capitals.

    What a CSV file cannot say (labels, types, lengths, formats) `interop.cdisc.known.described` adds for
    variables of the standard. Raises `SourceError` for a file that is no CSV in `encoding`.
    """
    path = Path(path)
    cells = _texts(path, encoding)
    names = [name or "" for name in cells.row(0)]
    if len(names) == 1 and (other := _SEPARATOR.search(names[0])):
        raise SourceError(f"{path}: no CSV: its cells stand between {other[0]!r}; separate them by commas")
    if wrong := [n for n, name in enumerate(names, start=1) if not name or names.count(name) > 1]:
        raise SourceError(f"{path}: no CSV with a header row: column {wrong[0]} has no name of its own")
    texts = [_values(column.alias(name)) for name, column in zip(names, cells.slice(1), strict=True)]
    return [Table(path.stem.upper(), "", tuple(map(Column, names)), pl.DataFrame(texts))]


def _texts(path: Path, encoding: str) -> pl.DataFrame:
    """Every cell as text, the header too; a row of fewer or more cells than the header is refused."""
    try:
        content = path.read_bytes().decode(encoding).encode().removeprefix(b"\xef\xbb\xbf")
    except UnicodeError as error:
        raise SourceError(
            f"{path}: no CSV in {encoding.upper()}; name its encoding (--encoding), such as cp1252 or gb18030"
        ) from error
    except (OSError, LookupError) as error:
        raise SourceError(f"{path}: cannot be read in {encoding.upper()}") from error
    try:
        head = content.partition(b"\n")[0]
        table = arrow.read_csv(
            pa.BufferReader(content),
            read_options=arrow.ReadOptions(
                autogenerate_column_names=True, block_size=max(1 << 20, len(head) + 1)
            ),
            parse_options=arrow.ParseOptions(newlines_in_values=True, ignore_empty_lines=b"," in head),
            convert_options=arrow.ConvertOptions(
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                column_types={f"f{n}": pa.string() for n in range(head.count(b",") + 1)},
            ),
        )
    except pa.ArrowException as error:
        found = _CELLS.search(str(error))  # the rest of the text would show the row
        told = f": {found[1]} cells are due, a row has {found[2]}" if found else ""
        raise SourceError(f"{path}: no CSV in {encoding.upper()} with a header row{told}") from error
    if content.count(b'"') % 2:
        raise SourceError(f"{path}: no CSV, or cut short: a quoted text does not end")
    return cast("pl.DataFrame", pl.from_arrow(table))


def as_numbers(column: pl.Series) -> pl.Series | None:
    """The numbers of a column of a CSV file; None where one is none, or above all that doubles tell."""
    if (~column.str.contains(_NUMBER)).any():
        return None
    numbers = column.cast(pl.Float64)
    large = numbers.abs() >= EXACT
    if large.any() and not (numbers.is_finite().all() and is_exact(column.filter(large)).all()):
        return None
    return numbers


def _cells(column: pl.Series, table: Table) -> pl.Series:
    text = pl.col(column.name)
    if column.dtype == pl.String:
        escaped = pl.when(_is_formula(text)).then(_MARK + text).otherwise(text)
        return column.to_frame().select(escaped.alias(column.name)).to_series()
    distinct = column.drop_nulls().unique()
    if not distinct.cast(pl.Float64).is_finite().all():
        wrong = (~column.cast(pl.Float64).is_finite()).sum()
        raise OutputError(f"{table.name}.{column.name}: {wrong} rows are infinite; CSV holds finite numbers")
    texts = pl.Series([_plain(value) for value in distinct.to_list()], dtype=pl.String)
    return column.replace_strict(distinct, texts, default=None, return_dtype=pl.String)


def _plain(value: float) -> str:
    """The shortest text that reads back as the same number, never with an exponent."""
    text = f"{Decimal(repr(value)):f}"
    return text.removesuffix(".0") if value else "0"


def _values(column: pl.Series) -> pl.Series:
    text = pl.col(column.name)
    marked = text.str.starts_with(_MARK) & _is_formula(text)
    bare = pl.when(marked).then(text.str.slice(1)).otherwise(text)
    return column.to_frame().select(bare.alias(column.name)).to_series()


def _is_formula(text: pl.Expr) -> pl.Expr:
    """True where a spreadsheet would run the text, once the apostrophes before it are gone."""
    bare = text.str.strip_chars_start(_MARK)
    signed = bare.str.contains(r"^[+-][\s\S]") & ~bare.str.contains(_NUMBER)
    return bare.str.contains(r"^[=@\t\r]") | signed
