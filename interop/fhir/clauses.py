"""The clauses of a SQL-on-FHIR v2 view and their rows: columns, product, forEach, repeat, unionAll."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import msgspec

from interop.errors import MappingError
from interop.fhir.path.evaluate import Scope, evaluate
from interop.fhir.path.functions import Items
from interop.fhir.path.nodes import Node
from interop.fhir.path.shape import Shape


class Column(msgspec.Struct, frozen=True):
    """A column: its path, the FHIR type it declares, whether it is a list, the shape known from FHIR R4."""

    name: str
    path: Node
    type: str | None
    collection: bool
    shape: Shape


class Clause(msgspec.Struct, frozen=True):
    """Any part of a view's select."""


class Columns(Clause, frozen=True):
    """Columns on the focus: one row."""

    columns: tuple[Column, ...]


class Product(Clause, frozen=True):
    """Parts side by side: every row of the first with every row of the next."""

    parts: tuple[Clause, ...]


class ForEach(Clause, frozen=True):
    """The inner clause on each item of a path; with `or_null`, once on nothing when there is no item."""

    path: Node
    or_null: bool
    inner: Clause


class Repeat(Clause, frozen=True):
    """The inner clause on each item that the paths reach, again and again, in document order."""

    paths: tuple[Node, ...]
    inner: Clause


class Union(Clause, frozen=True):
    """The rows of all branches, which have the same columns."""

    branches: tuple[Clause, ...]


class Row(msgspec.Struct, frozen=True):
    """Values in the order of the clause's columns; `index` in the innermost forEach, None outside of one."""

    values: tuple[Any, ...]
    index: int | None = None


def clause_columns(clause: Clause) -> tuple[Column, ...]:
    """Columns of a clause, in order."""
    match clause:
        case Columns(columns):
            return columns
        case Product(parts):
            return tuple(column for part in parts for column in clause_columns(part))
        case ForEach(_, _, inner) | Repeat(_, inner):
            return clause_columns(inner)
        case Union(branches):
            return clause_columns(branches[0])
    return ()


def clause_rows(clause: Clause, focus: Items, scope: Scope) -> list[Row]:
    """Rows of a clause on a focus; MappingError when a column that is no collection gets several values."""
    match clause:
        case Columns(columns):
            return [Row(tuple(column_value(column, focus, scope) for column in columns))]
        case Product(parts):
            return [beside(rows) for rows in product(*(clause_rows(part, focus, scope) for part in parts))]
        case Union(branches):
            return [row for branch in branches for row in clause_rows(branch, focus, scope)]
        case ForEach(path, or_null, inner):
            items = evaluate(path, focus, scope)
            return each(
                [[item] for item in items] or ([[]] if or_null else []), partial(clause_rows, inner), scope
            )
        case Repeat(paths, inner):
            return each(
                [[item] for item in _reached(paths, focus, scope)], partial(clause_rows, inner), scope
            )
    return []


def column_value(column: Column, focus: Items, scope: Scope) -> Any:
    """Value of a column on a focus: a list for a collection, else the one value or None."""
    return as_cell(column, evaluate(column.path, focus, scope))


def as_cell(column: Column, items: Items) -> Any:
    """Items as a column's value; MappingError for several in a column that is no collection."""
    if column.collection:
        return items
    if len(items) > 1:
        raise MappingError(
            f'column "{column.name}" got {len(items)} values of one resource; '
            "end its path with .first(), or set collection: true"
        )
    return items[0] if items else None


def beside(rows: tuple[Row, ...]) -> Row:
    """Rows of the parts of a product as one; the last index counts."""
    indices = [row.index for row in rows if row.index is not None]
    return Row(tuple(value for row in rows for value in row.values), indices[-1] if indices else None)


def each(focuses: list[Items], inner: Callable[[Items, Scope], list[Row]], scope: Scope) -> list[Row]:
    """Rows that `inner` gives on each focus; those that have no index get that of their focus."""
    found: list[Row] = []
    for index, focus in enumerate(focuses):
        within = Scope(scope.resource, index)
        rows = inner(focus, within)
        found.extend(row if row.index is not None else Row(row.values, index) for row in rows)
    return found


def _reached(paths: tuple[Node, ...], focus: Items, scope: Scope) -> Items:
    found: Items = []
    stack = [item for path in reversed(paths) for item in reversed(evaluate(path, focus, scope))]
    while stack:
        item = stack.pop()
        found.append(item)
        stack.extend(below for path in reversed(paths) for below in reversed(evaluate(path, [item], scope)))
    return found
