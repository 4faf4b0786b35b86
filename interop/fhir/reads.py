"""Which elements of resources some views read, as trees of JSON names."""

from collections.abc import Iterable, Mapping, Sequence

from interop.fhir.clauses import Clause, Columns, ForEach, Product, Repeat, Union
from interop.fhir.path.functions import FUNCTIONS
from interop.fhir.path.nodes import Binary, Call, Choice, Index, Literal, Member, Node, OfType, Resource, This
from interop.fhir.path.nodes import children as parts_of
from interop.fhir.view import View

# JSON names of the elements that are read below an element; an extension is known by its url.
Tree = dict[str, "Tree"]

_REFERENCE = ("reference", "type", "identifier")
_VALUE_OF_ITS_ARGUMENT = ("select", "iif")


def elements_read(views: Iterable[View]) -> Mapping[str, Tree]:
    """Elements that views read, by resource type, as trees of JSON names; the envelope is always read."""
    trees: dict[str, Tree] = {}
    for view in views:
        always: Tree = {
            "id": {},
            "implicitRules": {},
            "contained": {},
            "meta": {"versionId": {}, "lastUpdated": {}},
        }
        tree = trees.setdefault(view.resource, always)
        for condition in view.where:
            _mark(condition, [tree], tree)
        _mark_clause(view.clause, [tree], tree)
    return trees


def extension_name(url: object) -> str:
    """Name of an extension in a tree."""
    return f"extension('{url}')"


def _mark_clause(clause: Clause, focus: Sequence[Tree], root: Tree) -> None:
    match clause:
        case Columns(columns):
            for column in columns:
                _mark(column.path, focus, root)
        case Product(parts) | Union(parts):
            for part in parts:
                _mark_clause(part, focus, root)
        case ForEach(path, _, inner):
            _mark_clause(inner, _mark(path, focus, root), root)
        case Repeat(paths, inner):
            _mark_clause(inner, [tree for path in paths for tree in _mark(path, focus, root)], root)


def _mark(node: Node, focus: Sequence[Tree], root: Tree) -> Sequence[Tree]:  # noqa: C901, PLR0911  # one per kind of node
    """Note what an expression reads; returns where its value stands."""
    match node:
        case This():
            return focus
        case Resource():
            return [root]
        case Member(base, name):
            return [tree.setdefault(name, {}) for tree in _mark(base, focus, root)]
        case Choice(base):
            return [tree.setdefault(name, {}) for tree in _mark(base, focus, root) for name in node.names]
        case OfType(base):
            return _mark(base, focus, root)
        case Call(Member(base, "extension"), "extension", (Literal(url),)):
            return [tree.setdefault(extension_name(url), {}) for tree in _mark(base, focus, root)]
        case Call(base, function, arguments):
            return _mark_call(function, _mark(base, focus, root), arguments, focus, root)
        case Binary("|", left, right):
            return [*_mark(left, focus, root), *_mark(right, focus, root)]
        case Index(base, position):
            _mark(position, focus, root)
            return _mark(base, focus, root)
    for part in parts_of(node):
        _mark(part, focus, root)
    return []


def _mark_call(
    function: str, base: Sequence[Tree], arguments: Sequence[Node], focus: Sequence[Tree], root: Tree
) -> Sequence[Tree]:
    if function == "getReferenceKey":
        for tree in base:
            tree |= {name: tree.get(name, {}) for name in _REFERENCE}
            tree["identifier"] |= {"system": {}, "value": {}}
        return []
    inside = base if FUNCTIONS[function].per_item else focus
    given = [tree for argument in arguments for tree in _mark(argument, inside, root)]
    return given if function in _VALUE_OF_ITS_ARGUMENT else base
