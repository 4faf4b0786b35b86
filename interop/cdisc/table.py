"""A table as a file holds it: any dataset of anyone, whatever its names, labels, lengths and order."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from interop.cdisc.standard import Type
from interop.errors import SpecError

#: Types of a Num column in a frame; text is that of exact decimals, which would lose their zeros as floats.
_NUMBERS = (pl.Float64, pl.Int64, pl.String)
EXACT = 2**53  # every whole number below is a double of its own


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """A variable as a file states it; what the file does not say is empty.

    `length` is the planned length as text, `width` the bytes of a number where they are fewer than 8;
    `format` and `informat` are SAS formats ("DATE9."), `key` is the place among the keys of the dataset (from
    1), `data_type` one of the types of Dataset-JSON 1.1 ("date", "decimal"), `oid` the OID in Define-XML.
    """

    name: str
    label: str = ""
    type: Type = "Char"
    length: int | None = None
    width: int | None = None
    format: str = ""
    informat: str = ""
    key: int | None = None
    data_type: str | None = None
    oid: str | None = None


class Table(msgspec.Struct, frozen=True, eq=False):
    """A dataset with what a file says of it, in the file's order.

    `frame` has a column for each of `columns`: Char is String, Num is Float64, Int64, or String where
    `data_type` is "decimal". Missing is null, never "" or NaN. `special` keeps the letter of special missing
    values (variable -> row -> letter), `attributes` what Dataset-JSON says of a dataset beside its name.
    """

    name: str
    label: str
    columns: tuple[Column, ...]
    frame: pl.DataFrame
    special: Mapping[str, Mapping[int, str]] = {}
    attributes: Mapping[str, Any] = {}

    def __post_init__(self) -> None:
        if [column.name for column in self.columns] != self.frame.columns:
            raise SpecError(f"{self.name}: the columns named are not those of the frame")
        for column in self.columns:
            found = self.frame[column.name].dtype
            if not (found == pl.String if column.type == "Char" else found in _NUMBERS):
                raise SpecError(f"{self.name}.{column.name} is {column.type}, its column is {found}")

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        return f"<Table {self.name}: {len(self)} records, {len(self.columns)} variables>"

    def __getitem__(self, name: str) -> Column:
        """What is said of a variable. Raises `SpecError` for a name that is not there."""
        for column in self.columns:
            if column.name == name:
                return column
        raise SpecError(f"{self.name} has no variable {name!r}")


def empty_as_null(column: pl.Series) -> pl.Series:
    """A text column in which "" is null."""
    return column.set(column == "", None) if (column == "").any() else column


def as_floats(column: pl.Series) -> pl.Series:
    """The numbers of a Num column as floats, also where decimals stand as text."""
    return column.cast(pl.Float64)


def is_whole(column: pl.Series) -> bool:
    """Whether a Num column holds numbers, and all of them are whole."""
    if column.dtype == pl.Int64:
        return True
    known = column.drop_nulls()
    if column.dtype != pl.Float64 or not len(known):
        return False
    return bool(((known == known.round()) & (known.abs() < EXACT)).all())


def is_decimal(text: pl.Series) -> bool:
    """Whether every text of a column is a finite number."""
    return bool(text.drop_nulls().cast(pl.Float64, strict=False).is_finite().fill_null(value=False).all())


def is_exact(column: pl.Series) -> pl.Series:
    """Where whole numbers, or decimals as text, have no digit that a double loses; missing ones have none."""
    if column.dtype == pl.Int64:
        back = column.cast(pl.Float64).cast(pl.Int64, strict=False)
        return back.eq_missing(column)
    distinct = column.drop_nulls().unique()
    exact = [Decimal(repr(float(text))) == Decimal(text) for text in distinct]
    return column.replace_strict(distinct, exact, default=True, return_dtype=pl.Boolean)
