"""A ViewDefinition's select, read strictly into clauses (SQL-on-FHIR v2, ViewDefinition.select)."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from interop.fhir.clauses import Clause, Column, Columns, ForEach, Product, Repeat, Union, clause_columns
from interop.fhir.path.shape import Resolved, Shape, is_complex

MAX_DEPTH = 20  # selects within selects
_SQL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SELECT = (
    "column",
    "select",
    "forEach",
    "forEachOrNull",
    "repeat",
    "unionAll",
    "id",
    "extension",
    "modifierExtension",
)
_COLUMN = ("name", "path", "description", "collection", "type", "tag", "id", "extension", "modifierExtension")
_ITERATIONS = ("forEach", "forEachOrNull", "repeat")


class Reader(Protocol):
    """What reading a select needs: paths read in the view's context, and errors at the view's place."""

    def path(self, text: Any, focus: Shape, *, what: str) -> Resolved:
        """The resolved expression of a path on a focus."""

    def fail(self, message: str) -> NoReturn:
        """Raise MappingError."""


def read_selects(selects: Any, focus: Shape, reader: Reader, *, depth: int = 1) -> Clause:
    """Clause of a list of selects side by side; MappingError for an empty list or a wrong select."""
    if not isinstance(selects, list) or not selects:
        reader.fail("select must be a list with at least one entry")
    if depth > MAX_DEPTH:
        reader.fail(f"select is nested more than {MAX_DEPTH} deep")
    return _side_by_side(tuple(_select(select, focus, reader, depth) for select in selects))


def _side_by_side(parts: tuple[Clause, ...]) -> Clause:
    return parts[0] if len(parts) == 1 else Product(parts)


def _select(select: Any, focus: Shape, reader: Reader, depth: int) -> Clause:
    _known_keys(select, _SELECT, "select", reader)
    iterations = [key for key in _ITERATIONS if key in select]
    if len(iterations) > 1:
        reader.fail(f"{' and '.join(iterations)} stand in one select; nest one in the other")
    if not iterations:
        return _inner(select, focus, reader, depth)
    key = iterations[0]
    if key == "repeat":
        return _repeat(select, focus, reader, depth)
    path = reader.path(select[key], focus, what=key)
    inside = Shape(path.shape.types, many=False)
    return ForEach(path.node, key == "forEachOrNull", _inner(select, inside, reader, depth))


def _repeat(select: Mapping[str, Any], focus: Shape, reader: Reader, depth: int) -> Clause:
    texts = select["repeat"]
    if not isinstance(texts, list) or not texts:
        reader.fail("repeat must be a list of paths")
    paths = [reader.path(text, focus, what="repeat") for text in texts]
    types = tuple(dict.fromkeys(type_ for path in paths for type_ in path.shape.types))
    inner = _inner(select, Shape(types, many=False), reader, depth)
    return Repeat(tuple(path.node for path in paths), inner)


def _inner(select: Mapping[str, Any], focus: Shape, reader: Reader, depth: int) -> Clause:
    parts: list[Clause] = []
    if "column" in select:
        columns = select["column"]
        if not isinstance(columns, list) or not columns:
            reader.fail("column must be a list with at least one entry")
        parts.append(Columns(tuple(_column(column, focus, reader) for column in columns)))
    if "select" in select:
        parts.append(read_selects(select["select"], focus, reader, depth=depth + 1))
    if "unionAll" in select:
        parts.append(_union(select["unionAll"], focus, reader, depth))
    if not parts:
        reader.fail("a select needs column, select or unionAll")
    return _side_by_side(tuple(parts))


def _union(branches: Any, focus: Shape, reader: Reader, depth: int) -> Clause:
    if not isinstance(branches, list) or not branches:
        reader.fail("unionAll must be a list with at least one entry")
    if depth > MAX_DEPTH:
        reader.fail(f"select is nested more than {MAX_DEPTH} deep")
    read = tuple(_select(branch, focus, reader, depth + 1) for branch in branches)
    names = [[column.name for column in clause_columns(branch)] for branch in read]
    for other in names[1:]:
        if other != names[0]:
            reader.fail(
                f"branches of unionAll need equal columns: {', '.join(names[0])} is not {', '.join(other)}"
            )
    return Union(read)


def _column(column: Any, focus: Shape, reader: Reader) -> Column:
    _known_keys(column, _COLUMN, "column", reader)
    name, collection, type_ = column.get("name"), column.get("collection", False), column.get("type")
    if not isinstance(name, str) or not _SQL_NAME.fullmatch(name):
        reader.fail(f"column name {name!r} must be letters, digits and _, a letter first")
    if not isinstance(collection, bool):
        reader.fail(f'column "{name}": collection must be true or false')
    path = reader.path(column.get("path"), focus, what=f'path of column "{name}"')
    if is_complex(path.shape):
        types = "|".join(path.shape.types)
        reader.fail(
            f'column "{name}": `{column["path"]}` gives {types}; '
            "go on to a primitive element, or name a type with ofType()"
        )
    return Column(name, path.node, type_ if isinstance(type_, str) else None, collection, path.shape)


def _known_keys(part: Any, known: tuple[str, ...], what: str, reader: Reader) -> None:
    if not isinstance(part, dict):
        reader.fail(f"a {what} must be an object, found {part!r}")
    for key in part:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            reader.fail(f'unknown key "{key}" in a {what}' + (f'; did you mean "{near[0]}"?' if near else ""))
