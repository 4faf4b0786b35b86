"""Where the values of a dataset's rows are written in FHIR: the columns of the mapping's views, turned round.

A variable's way back is its verb's own inverse, to which `put:` adds ``column: how``: ``value``, ``exact``,
``dateTime``, ``date``, ``reference``, ``=literal``, ``TABLE.target>column``, each optionally followed by
``if VARIABLE``, ``unless VARIABLE`` or ``if same as VARIABLE``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import polars as pl

from interop.errors import MappingError
from interop.fhir.clauses import Clause, Columns, ForEach, Product, Union
from interop.fhir.clauses import Column as ViewColumn
from interop.fhir.path.nodes import Call, Choice, Node
from interop.fhir.template import Step, Target, below, build, target, way
from interop.fhir.view import View
from interop.mapping.context import Context
from interop.mapping.model import DomainMapping, Variable
from interop.mapping.verbs import VERBS
from interop.mapping.verbs.dated import date_columns
from interop.tables import suggestion

T = TypeVar("T")
_TABLE = re.compile(r"[\w-]+\.\w+>\w+")
_HOW = re.compile(r"^(?P<kind>=.*?|[\w.>-]+?)(?: (?P<word>if same as|if|unless) (?P<other>\w+))?$")
DATES = frozenset({"dateTime", "date", "exact"})
KINDS = ("exact", "dateTime", "date", "reference")  # what a verb's own inverse may write


class Place(msgspec.Struct, frozen=True):
    """Where one column is written: in the main resource (alias "") or a joined one.

    `many` is true for a collection; `choice` is the choice element that the column decides, and its type;
    `contained` is what the list item refers to that is written.
    """

    alias: str
    target: Target
    many: bool
    choice: tuple[str, str] | None
    contained: Mapping[str, Any] | None = None


def places(mapping: DomainMapping) -> Mapping[str, Place]:
    """The columns of the main view and of what is joined to it that can be written; others have no place."""
    found = dict(_places("", mapping.main, ()))
    for join in mapping.joins.values():
        if join.put != "none":
            found |= {
                f"{join.alias}.{name}": place
                for name, place in _places(join.alias, mapping.views[join.view], ())
            }
    for alias, child in mapping.branches[0].children.items():
        view = mapping.views[child.view]
        if view.resource == mapping.main.resource:
            found |= {f"{alias}.{name}": place for name, place in _places("", view, ())}
    return found | _of_each(mapping)


def _of_each(mapping: DomainMapping) -> dict[str, Place]:
    """Places of ``alias.VALUE.column``: in the list item that refers to a contained resource of that name."""
    asked = [
        name.split(".", 1) for v in mapping.columns.values() for name in v.put or {} if name.count(".") > 1
    ]
    named = [(alias, *rest.rpartition(".")[::2]) for alias, rest in asked]
    number = {value: n for n, value in enumerate(sorted({value for _, value, _ in named}), start=1)}
    found: dict[str, Place] = {}
    for alias, value, column in named:
        child = mapping.branches[0].children.get(alias)
        if child is None or not child.put:
            continue
        known = dict(_places("", mapping.views[child.view], ()))
        ((reference, path),) = child.put.items()
        join, _, text = path.partition(".")
        inside = dict(_places("", mapping.views[child.join[join].view], ()))[text].target
        kind = mapping.views[child.join[join].view].resource
        identity = f"{join}-{number[value]}"
        if column in known:
            found[f"{alias}.{value}.{column}"] = msgspec.structs.replace(
                known[column],
                target=_in_item(known[column].target, known[reference].target, f"#{identity}"),
                contained={**build(kind, {"id": identity}, [(inside, value)])},
            )
    return found


def _in_item(where: Target, reference: Target, key: str) -> Target:
    """The target in the list item whose reference is a key."""
    at = next(n for n, step in enumerate(where.steps) if step.many)
    sibling = msgspec.structs.replace(reference, steps=reference.steps[at + 1 :])
    step = msgspec.structs.replace(where.steps[at], fixed=(*where.steps[at].fixed, (sibling, key)))
    return msgspec.structs.replace(where, steps=(*where.steps[:at], step, *where.steps[at + 1 :]))


def _places(alias: str, view: View, outer: tuple[Step, ...]) -> Sequence[tuple[str, Place]]:
    return list(_of_clause(alias, view.clause, view.resource, outer))


def _of_clause(
    alias: str, clause: Clause, type_path: str, outer: tuple[Step, ...]
) -> Sequence[tuple[str, Place]]:
    found: list[tuple[str, Place]] = []
    match clause:
        case Columns(columns):
            found += [(c.name, p) for c in columns if (p := _place(alias, c, type_path, outer)) is not None]
        case Product(parts):
            for part in parts:
                found += _of_clause(alias, part, type_path, outer)
        case ForEach(path, _, inner):
            steps = _or_none(lambda: way(path, type_path=type_path))
            if steps:
                found += _of_clause(alias, inner, steps[-1].type, (*outer, *steps))
        case Union(branches):
            found += _of_clause(alias, branches[0], type_path, outer)
    return found


def _place(alias: str, column: ViewColumn, type_path: str, outer: tuple[Step, ...]) -> Place | None:
    path = (
        column.path.base if isinstance(column.path, Call) and column.path.function == "first" else column.path
    )
    made = _or_none(lambda: target(path, type_path=type_path))
    if made is None:
        return None
    return Place(alias, below(outer, made) if outer else made, column.collection, _choice(column.path))


def _or_none(make: Callable[[], T]) -> T | None:
    """What `make` gives, or null where a path has no inverse: such a column is only read."""
    try:
        return make()
    except MappingError:
        return None


def _choice(path: Node) -> tuple[str, str] | None:
    """The choice element that a path goes through, nearest to the resource, and the type it takes."""
    found: tuple[str, str] | None = None
    node: Node | None = path
    while node is not None:
        if isinstance(node, Choice):
            found = (f"{node.base!r}.{node.name}", node.types[0])
        node = getattr(node, "base", None)
    return found


def written(
    mapping: DomainMapping, rows: pl.DataFrame, context: Context
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Column -> text per row, in the order of the variables; of a choice element the first type a row uses.

    Also what has no code to go back as: variable, value, count. Raises MappingError when `put` names a column
    that no view has or that has no inverse.
    """
    known = places(mapping)
    given: dict[str, pl.Series] = {}
    lost = [pl.DataFrame(schema={"variable": pl.String, "value": pl.String, "count": pl.UInt32})]
    for variable in mapping.columns.values():
        columns = _of_variable(variable, rows, context)
        lost.append(_unsaid(variable, rows, [texts for name, texts in columns.items() if name in known]))
        for name, texts in columns.items():
            if name not in known:
                if variable.put and name in variable.put:
                    near = suggestion(name, known)
                    raise MappingError(
                        f'{variable.name}: put: no column "{name}" that can be written{near}',
                        file=variable.file,
                        line=variable.line,
                    )
                continue
            given[name] = _added(given.get(name), texts, many=known[name].many)
    frame = pl.DataFrame(given, height=rows.height) if given else pl.DataFrame()
    return _one_choice(frame, known), pl.concat(lost)


def _unsaid(variable: Variable, rows: pl.DataFrame, columns: Sequence[pl.Series]) -> pl.DataFrame:
    """Values that no column says, of a variable that has a way back without conditions."""
    conditional = any(_how(how, variable)[1] for how in (variable.put or {}).values())
    values = rows[variable.name].alias("value")
    # what parts of a resource say is not worked out again of anything else
    of_parts = any(name.count(".") > 1 for name in variable.put or {})
    derived = VERBS[variable.verb].put is None and not of_parts
    if not columns or conditional or derived:
        values = values.clear()
    else:
        said = pl.select(pl.any_horizontal(column.is_not_null() for column in columns)).to_series()
        values = values.filter(~said & values.is_not_null())
    counted = values.to_frame().group_by("value", maintain_order=True).agg(count=pl.len())
    return counted.select(variable=pl.lit(variable.name), value="value", count="count").sort("value")


def _of_variable(variable: Variable, rows: pl.DataFrame, context: Context) -> Mapping[str, pl.Series]:
    if variable.put == {}:
        return {}
    verb = VERBS[variable.verb]
    hows = {name: _how(how, variable) for name, how in (variable.put or {}).items()}
    plain = msgspec.structs.replace(variable, put={name: kind for name, (kind, _, _) in hows.items()} or None)
    inverse = (
        date_columns if verb.put is None and DATES.intersection((plain.put or {}).values()) else verb.put
    )
    given = dict(inverse(rows, plain, context)) if inverse is not None else {}
    for name, (kind, word, other) in hows.items():
        if name not in given or kind not in KINDS:
            given[name] = _texts(kind, variable, rows, context)
        if word is not None:
            given[name] = given[name].zip_with(
                _mask(rows, variable, word, other), pl.Series([None], dtype=given[name].dtype)
            )
    return given


def check_put(variable: Variable) -> None:
    """Raise MappingError with file:line when `put` says something that is no way to write a value."""
    for how in (variable.put or {}).values():
        kind, _, _ = _how(how, variable)
        if kind not in (*KINDS, "value") and not kind.startswith("=") and not _TABLE.fullmatch(kind):
            near = suggestion(kind, (*KINDS, "value"))
            raise MappingError(
                f'{variable.name}: put cannot be "{kind}"{near} (known: value, {", ".join(KINDS)}, =literal, '
                "TABLE.target>column)",
                file=variable.file,
                line=variable.line,
            )


def _how(how: str, variable: Variable) -> tuple[str, str | None, str]:
    match = _HOW.match(how)
    if match is None:
        raise MappingError(
            f'{variable.name}: put cannot read "{how}"', file=variable.file, line=variable.line
        )
    return match["kind"], match["word"], match["other"] or ""


def _mask(rows: pl.DataFrame, variable: Variable, word: str, other: str) -> pl.Series:
    if word == "if same as":
        return (rows[variable.name] == rows[other]).fill_null(value=False)
    present = rows[other].is_not_null()
    return present if word == "if" else ~present


def _texts(kind: str, variable: Variable, rows: pl.DataFrame, context: Context) -> pl.Series:
    values = rows[variable.name]
    if kind == "value":
        return values
    if kind.startswith("="):
        literal = kind.removeprefix("=")
        return pl.select(pl.when(values.is_not_null()).then(pl.lit(literal))).to_series()
    table, _, rest = kind.partition(".")
    back, _, give = rest.partition(">")
    if table not in context.tables or not give:
        raise MappingError(f'{variable.name}: put cannot be "{kind}"', file=variable.file, line=variable.line)
    codes = {value: code for value, (_, code) in context.tables[table].reverse(back, give=give).items()}
    return values.replace_strict(codes, default=None, return_dtype=pl.String)


def _added(before: pl.Series | None, texts: pl.Series, *, many: bool) -> pl.Series:
    if not many:
        return texts if before is None else before.zip_with(before.is_not_null(), texts)
    listed = pl.select(pl.concat_list(pl.lit(texts))).to_series().list.drop_nulls()
    return (
        listed
        if before is None
        else pl.select(pl.concat_list(before, listed)).to_series().list.unique(maintain_order=True)
    )


def _one_choice(frame: pl.DataFrame, known: Mapping[str, Place]) -> pl.DataFrame:
    groups: dict[tuple[str, str], list[str]] = {}
    for name in frame.columns:
        choice = known[name].choice
        if choice is not None:
            groups.setdefault((known[name].alias, choice[0]), []).append(name)
    for names in groups.values():
        types = {name: str(known[name].choice) for name in names}
        winner = frame.select(
            pl.coalesce(pl.when(pl.col(n).is_not_null()).then(pl.lit(types[n])) for n in names).alias("w")
        )["w"]
        frame = frame.with_columns(
            pl.when(pl.lit(winner) == types[n]).then(pl.col(n)).alias(n) for n in names
        )
    return frame
