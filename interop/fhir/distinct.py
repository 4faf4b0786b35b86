"""Parts of a view resolved once per distinct bytes of the elements they read, then gathered as columns."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import compress, repeat
from typing import Any

import polars as pl

from interop.fhir.clauses import Column
from interop.fhir.json import parse
from interop.fhir.path.values import text

CAP = 200_000  # distinct values kept before a part starts over; bounds its memory

Raws = Mapping[str, Sequence[bytes]]
Resolve = Callable[[dict[str, Any]], Sequence[tuple[Any, ...]]]


class Element:
    """A top-level element of some resources: its JSON bytes, each distinct one numbered once.

    `raws` holds b"" where a resource lacks it, and may be empty where no resource has the element.
    """

    def __init__(self, raws: Sequence[bytes]) -> None:
        self.raws = raws

    @cached_property
    def is_absent(self) -> bool:
        """Whether no resource has it."""
        return not any(self.raws)

    @cached_property
    def values(self) -> list[bytes]:
        """Distinct bytes."""
        return list(dict.fromkeys(self.raws))

    def may_hold(self, texts: Sequence[bytes]) -> bool:
        """Whether one of the texts may stand in it; an escape may hide any."""
        joined = b"\n".join(self.values)
        return b"\\" in joined or any(text in joined for text in texts)

    @cached_property
    def numbers(self) -> pl.Series:
        """Position in `values` of each resource's bytes."""
        at = {raw: number for number, raw in enumerate(self.values)}
        return pl.Series(list(map(at.__getitem__, self.raws)), dtype=pl.UInt32)

    @cached_property
    def texts(self) -> pl.Series | None:
        """The element as a text column, when all are plain JSON strings (see `plain_strings`)."""
        return plain_strings(self.raws)

    def only(self, mask: Sequence[bool]) -> "Element":
        """The element of the resources under a mask."""
        return Element([]) if self.is_absent else Element(list(compress(self.raws, mask)))


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


class Distinct(dict[tuple[bytes, ...], int]):
    """Distinct bytes -> number of their result; a result is any number of rows, the same columns in each.

    `elements` are the JSON names it depends on, `resolve` gives the rows of a decoded resource that has only
    these, `dtypes` are the types of the columns. With `needs`, bytes that hold none of these texts are known
    to give what an empty resource gives.
    """

    def __init__(
        self,
        elements: Sequence[str],
        resolve: Resolve,
        dtypes: Sequence[pl.DataType | type[pl.DataType]],
        *,
        needs: Sequence[bytes] = (),
    ) -> None:
        super().__init__()
        self.elements = tuple(elements)
        self._resolve, self._dtypes, self._needs = resolve, dtypes, tuple(needs)
        self._nothing = (b"",) * len(self.elements)
        self._resource_type = ""
        self._reset()

    def _reset(self) -> None:
        self.clear()
        self._rows = 0
        self.tables = [Table(dtype) for dtype in self._dtypes]
        self.starts, self.counts = Table(pl.Int64), Table(pl.Int64)

    def __missing__(self, key: tuple[bytes, ...]) -> int:
        if self._needs and key != self._nothing and not Element(key).may_hold(self._needs):
            return self[self._nothing]
        resource = {name: parse(raw) for name, raw in zip(self.elements, key, strict=True) if raw}
        rows = self._resolve({"resourceType": self._resource_type, **resource})
        for row in rows:
            for table, value in zip(self.tables, row, strict=True):
                table.fresh.append(value)
        self.starts.fresh.append(self._rows)
        self.counts.fresh.append(len(rows))
        self._rows += len(rows)
        number = self[key] = len(self)
        return number

    def numbers(self, elements: Mapping[str, Element], n: int, *, resource_type: str) -> pl.Series:
        """Number of the result of each of `n` resources; new bytes are resolved."""
        if len(self) > CAP or resource_type != self._resource_type:
            self._reset()
        self._resource_type = resource_type
        present = [name for name in self.elements if not elements[name].is_absent]
        if not present or (self._needs and not any(elements[name].may_hold(self._needs) for name in present)):
            return pl.repeat(self[self._nothing], n, dtype=pl.UInt32, eager=True)
        columns, numbers = _together([elements[name] for name in present])
        found = dict(zip(present, columns, strict=True))
        keys = zip(*(found.get(name) or repeat(b"") for name in self.elements), strict=False)
        return pl.Series([self[key] for key in keys], dtype=pl.UInt32).gather(numbers)


def _together(elements: Sequence[Element]) -> tuple[list[list[bytes]], pl.Series]:
    """Distinct combinations of some elements, a column each, and the combination of each resource."""
    if len(elements) == 1:
        return [elements[0].values], elements[0].numbers
    numbers = zip(*(element.numbers for element in elements), strict=True)
    distinct: dict[tuple[int, ...], int] = {}
    combined = [distinct.setdefault(key, len(distinct)) for key in numbers]
    columns = zip(*distinct, strict=True)
    values = [[e.values[n] for n in column] for e, column in zip(elements, columns, strict=True)]
    return values, pl.Series(combined, dtype=pl.UInt32)


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
