"""Parquet of tables: columns in their own types; what is said of them in metadata of schema and fields."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from interop.cdisc.table import Column, Table, empty_as_null, is_decimal
from interop.errors import SourceError

_DAYS = 3653  # from 1 January 1960, the day 0 of SAS, to 1 January 1970
_SECONDS = _DAYS * 86_400

#: Keys of a field's metadata, in the words of Dataset-JSON 1.1 where it has one, by the name in `Column`.
FIELDS: Mapping[str, str] = {
    "label": "label",
    "type": "type",
    "length": "length",
    "width": "width",
    "format": "displayFormat",
    "informat": "informat",
    "key": "keySequence",
    "data_type": "dataType",
    "oid": "itemOID",
}


def write_parquet(table: Table, path: Path | str, *, timestamp: datetime | None = None) -> None:  # noqa: ARG001
    """Writes a table as Parquet, whole or not at all; `timestamp` is for other formats.

    Char is string, Num is double or int64, or string where exact decimals stand as text. The schema's
    metadata has the `name` and `label` of the dataset and its `attributes` (as JSON), the metadata of a field
    its label, type, length, format and key under the words of `FIELDS`. The same table gives the same bytes.
    """
    path = Path(path)
    arrow = table.frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    fields = [
        pa.field(column.name, _ARROW[table.frame[column.name].dtype], metadata=_said(column))
        for column in table.columns
    ]
    said = {"name": table.name, "label": table.label, "attributes": msgspec.json.encode(table.attributes)}
    part = path.with_name(f".{path.name}.part")
    try:
        pq.write_table(arrow.cast(pa.schema(fields, metadata=said)), part, compression="zstd")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_parquet(path: Path | str) -> list[Table]:
    """The table of a Parquet file, of ours or of anyone.

    Without our metadata the name is that of the file in capitals; text is Char, whole and floating numbers
    are Num, true and false are 1 and 0, dates and times are SAS numbers with a format that shows them.

    Raises `SourceError` for a file that is no Parquet, or a column of another type, such as a list.
    """
    path = Path(path)
    try:
        arrow = pq.read_table(path, partitioning=None)
        names = arrow.schema.names
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: no Parquet file") from error
    if twice := [name for name in names if names.count(name) > 1]:
        raise SourceError(f"{path}: the column {twice[0]} stands twice")
    said = _texts(arrow.schema.metadata)
    columns, values = [], []
    for field in arrow.schema:
        column, series = _read(field, arrow.column(field.name), path)
        columns.append(column)
        values.append(series)
    name = said.get("name") or path.stem.upper()
    if (frame := pl.DataFrame(values)).columns != names:
        raise SourceError(f"{path}: no Parquet file, or a damaged one")
    try:
        attributes = msgspec.json.decode(said.get("attributes", "{}"), type=dict[str, str | dict[str, str]])
    except msgspec.DecodeError as error:
        raise SourceError(f"{path}: its metadata `attributes` cannot be: {error}") from error
    return [Table(name, said.get("label", ""), tuple(columns), frame, attributes=attributes)]


_ARROW: Mapping[Any, pa.DataType] = {pl.String: pa.string(), pl.Float64: pa.float64(), pl.Int64: pa.int64()}


def _said(column: Column) -> Mapping[str, str]:
    values = msgspec.structs.asdict(column)
    return {word: str(values[name]) for name, word in FIELDS.items() if values[name] not in (None, "")}


def _texts(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, str]:
    found = metadata or {}
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in found.items()}


def _read(field: Any, chunks: Any, path: Path) -> tuple[Column, pl.Series]:
    said = _texts(field.metadata)
    try:
        values = cast("pl.Series", pl.from_arrow(chunks)).alias(field.name)
    except pl.exceptions.PolarsError:  # such as a time zone that nobody knows
        values = None
    if values is None or (found := _plain(values)) is None:
        raise SourceError(
            f"{path}: {field.name} is {field.type}; text, numbers, dates and times are read "
            "(times to the microsecond, without a zone or in UTC)"
        )
    data_type, text, plain = found
    known = {name: said[word] for name, word in FIELDS.items() if word in said}
    kind = "Char" if plain.dtype == pl.String and data_type is None else "Num"
    guessed = {"type": kind, "format": text, "data_type": data_type}
    try:
        column = msgspec.convert({**guessed, **known, "name": field.name}, Column, strict=False)
    except msgspec.ValidationError as error:
        raise SourceError(f"{path}: {field.name} has metadata that cannot be: {error}") from error
    decimal = column.data_type == "decimal" and plain.dtype == pl.String and is_decimal(plain)
    if column.type != kind and not decimal:
        raise SourceError(f"{path}: {field.name} is {column.type} by its metadata and holds {field.type}")
    return column, plain


def _plain(values: pl.Series) -> tuple[str | None, str, pl.Series] | None:
    """Data type, SAS format and values of a column in the types of a `Table`; None for a type it lacks."""
    kind = values.dtype
    if kind in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        return None, "", empty_as_null(values.cast(pl.String))
    if kind.is_integer() and kind != pl.UInt64:
        return None, "", values.cast(pl.Int64)
    if kind.is_float():
        return None, "", values.cast(pl.Float64).fill_nan(None)
    if kind == pl.Decimal:
        return "decimal", "", values.cast(pl.String)
    if _says_more(values):
        return None
    return next((make(values) for due, make in _OTHER.items() if kind == due), None)


def _says_more(values: pl.Series) -> bool:
    """Whether times have a zone of their own or are finer than a microsecond, which SAS numbers lose."""
    kind = values.dtype
    if isinstance(kind, pl.Datetime):
        fine = kind.time_unit == "ns" and bool((values.dt.epoch("ns") % 1_000 != 0).any())
        return fine or kind.time_zone not in _ZONELESS
    return kind == pl.Time and bool((values.cast(pl.Int64) % 1_000 != 0).any())


_ZONELESS = (None, "UTC", "Etc/UTC", "GMT")


def _of_date(values: pl.Series) -> tuple[str, str, pl.Series]:
    return "date", "E8601DA.", values.cast(pl.Int64) + _DAYS


def _of_datetime(values: pl.Series) -> tuple[str, str, pl.Series]:
    return "datetime", "E8601DT.", _counted(values.dt.epoch("us")) + _SECONDS


def _of_time(values: pl.Series) -> tuple[str, str, pl.Series]:
    return "time", "E8601TM.", _counted(values.cast(pl.Int64) // 1_000)


def _counted(microseconds: pl.Series) -> pl.Series:
    """Seconds, with a fraction only where there is one."""
    million = 1_000_000
    whole = (microseconds % million == 0).all()
    return microseconds // million if whole else microseconds / million


_OTHER: Mapping[Any, Callable[[pl.Series], tuple[str, str, pl.Series]]] = {
    pl.Boolean: lambda values: ("boolean", "", values.cast(pl.Int64)),
    pl.Date: _of_date,
    pl.Datetime: _of_datetime,
    pl.Time: _of_time,
}
