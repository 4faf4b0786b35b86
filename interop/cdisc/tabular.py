"""CSV of datasets: UTF-8, LF, a header row; empty is missing; what a spreadsheet would run is escaped."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

from interop.cdisc.table import Column, Table
from interop.errors import OutputError, SourceError

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_MARK = "'"


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
    try:
        content = path.read_bytes().decode(encoding).encode() if encoding != "utf-8" else path
        frame = pl.read_csv(content, infer_schema=False, null_values=[""], truncate_ragged_lines=False)
    except (OSError, LookupError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{path}: no CSV in {encoding.upper()} with a header row") from error
    columns = tuple(Column(name) for name in frame.columns)
    texts = (_values(frame[name]) for name in frame.columns)
    return [Table(path.stem.upper(), "", columns, frame.select(texts))]


def as_numbers(column: pl.Series) -> pl.Series | None:
    """The numbers of a column of a CSV file; null where a text is none."""
    if (~column.str.contains(_NUMBER)).any():
        return None
    return column.cast(pl.Float64)


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
