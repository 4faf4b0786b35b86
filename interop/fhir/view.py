"""A SQL-on-FHIR v2 ViewDefinition: loaded strictly to clauses, run plainly, one resource after another."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from interop.errors import MappingError
from interop.fhir.clauses import Clause, Column, clause_columns, clause_rows
from interop.fhir.elements import is_resource
from interop.fhir.path.evaluate import Scope, evaluate
from interop.fhir.path.nodes import Constant, Literal, Node, Temporal, Value, replace
from interop.fhir.path.parser import parse
from interop.fhir.path.shape import Resolved, Shape, resolve
from interop.fhir.path.values import truth
from interop.fhir.selection import Reader, read_selects

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # SQL-on-FHIR v2 sql-name
_INTEGERS = frozenset({"Integer", "PositiveInt", "UnsignedInt"})
_TEMPORAL = frozenset({"Date", "DateTime", "Instant", "Time"})


class View(msgspec.Struct, frozen=True):
    """A view: resource type, filters and one clause.

    `unknown` are element paths in it that FHIR R4 does not have; they yield nothing.
    """

    name: str
    resource: str
    where: tuple[Node, ...]
    clause: Clause
    unknown: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns in the order of the output (SQL-on-FHIR v2, column ordering)."""
        return clause_columns(self.clause)

    @classmethod
    def load(
        cls,
        definition: Mapping[str, Any],
        *,
        constants: Mapping[str, str] | None = None,
        file: Path | str | None = None,
        line: int | None = None,
    ) -> "View":
        """A view from its JSON; `constants` replace the values of the view's own constants of the same name.

        Raises MappingError at `file`:`line` for what SQL-on-FHIR v2 forbids, a path that fails to parse,
        a column of a complex type, or a filter that is not a condition.
        """
        loader = _Loader(definition, constants or {}, file, line)
        root = Shape((loader.resource,), many=False)
        where = tuple(loader.condition(entry, root) for entry in loader.entries("where"))
        clause = read_selects(definition.get("select"), root, loader)
        names = [column.name for column in clause_columns(clause)]
        for name in names:
            if names.count(name) > 1:
                loader.fail(f'column "{name}" stands here twice; every column needs its own name')
        return cls(
            str(definition.get("name") or ""),
            loader.resource,
            where,
            clause,
            tuple(dict.fromkeys(loader.unknown)),
        )


def rows(view: View, resources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a view on decoded resources, values as decoded; other resource types give none.

    The plain reference of `columns.compile_view`. Raises MappingError when a column that is no collection
    gets several values.
    """
    names = [column.name for column in view.columns]
    found: list[dict[str, Any]] = []
    for resource in resources:
        if resource.get("resourceType") == view.resource and keeps(view.where, resource):
            produced = clause_rows(view.clause, [resource], Scope(resource))
            found.extend(dict(zip(names, row.values, strict=True)) for row in produced)
    return found


def keeps(where: Sequence[Node], resource: Mapping[str, Any]) -> bool:
    """True when every filter is true for a resource; empty is not true."""
    scope = Scope(resource)
    return all(truth(evaluate(condition, [resource], scope)) is True for condition in where)


class _Loader(Reader):
    """Reads paths with the view's constants, for one definition in one place."""

    def __init__(
        self,
        definition: Mapping[str, Any],
        constants: Mapping[str, str],
        file: Path | str | None,
        line: int | None,
    ) -> None:
        self.definition, self.file, self.line = definition, file, line
        self.unknown: list[str] = []
        resource = definition.get("resource")
        if not isinstance(resource, str) or not is_resource(resource):
            self.fail(
                f"resource is {resource!r}; a view names one FHIR R4 resource type, such as Observation"
            )
        self.resource = resource
        self.constants = {
            name: self.constant(entry, name, constants) for name, entry in self.named_constants()
        }

    def fail(self, message: str) -> NoReturn:
        name = self.definition.get("name")
        raise MappingError(
            f'view "{name}": {message}' if name else f"view: {message}", file=self.file, line=self.line
        )

    def entries(self, key: str) -> list[Mapping[str, Any]]:
        found = self.definition.get(key, [])
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            self.fail(f"{key} must be a list of objects")
        return found

    def named_constants(self) -> list[tuple[str, Mapping[str, Any]]]:
        entries = self.entries("constant")
        for entry in entries:
            if not isinstance(entry.get("name"), str) or not _NAME.fullmatch(entry["name"]):
                self.fail(f"constant {entry.get('name')!r} needs a name of letters, digits and _")
        return [(entry["name"], entry) for entry in entries]

    def constant(self, entry: Mapping[str, Any], name: str, given: Mapping[str, str]) -> Value:
        """Value of a constant: its one ``value[x]``, or the text given from outside."""
        keys = [key for key in entry if key.startswith("value")]
        if len(keys) != 1 or not isinstance(entry[keys[0]], Value | float):
            self.fail(f'constant "{name}" needs one value, such as "valueString": "..."')
        value = given.get(name, entry[keys[0]])
        try:
            return typed_constant(keys[0].removeprefix("value"), value)
        except (ValueError, ArithmeticError):
            self.fail(f'constant "{name}": {value!r} is no {keys[0].removeprefix("value")}')

    def path(self, text: Any, focus: Shape, *, what: str) -> Resolved:
        if not isinstance(text, str) or not text.strip():
            self.fail(f"{what} must be a FHIRPath expression, found {text!r}")
        node = replace(parse(text, file=self.file, line=self.line), self.defined)
        try:
            resolved = resolve(node, focus, resource=self.resource)
        except MappingError as error:
            self.fail(f"path `{text}`: {error.message}")
        self.unknown.extend(resolved.unknown)
        return resolved

    def defined(self, node: Node) -> Node:
        """A constant's literal, any other node itself."""
        if not isinstance(node, Constant):
            return node
        if node.name not in self.constants:
            known = ", ".join(f"%{name}" for name in self.constants) or "none"
            self.fail(f"%{node.name} is not defined (constants of this view: {known})")
        return Literal(self.constants[node.name])

    def condition(self, entry: Mapping[str, Any], root: Shape) -> Node:
        resolved = self.path(entry.get("path"), root, what="where.path")
        types = resolved.shape.types
        if types and types != ("boolean",):
            self.fail(f"where `{entry['path']}` gives {'|'.join(types)}; add .exists() or a comparison")
        return resolved.node


def typed_constant(type_: str, value: Value | float) -> Value:
    """Value of a constant as its type says ("Integer", "String"): text becomes a number where it must.

    Raises ValueError or ArithmeticError when the text is none of the type.
    """
    if type_ == "Decimal":
        return Decimal(str(value))
    if type_ in _INTEGERS:
        return int(value)
    if type_ == "Boolean" and value in ("true", "false"):
        return value == "true"
    return Temporal(value) if type_ in _TEMPORAL else str(value) if isinstance(value, float) else value
