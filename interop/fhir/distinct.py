"""Parts of a view resolved once per distinct bytes of the elements they read, then gathered as columns."""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

import polars as pl

from interop.fhir.clauses import Column
from interop.fhir.json import parse
from interop.fhir.path.values import text

CAP = 200_000  # distinct values kept before a part starts over; bounds its memory

Raws = Mapping[str, Sequence[bytes]]
Resolve = Callable[[dict[str, Any]], Sequence[tuple[Any, ...]]]


class Table:
    """A growing polars column of resolved values."""

    def __init__(self, dtype: pl.DataType | type[pl.DataType]) -> None:
        self.fresh: list[Any] = []
        self._kept = pl.Series([], dtype=dtype)

    def gather(self, at: pl.Series) -> pl.Series:
        """Values at positions."""
        if self.fresh:
            self._kept.extend(pl.Series(self.fresh, dtype=self._kept.dtype))
            self.fresh.clear()
        return self._kept.gather(at)


class Distinct(dict[Any, int]):
    """Distinct bytes -> number of their result; a result is any number of rows, the same columns in each.

    `elements` are the JSON names it depends on, `resolve` gives the rows of a decoded resource that has only
    these, `dtypes` are the types of the columns.
    """

    def __init__(
        self, elements: Sequence[str], resolve: Resolve, dtypes: Sequence[pl.DataType | type[pl.DataType]]
    ) -> None:
        super().__init__()
        self.elements = tuple(elements)
        self._resolve, self._dtypes = resolve, dtypes
        self._resource_type = ""
        self._reset()

    def _reset(self) -> None:
        self.clear()
        self._rows = 0
        self.tables = [Table(dtype) for dtype in self._dtypes]
        self.starts, self.counts = Table(pl.Int64), Table(pl.Int64)

    def __missing__(self, key: bytes | tuple[bytes, ...]) -> int:
        raws = key if isinstance(key, tuple) else (key,)
        resource = {name: parse(raw) for name, raw in zip(self.elements, raws, strict=True) if raw}
        rows = self._resolve({"resourceType": self._resource_type, **resource})
        for row in rows:
            for table, value in zip(self.tables, row, strict=True):
                table.fresh.append(value)
        self.starts.fresh.append(self._rows)
        self.counts.fresh.append(len(rows))
        self._rows += len(rows)
        number = self[key] = len(self)
        return number

    def numbers(self, raws: Raws, n: int, *, resource_type: str) -> pl.Series:
        """Number of each resource's result; new bytes are resolved."""
        if len(self) > CAP or resource_type != self._resource_type:
            self._reset()
        self._resource_type = resource_type
        columns = [raws[name] for name in self.elements]
        keys = columns[0] if len(columns) == 1 else zip(*columns, strict=True) if columns else repeat((), n)
        return pl.Series(list(map(self.__getitem__, keys)), dtype=pl.UInt32)


def as_text(column: Column, value: Any) -> Any:
    """A column's value as text, or a list of texts for a collection; complex values are left out."""
    if not column.collection:
        return text(value)
    return [shown for item in value if (shown := text(item)) is not None]


def plain_strings(raws: Sequence[bytes]) -> pl.Series | None:
    """Texts of JSON strings, null where absent; None when one of them is escaped, no string, or not UTF-8."""
    found = pl.Series("raw", raws, dtype=pl.Binary).cast(pl.String, strict=False)
    quoted = found.str.starts_with('"') & found.str.ends_with('"')
    plain = (quoted & ~found.str.contains("\\", literal=True)) | (found == "")
    if not plain.fill_null(value=False).all():
        return None
    is_there = found != ""
    return found.str.strip_chars('"').to_frame().select(pl.when(is_there).then("raw")).to_series()
