"""Reading Dataset-JSON 1.1: one JSON document, or a line for each record (NDJSON)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import polars as pl

from interop.cdisc import sasdate
from interop.cdisc.datasetjson import ATTRIBUTES, CREATED, TEXT_TYPES, TIMES, UNDATED
from interop.cdisc.table import Column, Table, empty_as_null, is_decimal
from interop.errors import SourceError

ROWS = 1024  # records that are decoded at a time; more fall out of the cache
LINES = 1 << 18  # bytes of lines that are decoded at a time

_VERSION = re.compile(r"1\.1(\.\d+)?")
_PYTHON: Mapping[str, Any] = {
    "integer": int | float | None,
    "float": float | None,
    "double": float | None,
    "boolean": bool | None,
}
_POLARS = {"integer": pl.Int64, "float": pl.Float64, "double": pl.Float64, "boolean": pl.Boolean}

DataType = Literal[
    "string", "integer", "decimal", "float", "double", "boolean", "datetime", "date", "time", "URI"
]


class _Column(msgspec.Struct, frozen=True):
    name: str
    dataType: DataType  # noqa: N815  names of the standard
    label: str = ""
    itemOID: str | None = None  # noqa: N815
    targetDataType: Literal["integer", "decimal"] | None = None  # noqa: N815
    length: int | None = None
    displayFormat: str = ""  # noqa: N815
    keySequence: int | None = None  # noqa: N815

    @property
    def type(self) -> Literal["Char", "Num"]:
        numeric = self.dataType not in TEXT_TYPES or (self.dataType in TIMES and self.targetDataType)
        return "Num" if numeric else "Char"


class _Head(msgspec.Struct, frozen=True):
    datasetJSONVersion: str  # noqa: N815
    name: str
    records: int
    columns: list[_Column]
    label: str = ""
    rows: list[msgspec.Raw] = []


def read_json(path: Path | str) -> list[Table]:
    """The table of a Dataset-JSON document.

    "" and null are missing text; decimals keep their text; numbers whose target is "integer" are SAS dates
    and times. Raises `SourceError`, with the first row at fault, for a file that is no Dataset-JSON 1.1,
    whose rows are not what its columns say, or are not as many as it counts.
    """
    path = Path(path)
    content = _content(path)
    head = _decoded_head(content, path)
    batches = (head.rows[start : start + ROWS] for start in range(0, len(head.rows), ROWS))
    return [_table(head, _attributes(content, path), batches, path)]


def read_ndjson(path: Path | str) -> list[Table]:
    """The table of Dataset-JSON in lines: one of metadata, then one for each record; see `read_json`."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            first = stream.readline().removeprefix(b"\xef\xbb\xbf")
            head = _decoded_head(first, path)
            return [_table(head, _attributes(first, path), _lines(stream), path)]
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def _lines(stream: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    while lines := stream.readlines(LINES):  # type: ignore[attr-defined]  # a binary stream
        yield [line for line in lines if not line.isspace()]


def _decoded_head(content: bytes, path: Path) -> _Head:
    try:
        head = msgspec.json.decode(content, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{path}: no Dataset-JSON 1.1: {error}") from error
    if not _VERSION.fullmatch(head.datasetJSONVersion):
        raise SourceError(f"{path}: Dataset-JSON {head.datasetJSONVersion}; version 1.1 is read")
    names = [column.name for column in head.columns]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SourceError(f"{path}: no Dataset-JSON 1.1: the column {twice} stands twice")
    return head


def _attributes(content: bytes, path: Path) -> Mapping[str, Any]:
    """What the file says of the dataset beside its name, label, records and columns."""
    fields = [(name, str | None, None) for name in (CREATED, *ATTRIBUTES) if name != "sourceSystem"]
    said = msgspec.defstruct("Said", [*fields, ("sourceSystem", dict[str, str] | None, None)])
    try:
        found = msgspec.structs.asdict(msgspec.json.decode(content, type=said))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: no Dataset-JSON 1.1: {error}") from error
    return {name: found[name] for name in (CREATED, *ATTRIBUTES) if found[name] is not None}


def _table(head: _Head, attributes: Mapping[str, Any], batches: Iterable[Sequence[Any]], path: Path) -> Table:
    frame = _frame(head, batches, path)
    if frame.height != head.records:
        raise SourceError(f"{path}: cut short or damaged, {frame.height} rows of {head.records}")
    columns = {column.name: _typed(column, frame[column.name], path) for column in head.columns}
    shown = tuple(_shown(column, head.name) for column in head.columns)
    usual = (f"IG.{head.name}", UNDATED)
    own = {name: value for name, value in attributes.items() if value not in usual}
    return Table(head.name, head.label, shown, pl.DataFrame(columns), attributes=own)


def _frame(head: _Head, batches: Iterable[Sequence[Any]], path: Path) -> pl.DataFrame:
    """The rows as they were sent: text, floats, whole numbers, booleans."""
    record = tuple.__class_getitem__(tuple(_PYTHON.get(c.dataType, str | None) for c in head.columns))
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list.__class_getitem__(record))
    schema = {column.name: _POLARS.get(column.dataType, pl.String) for column in head.columns}
    parts, before = [pl.DataFrame(schema=schema)], 0
    for batch in batches:
        rows = _decoded(decoder, batch, before, path)
        values = zip(schema.items(), zip(*rows, strict=True), strict=True) if rows else ()
        parts.append(pl.DataFrame([_series(name, kind, list(v), path) for (name, kind), v in values]))
        before += len(rows)
    return (
        pl.concat([part for part in parts if part.width], how="vertical_relaxed", rechunk=True)
        if schema
        else parts[0]
    )


def _decoded(decoder: msgspec.json.Decoder[Any], batch: Sequence[Any], before: int, path: Path) -> list[Any]:
    try:
        return list(decoder.decode(b"[" + b",".join(batch) + b"]"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        for number, row in enumerate(batch, start=before + 1):
            try:
                decoder.decode(b"[" + bytes(row) + b"]")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                told = str(error).replace("$[0]", "$")
                raise SourceError(f"{path}: row {number} is not what the columns say: {told}") from error
        raise SourceError(f"{path}: damaged after row {before}") from None


def _series(name: str, kind: type[pl.DataType], values: list[Any], path: Path) -> pl.Series:
    if kind != pl.Int64:
        return pl.Series(name, values, dtype=kind, strict=False)
    if float in set(map(type, values)):
        if any(isinstance(value, float) and not value.is_integer() for value in values):
            raise SourceError(f"{path}: {name} is integer and has fractions")
        values = [None if value is None else int(value) for value in values]
    try:
        return pl.Series(name, values, dtype=pl.Int64)
    except (OverflowError, TypeError) as error:
        raise SourceError(f"{path}: {name} has whole numbers of more than 64 bits") from error


def _typed(column: _Column, values: pl.Series, path: Path) -> pl.Series:
    """The values in the types of a `Table`."""
    if column.dataType in ("integer", "float", "double", "boolean"):
        return values.cast(pl.Int64) if column.dataType == "boolean" else values
    text = empty_as_null(values)
    if column.dataType in TIMES and column.targetDataType:
        numbers = sasdate.as_numbers(text, column.dataType)
        if numbers is None:
            raise SourceError(f"{path}: {column.name} has text that is no complete {column.dataType}")
        return numbers
    if column.dataType == "decimal" and not is_decimal(text):
        raise SourceError(f"{path}: {column.name} is decimal and has text that is no number")
    return text


def _shown(column: _Column, dataset: str) -> Column:
    return Column(
        column.name,
        column.label,
        column.type,
        length=column.length,
        format=column.displayFormat,
        key=column.keySequence,
        data_type=None if column.dataType == "string" else column.dataType,
        oid=None if column.itemOID == f"IT.{dataset}.{column.name}" else column.itemOID,
    )
