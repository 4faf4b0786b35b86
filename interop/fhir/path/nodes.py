"""Nodes of a FHIRPath expression: frozen values, built by `parse`, read by `evaluate`, `shape`, `compile`."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from interop.fhir.elements import choice_name


class Temporal(str):
    """Text of a date, dateTime, instant or time in an expression; it compares by its own precision."""

    __slots__ = ()


Value = str | bool | int | Decimal


class Node(msgspec.Struct, frozen=True):
    """Any part of an expression."""


class This(Node, frozen=True):
    """The item that a path starts from: ``$this``, written or implied."""


class Resource(Node, frozen=True):
    """``%resource``: the resource that the view reads."""


class RowIndex(Node, frozen=True):
    """``%rowIndex``: 0-based index in the innermost forEach (SQL-on-FHIR v2)."""


class Literal(Node, frozen=True):
    """A value that stands in the expression."""

    value: Value


class Nothing(Node, frozen=True):
    """``{}``, the empty collection."""


class Constant(Node, frozen=True):
    """``%name``; a view replaces it by a Literal when it is loaded."""

    name: str


class Member(Node, frozen=True):
    """``base.name``."""

    base: Node
    name: str


class Choice(Node, frozen=True):
    """A choice element, ``value.ofType(Quantity)``, or ``value`` with all types it may have."""

    base: Node
    name: str
    types: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """JSON names of the element, one per type."""
        return tuple(choice_name(self.name, type_) for type_ in self.types)


class OfType(Node, frozen=True):
    """``base.ofType(Patient)`` where base is not a choice element; also a leading ``Patient``."""

    base: Node
    type: str


class Index(Node, frozen=True):
    """``base[position]``."""

    base: Node
    position: Node


class Call(Node, frozen=True):
    """``base.function(arguments)``."""

    base: Node
    function: str
    arguments: tuple[Node, ...] = ()


class Binary(Node, frozen=True):
    """``left operator right``."""

    operator: str
    left: Node
    right: Node


class Negative(Node, frozen=True):
    """``-operand``."""

    operand: Node


def children(node: Node) -> tuple[Node, ...]:
    """Direct parts of a node, in the order in which they are written."""
    match node:
        case Member(base) | Choice(base) | OfType(base) | Negative(base):
            return (base,)
        case Index(left, right) | Binary(_, left, right):
            return (left, right)
        case Call(base, _, arguments):
            return (base, *arguments)
    return ()


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its depth, without recursion."""
    stack = [(node, 1)]
    while stack:
        current, depth = stack.pop()
        yield current, depth
        stack.extend((part, depth + 1) for part in children(current))


def replace(node: Node, change: Callable[[Node], Node]) -> Node:
    """The expression with `change` applied to each node, inner nodes first."""
    match node:
        case Member(base, name):
            node = Member(replace(base, change), name)
        case Choice(base, name, types):
            node = Choice(replace(base, change), name, types)
        case OfType(base, type_):
            node = OfType(replace(base, change), type_)
        case Negative(operand):
            node = Negative(replace(operand, change))
        case Index(base, position):
            node = Index(replace(base, change), replace(position, change))
        case Binary(operator, left, right):
            node = Binary(operator, replace(left, change), replace(right, change))
        case Call(base, function, arguments):
            node = Call(replace(base, change), function, tuple(replace(part, change) for part in arguments))
    return change(node)
