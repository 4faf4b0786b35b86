"""What a file format cannot hold of a table: information for whoever converts, never a silent loss."""

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from interop.cdisc import sasdate
from interop.cdisc.table import Column, Table
from interop.cdisc.xpt_records import format_parts
from interop.issues import Issue, Location

#: What is lost, by rule: its words. {format} is the format's name on the command line.
RULES: Mapping[str, str] = {
    "CDISC-FORMAT-001": "{format} holds no label of a dataset",
    "CDISC-FORMAT-002": "{format} holds no identifiers, originator and source system of a dataset",
    "CDISC-FORMAT-003": "{format} holds no labels of variables",
    "CDISC-FORMAT-004": "{format} holds no types: variables that the standard does not know are read as text",
    "CDISC-FORMAT-005": "{format} holds no such length",
    "CDISC-FORMAT-006": "{format} holds no such display format or informat",
    "CDISC-FORMAT-007": "{format} does not say which variables are keys",
    "CDISC-FORMAT-008": "{format} does not say that this is a date, time, decimal, boolean or URI",
    "CDISC-FORMAT-009": "{format} holds no OIDs of variables",
    "CDISC-FORMAT-010": "{format} holds no special missing values; they are plain missing values there",
    "CDISC-FORMAT-011": "{format} does not keep blanks at the end of text",
}

TEXT_LENGTH = 200  # bytes of the longest text in XPT

_ALL = frozenset(RULES)
#: The rules that a format keeps, by its name on the command line.
_KEPT: Mapping[str, frozenset[str]] = {
    "csv": frozenset({"CDISC-FORMAT-011"}),
    "xpt": frozenset(f"CDISC-FORMAT-{n:03}" for n in (1, 3, 4, 10)),
    "dataset-json": frozenset(f"CDISC-FORMAT-{n:03}" for n in (1, 2, 3, 4, 7, 8, 9, 11)),
    "parquet": _ALL - {"CDISC-FORMAT-010"},
}


def losses(table: Table, form: str) -> list[Issue]:
    """What the format `form` cannot hold of a table: information, one issue per variable and rule.

    Values are never among them but for special missing values and blanks at the end; what a format refuses
    is an `OutputError` of its writer.
    """
    kept = _KEPT["dataset-json" if form == "dataset-ndjson" else form]
    found = []
    for rule, variable, count in _present(table, form):
        if rule not in kept:
            where = Location(dataset=table.name, variable=variable)
            message = RULES[rule].format(format=form)
            found.append(Issue(rule, "information", "informational", message, where, count=count))
    return found


def _present(table: Table, form: str) -> Iterator[tuple[str, str | None, int]]:
    """Rule, variable and number of cells of everything that a format might not hold."""
    if table.label:
        yield "CDISC-FORMAT-001", None, 1
    if table.attributes:
        yield "CDISC-FORMAT-002", None, 1
    for column in table.columns:
        for rule, is_lost in _LOST.items():
            if is_lost(column, form):
                yield rule, column.name, 1
        if letters := table.special.get(column.name):
            yield "CDISC-FORMAT-010", column.name, len(letters)
        if form == "xpt" and column.type == "Char":
            blanks = table.frame.select(pl.col(column.name).str.ends_with(" ").sum()).item()
            if blanks:
                yield "CDISC-FORMAT-011", column.name, blanks


def _length(column: Column, form: str) -> bool:
    """Whether its length is said and the format has no place for it, or not for one as long."""
    if form == "xpt":
        return (column.length or 0) > TEXT_LENGTH
    return column.width is not None or (form == "csv" and column.length is not None)


def _format(column: Column, form: str) -> bool:
    said = [text for text in (column.format, column.informat) if text]
    if form == "xpt":
        return any(format_parts(text) is None for text in said)
    return bool(said) if form == "csv" else bool(column.informat)


def _data_type(column: Column, form: str) -> bool:
    """Whether its type cannot be told from values and format; whole numbers can."""
    if column.data_type in (None, "integer", "float", "double", "string"):
        return False
    return form == "csv" or column.type == "Char" or sasdate.kind_of(column.format) != column.data_type


_LOST: Mapping[str, Callable[[Column, str], bool]] = {
    "CDISC-FORMAT-003": lambda column, _: bool(column.label),
    "CDISC-FORMAT-004": lambda column, _: column.type == "Num",
    "CDISC-FORMAT-005": _length,
    "CDISC-FORMAT-006": _format,
    "CDISC-FORMAT-007": lambda column, _: column.key is not None,
    "CDISC-FORMAT-008": _data_type,
    "CDISC-FORMAT-009": lambda column, _: column.oid is not None,
}
