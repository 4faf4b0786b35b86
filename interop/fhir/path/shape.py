"""What an expression can yield, from `r4-elements.csv`: types, repetition, choice elements."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from interop.errors import MappingError
from interop.fhir.elements import PRIMITIVES, Element, child
from interop.fhir.path.boundary import form
from interop.fhir.path.functions import FUNCTIONS
from interop.fhir.path.nodes import (
    Binary,
    Call,
    Choice,
    Index,
    Literal,
    Member,
    Negative,
    Node,
    Nothing,
    OfType,
    Resource,
    RowIndex,
    Temporal,
    This,
    Value,
)


class Shape(msgspec.Struct, frozen=True):
    """Types that items may have (FHIR type paths, () when not known), and whether there may be several."""

    types: tuple[str, ...] = ()
    many: bool = True


class Resolved(msgspec.Struct, frozen=True):
    """An expression with its choice elements named, its shape, and its paths that FHIR R4 does not have."""

    node: Node
    shape: Shape
    unknown: tuple[str, ...] = ()


BOOLEAN = Shape(("boolean",), many=False)
_TEXTS = ("join", "toString", "lower", "upper", "trim", "getResourceKey")
_RESULTS = {
    **dict.fromkeys(
        ("exists", "empty", "all", "not", "hasValue", "startsWith", "endsWith", "contains"), BOOLEAN
    ),
    **dict.fromkeys(("count", "length"), Shape(("integer",), many=False)),
    **dict.fromkeys(_TEXTS, Shape(("string",), many=False)),
}
_FIRST_OF_MANY = frozenset({"first", "last", "single"})
_BOUNDARIES = frozenset({"lowBoundary", "highBoundary"})
_DATES = frozenset({"date", "dateTime", "instant", "time"})
_OPEN = frozenset({"Resource", "DomainResource"})  # types whose children depend on the data
_PER_ITEM = frozenset(name for name, function in FUNCTIONS.items() if function.per_item)


def resolve(node: Node, focus: Shape, *, resource: str) -> Resolved:
    """The expression on a focus, with ``value`` and ``value.ofType(T)`` named as FHIR R4 does.

    `resource` is the type of the view's resource.
    """
    return _RESOLVE[type(node)](node, focus, resource)


def is_complex(shape: Shape) -> bool:
    """True when the types are known and not all of them are primitive."""
    return bool(shape.types) and not PRIMITIVES.issuperset(shape.types)


def _this(node: This, focus: Shape, _: str) -> Resolved:
    return Resolved(node, focus)


def _resource(node: Resource, _: Shape, resource: str) -> Resolved:
    return Resolved(node, Shape((resource,), many=False))


def _row_index(node: RowIndex, _: Shape, __: str) -> Resolved:
    return Resolved(node, Shape(("integer",), many=False))


def _nothing(node: Nothing, _: Shape, __: str) -> Resolved:
    return Resolved(node, Shape(many=False))


def _literal(node: Literal, _: Shape, __: str) -> Resolved:
    return Resolved(node, Shape((_type(node.value),), many=False))


def _type(value: Value) -> str:
    if isinstance(value, Temporal):
        return form(value)
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "decimal" if isinstance(value, Decimal) else "integer"


def _of_type(node: OfType, focus: Shape, resource: str) -> Resolved:
    base = resolve(node.base, focus, resource=resource)
    return Resolved(OfType(base.node, node.type), Shape((node.type,), base.shape.many), base.unknown)


def _index(node: Index, focus: Shape, resource: str) -> Resolved:
    base, at = (resolve(part, focus, resource=resource) for part in (node.base, node.position))
    return Resolved(Index(base.node, at.node), Shape(base.shape.types, many=False), base.unknown + at.unknown)


def _negative(node: Negative, focus: Shape, resource: str) -> Resolved:
    operand = resolve(node.operand, focus, resource=resource)
    return Resolved(Negative(operand.node), operand.shape, operand.unknown)


def _elements(types: Iterable[str], name: str) -> list[Element]:
    found = (child("Element" if type_ in PRIMITIVES else type_, name) for type_ in types)
    return [element for element in found if element is not None]


def _unknown(base: Resolved, name: str) -> tuple[str, ...]:
    types = [type_ for type_ in base.shape.types if type_ not in _OPEN]
    return (*base.unknown, f"{types[0]}.{name}") if types else base.unknown


def _member(node: Member, focus: Shape, resource: str) -> Resolved:
    base, name = resolve(node.base, focus, resource=resource), node.name
    found = _elements(base.shape.types, name)
    if not found:
        return Resolved(Member(base.node, name), Shape(), _unknown(base, name))
    shape = Shape(
        tuple(dict.fromkeys(element.inside(type_) for element in found for type_ in element.types)),
        base.shape.many or any(element.many for element in found),
    )
    choices = tuple(dict.fromkeys(type_ for element in found if element.is_choice for type_ in element.types))
    named = Choice(base.node, name, choices) if choices else Member(base.node, name)
    return Resolved(named, shape, base.unknown)


def _choice(node: Choice, focus: Shape, resource: str) -> Resolved:
    base, name, types = resolve(node.base, focus, resource=resource), node.name, node.types
    found = _elements(base.shape.types, name)
    if not found:
        return Resolved(Choice(base.node, name, types), Shape(types), _unknown(base, name))
    element, many = found[0], base.shape.many or found[0].many
    asked = f"{name}.ofType({types[0]})"
    if element.is_choice:
        unknown = base.unknown if set(types) <= set(element.types) else _unknown(base, asked)
        return Resolved(Choice(base.node, name, types), Shape(types, many), unknown)
    member = Member(base.node, name)
    if set(element.types) & _OPEN:
        return Resolved(OfType(member, types[0]), Shape(types, many), base.unknown)
    unknown = base.unknown if types[0] in element.types else _unknown(base, asked)
    return Resolved(member, Shape(tuple(element.inside(type_) for type_ in element.types), many), unknown)


def _binary(whole: Binary, focus: Shape, resource: str) -> Resolved:
    left, right = (resolve(part, focus, resource=resource) for part in (whole.left, whole.right))
    operator, unknown = whole.operator, left.unknown + right.unknown
    node = Binary(operator, left.node, right.node)
    if operator == "|":
        known = bool(left.shape.types and right.shape.types)
        types = tuple(dict.fromkeys(left.shape.types + right.shape.types)) if known else ()
        return Resolved(node, Shape(types), unknown)
    if operator in ("+", "-", "*", "/", "div", "mod"):
        return Resolved(node, Shape(left.shape.types, many=False), unknown)
    return Resolved(node, Shape(("string",), many=False) if operator == "&" else BOOLEAN, unknown)


def _call(node: Call, focus: Shape, resource: str) -> Resolved:
    base = resolve(node.base, focus, resource=resource)
    inner = Shape(base.shape.types, many=False) if node.function in _PER_ITEM else focus
    arguments = [resolve(argument, inner, resource=resource) for argument in node.arguments]
    unknown = base.unknown + tuple(path for argument in arguments for path in argument.unknown)
    call = Call(base.node, node.function, tuple(argument.node for argument in arguments))
    if node.function in _BOUNDARIES:
        call = Call(call.base, call.function, (*_date_type(node.function, base.shape), *call.arguments))
    return Resolved(
        call, _result(node.function, base.shape, [argument.shape for argument in arguments]), unknown
    )


def _date_type(function: str, shape: Shape) -> tuple[Node, ...]:
    """The type of a date or time as an argument, since the text of a date is that of a dateTime too."""
    types = [type_ for type_ in shape.types if type_ in _DATES]
    if len(types) > 1:
        raise MappingError(f"{function}() needs one type, found {'|'.join(types)}; add .ofType({types[0]})")
    return (Literal(types[0]),) if types else ()


def _result(function: str, base: Shape, arguments: list[Shape]) -> Shape:
    if function in _RESULTS:
        return _RESULTS[function]
    if function in _FIRST_OF_MANY or function in _BOUNDARIES:
        return Shape(base.types, many=False)
    if function == "getReferenceKey":
        return Shape(("string",), base.many)
    if function == "select":
        return Shape(arguments[0].types)
    if function == "iif":
        known = all(shape.types for shape in arguments[1:])
        return Shape(
            tuple(dict.fromkeys(type_ for shape in arguments[1:] for type_ in shape.types)) if known else ()
        )
    return base


_RESOLVE: Mapping[type[Node], Callable[[Any, Shape, str], Resolved]] = MappingProxyType(
    {
        This: _this,
        Resource: _resource,
        RowIndex: _row_index,
        Literal: _literal,
        Nothing: _nothing,
        Member: _member,
        Choice: _choice,
        OfType: _of_type,
        Index: _index,
        Negative: _negative,
        Binary: _binary,
        Call: _call,
    }
)
