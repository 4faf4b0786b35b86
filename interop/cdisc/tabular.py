"""CSV of datasets: UTF-8, LF, a header row; empty is missing; what a spreadsheet would run is escaped."""

from decimal import Decimal
from pathlib import Path

import polars as pl

from interop.cdisc.dataset import Dataset, polars_type
from interop.cdisc.standard import Domain
from interop.errors import SourceError

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_MARK = "'"


def write_csv(dataset: Dataset, path: Path | str) -> None:
    """Writes a dataset as CSV, whole or not at all.

    Numbers are their shortest exact text without exponent ("98", "0.1"); null is an empty cell. Text that
    starts with "=", "@", TAB or CR, or with "+" or "-" when it is neither a number nor a bare sign, gets an
    apostrophe before it, and so does such text that has apostrophes already: `read_csv` takes one away.
    """
    path = Path(path)
    frame = dataset.frame.select(_cells(dataset.frame[name]) for name in dataset.frame.columns)
    part = path.with_name(f".{path.name}.part")
    try:
        frame.write_csv(part, line_terminator="\n", null_value="", quote_style="necessary")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_csv(path: Path | str, domain: Domain) -> Dataset:
    """The dataset of a CSV file whose columns are variables of `domain`; the inverse of `write_csv`.

    Raises `SourceError` for a file that is no CSV in UTF-8 or has text where a number is due, `SpecError` for
    a column that `domain` does not know.
    """
    path = Path(path)
    try:
        frame = pl.read_csv(path, infer_schema=False, null_values=[""])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{path}: no CSV in UTF-8 with a header row") from error
    return Dataset(domain, frame.select(_values(frame[name], domain, path) for name in frame.columns))


def _cells(column: pl.Series) -> pl.Series:
    text = pl.col(column.name)
    if column.dtype == pl.String:
        escaped = pl.when(_is_formula(text)).then(_MARK + text).otherwise(text)
        return column.to_frame().select(escaped.alias(column.name)).to_series()
    distinct = column.drop_nulls().unique()
    texts = pl.Series([_plain(value) for value in distinct.to_list()], dtype=pl.String)
    return column.replace_strict(distinct, texts, default=None, return_dtype=pl.String)


def _plain(value: float) -> str:
    """The shortest text that reads back as the same number, never with an exponent."""
    text = f"{Decimal(repr(value)):f}"
    return text.removesuffix(".0") if value else "0"


def _values(column: pl.Series, domain: Domain, path: Path) -> pl.Series:
    text = pl.col(column.name)
    if column.name not in domain or domain[column.name].type == "Char":
        marked = text.str.starts_with(_MARK) & _is_formula(text)
        bare = pl.when(marked).then(text.str.slice(1)).otherwise(text)
        return column.to_frame().select(bare.alias(column.name)).to_series()
    if wrong := (~column.str.contains(_NUMBER)).sum():
        raise SourceError(f"{path}: {wrong} rows of {column.name} are no numbers")
    return column.cast(pl.Float64).cast(polars_type(domain[column.name]))


def _is_formula(text: pl.Expr) -> pl.Expr:
    """True where a spreadsheet would run the text, once the apostrophes before it are gone."""
    bare = text.str.strip_chars_start(_MARK)
    signed = bare.str.contains(r"^[+-][\s\S]") & ~bare.str.contains(_NUMBER)
    return bare.str.contains(r"^[=@\t\r]") | signed
