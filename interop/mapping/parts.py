"""Repeating parts of a resource before one is chosen: what they refer to, and columns of their own."""

from collections.abc import Iterable, Mapping

import msgspec
import polars as pl

from interop.errors import MappingError
from interop.mapping.context import Column, Context, Problem, column, holds
from interop.mapping.model import Child, DomainMapping, Join, Variable
from interop.mapping.names import needs
from interop.mapping.verbs import VERBS
from interop.mapping.work import Work
from interop.tables import suggestion

Views = Mapping[str, pl.DataFrame]


def completed(work: Work, views: Views, context: Context) -> None:
    """Join to each child what its parts refer to, make its columns, and keep what its conditions let in."""
    for alias, child in work.mapping.branches[0].children.items():
        if child.join or child.columns or child.when or child.unless:
            work.children[alias] = _completed(work, work.children[alias], child, views, context)


def _completed(work: Work, parts: pl.DataFrame, child: Child, views: Views, context: Context) -> pl.DataFrame:
    parts = parts.join(work.frame.select("_at"), on="_at", how="semi", maintain_order="left")
    for join in child.join.values():
        parts = joined(parts, views[join.view], join, work.mapping, context)
    told: list[tuple[str, Problem]] = []
    for name, variable in child.columns.items():
        found = _made(parts, variable, context)
        parts = parts.with_columns(found.values.alias(name))
        told += [(name, p) for p in found.problems if name not in (*child.when, *child.unless)]
    kept = holds(parts, child.when, child.unless, context)
    for _, problem in told:
        _report(work, parts, problem, kept)
    return parts.filter(kept)


def _made(parts: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A column of the parts: the first of its alternatives that gives a value."""
    values = pl.Series([None], dtype=pl.String).new_from_index(0, parts.height)
    problems: list[Problem] = []
    for alternative in variable.alternatives:
        found = VERBS[alternative.verb].get(parts, alternative, context)
        mask = holds(parts, alternative.when, alternative.unless, context)
        values = values.zip_with(values.is_not_null() | ~mask, found.values)
        problems += [
            msgspec.structs.replace(p, rows=p.rows.fill_null(value=False) & mask) for p in found.problems
        ]
    lacking = values.is_null()
    return Column(values, problems=tuple(msgspec.structs.replace(p, rows=p.rows & lacking) for p in problems))


def _report(work: Work, parts: pl.DataFrame, problem: Problem, kept: pl.Series) -> None:
    """A problem of parts, told of the records that they are parts of."""
    value = problem.value if problem.value is not None else pl.repeat(None, parts.height, eager=True)
    bad = parts.select("_at", _value=value.cast(pl.String)).filter(problem.rows.fill_null(value=False) & kept)
    first = bad.unique("_at", keep="first", maintain_order=True)
    rows = work.frame.select("_at").join(first, on="_at", how="left", maintain_order="left")
    work.report(Problem(problem.rule, work.frame["_at"].is_in(first["_at"].implode()), rows["_value"]))


def joined(
    frame: pl.DataFrame, other: pl.DataFrame, join: Join, mapping: DomainMapping, context: Context
) -> pl.DataFrame:
    """The frame with the columns of another view's row under ``alias.``; MappingError where there are two."""
    keys = list(join.on.values())
    other = other.filter(pl.all_horizontal(pl.col(keys).is_not_null()))
    if join.choose is not None:
        other = other.sort(*next(iter(join.choose.values())), "_index").unique(
            keys, keep="first", maintain_order=True
        )
    elif other.select(keys).is_duplicated().any():
        raise MappingError(f"join {join.alias} finds two rows for one", file=mapping.file, line=join.line)
    on = [f"_on{n}" for n in range(len(keys))]
    asked = pl.DataFrame([column(frame, name, context).alias(o) for name, o in zip(join.on, on, strict=True)])
    named = other.with_columns(pl.col(key).alias(o) for key, o in zip(keys, on, strict=True))
    found = sent(asked.join(named, on=on, how="left", maintain_order="left").drop(on))
    return frame.hstack([values.alias(f"{join.alias}.{values.name}") for values in found])


def sent(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that some row has; `column` gives nulls for the others, which are most of a view's."""
    return frame.select(s for s in frame if s.name.startswith("_") or s.null_count() < s.len())


def check_parts(mapping: DomainMapping) -> None:
    """Raise MappingError with file:line for a name that a child's joins, columns or conditions lack."""
    for alias, child in mapping.branches[0].children.items():
        known = {column.name for column in mapping.views[child.view].columns}
        for name, join in child.join.items():
            if join.view not in mapping.views:
                near = suggestion(join.view, mapping.views)
                raise MappingError(
                    f'{alias}: no view "{join.view}"{near}', file=mapping.file, line=child.line
                )
            other = {column.name for column in mapping.views[join.view].columns}
            _require(join.on, known, alias, mapping, child.line)
            _require(join.on.values(), other, alias, mapping, child.line)
            known |= {f"{name}.{column}" for column in other}
        for name, variable in child.columns.items():
            for alternative in variable.alternatives:
                _require(needs(alternative), known, f"{alias}.{name}", mapping, alternative.line)
            known.add(name)
        _require([*child.when, *child.unless], known, alias, mapping, child.line)


def _require(names: Iterable[str], known: set[str], what: str, mapping: DomainMapping, line: int) -> None:
    for name in names:
        if name not in known:
            raise MappingError(
                f'{what}: no column "{name}"{suggestion(name, known)}', file=mapping.file, line=line
            )
