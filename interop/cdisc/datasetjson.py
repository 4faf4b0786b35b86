"""Writing Dataset-JSON 1.1, as one JSON document or a line for each record (NDJSON)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl

from interop.cdisc import sasdate
from interop.cdisc.table import Column, Table, is_whole
from interop.errors import OutputError

VERSION = "1.1.0"
BLOCK = 1 << 13  # records that are held as text at a time; more fall out of the cache
CREATED = "datasetJSONCreationDateTime"
UNDATED = "1960-01-01T00:00:00"  # stands for "no clock was read", as in XPT
TEXT_TYPES = ("string", "date", "datetime", "time", "URI")
TIMES = ("date", "datetime", "time")

#: What is said of a dataset beside its name, label, records and columns, in the order of the standard.
ATTRIBUTES = (
    *("fileOID", "dbLastModifiedDateTime", "originator", "sourceSystem", "studyOID"),
    *("metaDataVersionOID", "metaDataRef", "itemGroupOID"),
)

_ESCAPED = ['"', "\\", *map(chr, range(0x20))]


class Cells(msgspec.Struct, frozen=True, eq=False):
    """A column in Dataset-JSON: its types, and its values as text that waits for quotes, or as JSON."""

    data_type: str
    values: pl.Series
    target: str | None = None
    quoted: bool = False
    missing: str = "null"


def write_json(table: Table, path: Path | str, *, timestamp: datetime | None = None) -> None:
    """Writes a table as a Dataset-JSON document, whole or not at all.

    Text is "string", or the date, time or URI that its column says; missing text is "". Numbers are "integer"
    where all are whole, else "float", each the shortest that reads back as the same double; SAS dates and
    times whose format shows them so are ISO 8601 text with the target "integer", decimals are text. No clock
    is read: a file is dated 1960-01-01T00:00:00 unless `timestamp` or the table says when.

    Raises `OutputError` for an infinite number. Obeys Dataset-JSON 1.1.
    """
    cells = _cells(table)
    head = msgspec.json.encode(_head(table, cells, timestamp))
    with _Part(path) as stream:
        stream.write(head[:-1] + b',"rows":[')
        for number, block in enumerate(_blocks(cells, between=",")):
            stream.write(b"," * (number > 0) + block)
        stream.write(b"]}\n")


def write_ndjson(table: Table, path: Path | str, *, timestamp: datetime | None = None) -> None:
    """Writes a table as Dataset-JSON in lines: one of metadata, then one a record; see `write_json`."""
    cells = _cells(table)
    head = msgspec.json.encode(_head(table, cells, timestamp))
    with _Part(path) as stream:
        stream.write(head + b"\n")
        for block in _blocks(cells, between="\n"):
            stream.write(block + b"\n")


class _Part:
    """A file beside `path` that becomes it when all is written."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(f".{self.path.name}.part")

    def __enter__(self) -> BinaryIO:
        self.stream = self.part.open("wb")
        return self.stream

    def __exit__(self, kind: object, *_: object) -> None:
        self.stream.close()
        if kind is None:
            self.part.replace(self.path)
        self.part.unlink(missing_ok=True)


def _head(table: Table, cells: Mapping[str, Cells], timestamp: datetime | None) -> Mapping[str, Any]:
    """Everything but the rows, in the order of the standard."""
    kept = table.attributes
    created = f"{timestamp:%Y-%m-%dT%H:%M:%S}" if timestamp else kept.get(CREATED, UNDATED)
    known = {**kept, "itemGroupOID": kept.get("itemGroupOID", f"IG.{table.name}")}
    return {
        CREATED: created,
        "datasetJSONVersion": VERSION,
        **{name: known[name] for name in ATTRIBUTES if name in known},
        "records": len(table),
        "name": table.name,
        "label": table.label,
        "columns": [_column(table, column, cells[column.name]) for column in table.columns],
    }


def _column(table: Table, column: Column, cells: Cells) -> Mapping[str, Any]:
    said = {
        "itemOID": column.oid or f"IT.{table.name}.{column.name}",
        "name": column.name,
        "label": column.label,
        "dataType": cells.data_type,
        "targetDataType": cells.target,
        "length": column.length,
        "displayFormat": column.format,
        "keySequence": column.key,
    }
    return {name: value for name, value in said.items() if name in ("name", "label") or value}


def _cells(table: Table) -> Mapping[str, Cells]:
    return {column.name: _of(column, table.frame[column.name], table.name) for column in table.columns}


def _of(column: Column, values: pl.Series, dataset: str) -> Cells:
    said = column.data_type or ""
    if column.type == "Char":
        return Cells(said if said in TEXT_TYPES else "string", _quotable(values), quoted=True, missing='""')
    if values.dtype == pl.String:
        return Cells("decimal", _quotable(values), target="decimal", quoted=True)
    if said == "boolean" and values.drop_nulls().is_in([0, 1]).all():
        return Cells(said, values.cast(pl.Boolean).cast(pl.String))
    kind = said if said in TIMES else sasdate.kind_of(column.format)
    if kind and (text := sasdate.as_text(values, kind)) is not None:
        return Cells(kind, text, target="integer", quoted=True)
    if values.dtype == pl.Float64 and (wrong := (~values.is_finite()).sum()):
        raise OutputError(f"{dataset}.{column.name}: {wrong} rows are infinite; JSON holds finite numbers")
    if said in ("float", "double"):
        return Cells(said, _numerals(values))
    return Cells("integer" if is_whole(values) else "float", _numerals(values))


def _numerals(values: pl.Series) -> pl.Series:
    return values.cast(pl.String).str.strip_suffix(".0")


def _quotable(values: pl.Series) -> pl.Series:
    """Text that may stand between quotes: what JSON escapes is escaped (RFC 8259 7)."""
    if not values.str.contains_any(_ESCAPED).any():
        return values
    distinct = values.drop_nulls().unique()
    texts = [msgspec.json.encode(value)[1:-1].decode() for value in distinct.to_list()]
    return values.replace_strict(distinct, pl.Series(texts, dtype=pl.String), default=None)


def _blocks(cells: Mapping[str, Cells], *, between: str) -> Iterator[bytes]:
    """Records as JSON arrays, many at a time."""
    frame = pl.DataFrame([one.values.alias(name) for name, one in cells.items()])
    parts, open_text = [], "["  # what stands between two values is one text
    for name, one in cells.items():
        value, before, after = _part(pl.col(name), one, has_nulls=frame[name].null_count() > 0)
        parts += [pl.lit(open_text + before), value]
        open_text = after + ","
    record = pl.concat_str(*parts, pl.lit(open_text[:-1] + "]"), ignore_nulls=True)
    for start in range(0, frame.height, BLOCK):
        yield frame.slice(start, BLOCK).select(record.str.join(between)).item().encode()


def _part(column: pl.Expr, cells: Cells, *, has_nulls: bool) -> tuple[pl.Expr, str, str]:
    """The values of a column, and the quotes around each; a null between quotes is empty text."""
    if cells.quoted and (cells.missing == '""' or not has_nulls):
        return column, '"', '"'
    if cells.quoted:
        column = pl.concat_str(pl.lit('"'), column, pl.lit('"'))
    return (column.fill_null(cells.missing) if has_nulls else column), "", ""
