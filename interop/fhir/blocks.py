"""Rows of a clause by compiled paths: what `clauses.clause_rows` gives, for clauses that are asked often."""

from collections.abc import Callable
from itertools import product
from typing import Any

from interop.fhir.clauses import (
    Clause,
    Columns,
    ForEach,
    Product,
    Row,
    Union,
    as_cell,
    beside,
    clause_rows,
    each,
)
from interop.fhir.path.compile import compile_path
from interop.fhir.path.evaluate import Scope

Rows = Callable[[list[Any], Scope], list[Row]]


def compile_clause(clause: Clause) -> Rows:
    """A function of focus and scope that gives what `clause_rows` gives."""
    match clause:
        case Columns(columns):
            paths = [(column, compile_path(column.path)) for column in columns]
            return lambda focus, scope: [Row(tuple([as_cell(c, path(focus, scope)) for c, path in paths]))]
        case Product(parts):
            inner = [compile_clause(part) for part in parts]
            return lambda focus, scope: [
                beside(rows) for rows in product(*(part(focus, scope) for part in inner))
            ]
        case Union(branches):
            inner = [compile_clause(branch) for branch in branches]
            return lambda focus, scope: [row for branch in inner for row in branch(focus, scope)]
        case ForEach(path, or_null, below):
            items, rows = compile_path(path), compile_clause(below)
            nothing: list[list[Any]] = [[]] if or_null else []
            return lambda focus, scope: each([[item] for item in items(focus, scope)] or nothing, rows, scope)
    return lambda focus, scope: clause_rows(clause, focus, scope)
