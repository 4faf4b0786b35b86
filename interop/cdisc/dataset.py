"""A dataset: a domain and the frame that follows it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from interop.cdisc.standard import Domain, Variable
from interop.cdisc.table import Column, Table, as_floats
from interop.errors import SpecError
from interop.tables import suggestion

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = ("SEQ", "DY")  # sequence numbers and study days count whole units (SDTMIG 3.4 4.1.5, 4.4.4)

_KINDS: Mapping[pl.DataType, str] = {pl.Int64(): "integer", pl.Float64(): "float"}  # Dataset-JSON 1.1


class Dataset(msgspec.Struct, frozen=True, eq=False):
    """A table of a submission: `frame` holds variables of `domain`, in the standard's order.

    Char is String and Num is Float64, or Int64 for --SEQ and study days; missing is null, never "" or NaN.
    A frame in another order or of other types is put right; a column that the domain does not know, or text
    where a number is due, is refused with `SpecError`. Columns that are absent stay absent (see `complete`).
    """

    domain: Domain
    frame: pl.DataFrame

    def __post_init__(self) -> None:
        unknown = [name for name in self.frame.columns if name not in self.domain.names]
        if unknown:
            close = suggestion(unknown[0], self.domain.names)
            raise SpecError(f"{self.domain.name} has no variable {unknown[0]!r}{close}")
        present = [variable for variable in self.domain if variable.name in self.frame.columns]
        frame = self.frame.select(_typed(v, self.frame[v.name], self.name) for v in present)
        msgspec.structs.force_setattr(self, "frame", frame)

    def __getitem__(self, name: str) -> pl.Series:
        """The column of a variable; a generic name resolves: "--SEQ" is "LBSEQ" in LB."""
        variable = self.domain[name]
        if variable.name not in self.frame.columns:
            raise SpecError(f"this {self.name} dataset has no column {variable.name!r}")
        return self.frame[variable.name]

    def __contains__(self, name: str) -> bool:
        return self.domain.resolve(name) in self.frame.columns

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        return f"<Dataset {self.name}: {len(self)} records, {self.frame.width} variables>"

    @property
    def name(self) -> str:
        """Dataset name, such as "LB" or "SUPPLB"."""
        return self.domain.name

    @property
    def label(self) -> str:
        """Dataset label, as the standard gives it."""
        return self.domain.label

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables that the frame holds, in its order."""
        return tuple(self.domain[name] for name in self.frame.columns)

    @property
    def table(self) -> Table:
        """The dataset as files hold it: labels and keys of the standard, text as long as its longest."""
        keys = [name for name in map(self.domain.resolve, self.domain.keys) if name in self.frame.columns]
        longest = self.frame.select(pl.col(pl.String).str.len_chars().max())
        columns = []
        for variable in self.variables:
            name, found = variable.name, self.frame[variable.name].dtype
            key = keys.index(name) + 1 if name in keys else None
            length = max(1, longest[name][0] or 1) if found == pl.String else None
            kind = _KINDS.get(found)
            columns.append(
                Column(name, variable.label, variable.type, length=length, key=key, data_type=kind)
            )
        return Table(self.name, self.label, tuple(columns), self.frame)

    @classmethod
    def of(cls, table: Table, domain: Domain) -> "Dataset":
        """The dataset of a table whose columns are variables of `domain`; labels are the standard's.

        Raises `SpecError` for an unknown column, text where a number is due or a number where text is due.
        """
        numbers = [column.name for column in table.columns if column.type == "Num"]
        return cls(domain, table.frame.with_columns(as_floats(table.frame[name]) for name in numbers))

    def complete(self) -> "Dataset":
        """The same records with every Req and Exp variable, null where it was absent (SDTMIG 3.4 4.1.5)."""
        absent = [v.name for v in self.domain if v.core != "Perm" and v.name not in self.frame.columns]
        blank = [pl.lit(None, dtype=pl.Null).alias(name) for name in absent]
        return Dataset(self.domain, self.frame.with_columns(blank))

    def to_pandas(self) -> "pd.DataFrame":
        """A pandas frame: Char as text with None, Num as float or whole number; labels in ``attrs``.

        ``attrs`` holds "name", "label" and "labels" (variable -> label), and survives `from_pandas`.
        """
        import pandas as pd  # noqa: PLC0415  only users of pandas pay for it

        columns = {v.name: _pandas_column(self.frame[v.name]) for v in self.variables}
        frame = pd.DataFrame(columns, index=pd.RangeIndex(len(self)))
        labels = {variable.name: variable.label for variable in self.variables}
        frame.attrs.update({"name": self.name, "label": self.label, "labels": labels})
        return frame

    @classmethod
    def from_pandas(cls, domain: Domain, frame: "pd.DataFrame") -> "Dataset":
        """The dataset of a pandas frame whose columns are variables of `domain`; None and NaN are missing.

        Raises `SpecError` for an unknown column, or text where a number is due.
        """
        columns = {}
        for name in frame.columns:
            column = frame[name]
            values = column.astype(object).where(column.notna(), None).tolist()
            char = str(name) in domain and domain[str(name)].type == "Char"
            columns[str(name)] = pl.Series(str(name), values, dtype=pl.String if char else None, strict=char)
        return cls(domain, pl.DataFrame(columns))


def polars_type(variable: Variable) -> type[pl.DataType]:
    """The frame's type of a variable: String, Int64 (--SEQ, study days) or Float64."""
    if variable.type == "Char":
        return pl.String
    return pl.Int64 if variable.name.endswith(_WHOLE) else pl.Float64


def _typed(variable: Variable, column: pl.Series, dataset: str) -> pl.Series:
    """The column in the variable's type; "" and NaN become null."""
    due = polars_type(variable)
    if column.dtype == pl.Null:
        return column.cast(due)
    if due == pl.String:
        if column.dtype != pl.String:
            raise SpecError(f"{dataset}.{variable.name} is Char, its column is {column.dtype}")
        return column.set(column == "", None) if (column == "").any() else column
    if not column.dtype.is_numeric():
        raise SpecError(f"{dataset}.{variable.name} is Num, its column is {column.dtype}")
    if column.dtype.is_float():
        column = column.fill_nan(None)
        if due == pl.Int64 and (column != column.round()).any():
            raise SpecError(f"{dataset}.{variable.name} counts whole units, its column has fractions")
    return column.cast(due)


def _pandas_column(column: pl.Series) -> "pd.Series[Any]":
    import pandas as pd  # noqa: PLC0415

    if column.dtype == pl.String:
        return pd.Series(column.to_list(), dtype=object)
    if column.dtype == pl.Int64 and column.null_count() == 0:
        return pd.Series(column.to_numpy(), dtype="int64")
    return pd.Series(column.cast(pl.Float64).to_numpy(), dtype="float64")
