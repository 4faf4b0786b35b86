"""The fast path of a view: raw elements in, polars columns out; each distinct value is resolved once.

What it adds to `view.rows` is the proof of `path.compile` that a part reads nothing but certain bytes, so it
need be evaluated on distinct bytes only.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
import polars as pl

from interop.fhir.blocks import Rows, compile_clause
from interop.fhir.clauses import (
    Clause,
    Column,
    Columns,
    ForEach,
    Product,
    Repeat,
    Union,
    as_cell,
    clause_columns,
)
from interop.fhir.distinct import Distinct, Element, as_text
from interop.fhir.elements import JSON_STRINGS
from interop.fhir.path.compile import compile_path, reads, required
from interop.fhir.path.evaluate import Scope
from interop.fhir.path.nodes import Binary, Call, Choice, Member, Node, This
from interop.fhir.path.values import truth
from interop.fhir.view import View

T = TypeVar("T")
Elements = Mapping[str, Element]

INDEX = "_index"
ROW = "_row"


class Scalars(msgspec.Struct, frozen=True):
    """Filters and columns outside of any forEach that depend on the same elements."""

    conditions: tuple[Node, ...]
    columns: tuple[Column, ...]
    distinct: Distinct


class Block(msgspec.Struct, frozen=True):
    """A forEach, repeat or unionAll: any number of rows per resource."""

    columns: tuple[Column, ...]
    distinct: Distinct


class Direct(msgspec.Struct, frozen=True):
    """A column that is a top-level string as it stands, or the resource key; `otherwise` if it is escaped."""

    column: Column
    element: str
    is_key: bool
    otherwise: Scalars


class CompiledView(msgspec.Struct, frozen=True):
    """A view ready for raw elements; `elements` are the top-level JSON names it reads, sorted."""

    view: View
    elements: tuple[str, ...]
    filters: tuple[Scalars, ...]
    scalars: tuple[Scalars, ...]
    directs: tuple[Direct, ...]
    blocks: tuple[Block, ...]

    def columns(
        self, elements: Mapping[str, Element | Sequence[bytes]], *, resource_type: str
    ) -> pl.DataFrame:
        """Columns of the view on resources of one type.

        `elements` maps each of `elements` to the resources' JSON bytes, b"" where absent (or to an `Element`,
        which views share); all are of one length, but that an element no resource has may be an empty list.
        `resource_type` is their type. Returns a String (a collection: List(String)) column per view column,
        `_row` (UInt32, position of the resource) and `_index` (UInt32, item of the innermost forEach or 0).
        Raises MappingError as `view.rows`.
        """
        own = {name: _element(elements[name]) for name in self.elements}
        n = len(own["id"].raws)
        kept = self._kept(own, n, resource_type)
        if kept.len() < n:
            mask = pl.repeat(False, n, eager=True).scatter(kept, True).to_list()  # noqa: FBT003  # polars' own words
            own = {name: element.only(mask) for name, element in own.items()}
        n = kept.len()
        found = pl.DataFrame({ROW: kept.cast(pl.UInt32), INDEX: pl.repeat(0, n, dtype=pl.UInt32, eager=True)})
        for part in self.scalars:
            found = found.with_columns(_scalars(part, own, n, resource_type))
        found = found.with_columns(_direct(part, own, n, resource_type) for part in self.directs)
        before = pl.int_range(n, eager=True)
        for block in self.blocks:
            found, before = _explode(found, before, block, own, n, resource_type)
        return found.select([column.name for column in self.view.columns] + [ROW, INDEX])

    def _kept(self, elements: Elements, n: int, resource_type: str) -> pl.Series:
        keep = pl.repeat(resource_type == self.view.resource, n, dtype=pl.Boolean, eager=True)
        for part in self.filters:
            numbers = part.distinct.numbers(elements, n, resource_type=resource_type)
            keep &= part.distinct.tables[0].gather(numbers)
        return keep.arg_true().cast(pl.Int64)


def _element(raws: Element | Sequence[bytes]) -> Element:
    return raws if isinstance(raws, Element) else Element(raws)


def compile_view(view: View) -> CompiledView:
    """The fast path of a view.

    Raises MappingError when an expression uses the whole resource as a value.
    """
    filters = _grouped([(reads(node).names, node) for entry in view.where for node in _operands(entry)])
    parts = list(_parts(view.clause))
    columns = [column for part in parts if isinstance(part, Columns) for column in part.columns]
    directs = [_as_direct(column) for column in columns]
    others = _grouped(
        [(reads(c.path).names, c) for c, direct in zip(columns, directs, strict=True) if direct is None]
    )
    blocks = tuple(_block(part) for part in parts if not isinstance(part, Columns))
    names = {"id"}.union(*filters, *others, *(block.distinct.elements for block in blocks))
    names.update(direct.element for direct in directs if direct)
    return CompiledView(
        view,
        tuple(sorted(names)),
        tuple(_scalar_part(elements, nodes, ()) for elements, nodes in filters.items()),
        tuple(_scalar_part(elements, (), found) for elements, found in others.items()),
        tuple(direct for direct in directs if direct),
        blocks,
    )


def _operands(node: Node) -> Iterator[Node]:
    if isinstance(node, Binary) and node.operator == "and":
        yield from _operands(node.left)
        yield from _operands(node.right)
    else:
        yield node


def _parts(clause: Clause) -> Iterator[Clause]:
    if isinstance(clause, Product):
        for part in clause.parts:
            yield from _parts(part)
    else:
        yield clause


def _grouped(pairs: Sequence[tuple[frozenset[str], T]]) -> dict[tuple[str, ...], tuple[T, ...]]:
    found: dict[tuple[str, ...], tuple[T, ...]] = {}
    for names, item in pairs:
        key = tuple(sorted(names))
        found[key] = (*found.get(key, ()), item)
    return found


def _dtype(column: Column) -> pl.DataType | type[pl.DataType]:
    return pl.List(pl.String) if column.collection else pl.String


def _scalar_part(elements: Sequence[str], conditions: Sequence[Node], columns: Sequence[Column]) -> Scalars:
    wanted = [compile_path(node) for node in conditions]
    paths = [(column, compile_path(column.path)) for column in columns]

    def resolve(resource: dict[str, Any]) -> list[tuple[Any, ...]]:
        focus, scope = [resource], Scope(resource)
        kept = (all(truth(condition(focus, scope)) is True for condition in wanted),) if wanted else ()
        return [(*kept, *[_shown(column, path(focus, scope)) for column, path in paths])]

    dtypes = [*([pl.Boolean] if conditions else []), *map(_dtype, columns)]
    texts = [None if conditions else required(column.path) for column in columns]
    needs = [] if None in texts else [text.encode() for text in texts if text]
    return Scalars(tuple(conditions), tuple(columns), Distinct(elements, resolve, dtypes, needs=needs))


def _shown(column: Column, items: list[Any]) -> Any:
    return as_text(column, as_cell(column, items)) if items or column.collection else None


def _block(clause: Clause) -> Block:
    columns = clause_columns(clause)
    return Block(
        columns,
        Distinct(
            sorted(clause_reads(clause)),
            partial(_block_rows, compile_clause(clause), columns),
            [*map(_dtype, columns), pl.UInt32],
        ),
    )


def _block_rows(rows: Rows, columns: Sequence[Column], resource: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (*(as_text(column, value) for column, value in zip(columns, row.values, strict=True)), row.index)
        for row in rows([resource], Scope(resource))
    ]


def clause_reads(clause: Clause, *, on_resource: bool = True) -> frozenset[str]:
    """Top-level JSON names that a clause reads; `on_resource` is False inside a forEach."""
    match clause:
        case Columns(columns):
            return frozenset().union(
                *(reads(column.path, on_resource=on_resource).names for column in columns)
            )
        case Product(parts) | Union(parts):
            return frozenset().union(*(clause_reads(part, on_resource=on_resource) for part in parts))
        case ForEach(path, _, inner):
            found = reads(path, on_resource=on_resource)
            return found.names | clause_reads(inner, on_resource=found.is_resource)
        case Repeat(paths, inner):
            names = frozenset[str]().union(*(reads(path, on_resource=on_resource).names for path in paths))
            return names | clause_reads(inner, on_resource=False)
    return frozenset()


def _as_direct(column: Column) -> Direct | None:
    if column.collection or column.shape.many or not JSON_STRINGS.issuperset(column.shape.types):
        return None
    match column.path:
        case Member(This(), name):
            element, is_key = name, False
        case Choice(This(), _, types) if len(types) == 1:
            element, is_key = column.path.names[0], False
        case Call(This(), "getResourceKey"):
            element, is_key = "id", True
        case _:
            return None
    return Direct(column, element, is_key, _scalar_part((element,), (), (column,)))


def _direct(part: Direct, elements: Elements, n: int, resource_type: str) -> pl.Series:
    element = elements[part.element]
    found = element.texts if element.raws else pl.repeat(None, n, dtype=pl.String, eager=True)
    if found is None:
        return _scalars(part.otherwise, elements, n, resource_type)[0]
    found = found.rename(part.column.name)
    if not part.is_key:
        return found
    id_ = pl.col(part.column.name)
    key = pl.when(id_.str.contains("/", literal=True)).then(id_).otherwise(f"{resource_type}/" + id_)
    return found.to_frame().select(key).to_series()


def _scalars(part: Scalars, elements: Elements, n: int, resource_type: str) -> list[pl.Series]:
    numbers = part.distinct.numbers(elements, n, resource_type=resource_type)
    tables = zip(part.columns, part.distinct.tables, strict=True)
    return [table.gather(numbers).alias(column.name) for column, table in tables]


def _explode(
    found: pl.DataFrame, before: pl.Series, block: Block, elements: Elements, n: int, resource_type: str
) -> tuple[pl.DataFrame, pl.Series]:
    """Each row so far with each row of a block; `before` is the resource of each row so far."""
    distinct = block.distinct
    numbers = distinct.numbers(elements, n, resource_type=resource_type).gather(before)
    spans = pl.DataFrame({"start": distinct.starts.gather(numbers), "count": distinct.counts.gather(numbers)})
    spans = spans.with_row_index("parent").filter(pl.col("count") > 0)
    ranges = pl.int_ranges("start", pl.col("start") + pl.col("count"))
    pairs = spans.select("parent", ranges.alias("item")).explode("item")
    parent, item = pairs["parent"], pairs["item"]
    *tables, index = [table.gather(item) for table in distinct.tables]
    named = [table.alias(column.name) for column, table in zip(block.columns, tables, strict=True)]
    grown = found[parent].with_columns(*named)
    return grown.with_columns(index.fill_null(0).alias(INDEX)), before.gather(parent)


def elements_of(views: Mapping[str, CompiledView]) -> dict[str, tuple[str, ...]]:
    """Top-level JSON names to decode per resource type, for all views together, sorted."""
    found: dict[str, set[str]] = {}
    for compiled in views.values():
        found.setdefault(compiled.view.resource, set()).update(compiled.elements)
    return {type_: tuple(sorted(names)) for type_, names in sorted(found.items())}
