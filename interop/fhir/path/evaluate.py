"""The plain evaluator of FHIRPath: nodes over decoded JSON, one by one; the reference of the fast path.

Items are JSON values as decoded: text, bool, int, Decimal, dict. A primitive's extension is found in its
``_name`` sibling (FHIR R4 2.6.2) when the path asks for it directly: ``birthDate.extension(url)``.
"""

from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from interop.errors import MappingError
from interop.fhir.path.functions import FUNCTIONS, Items, one
from interop.fhir.path.nodes import (
    Binary,
    Call,
    Choice,
    Constant,
    Index,
    Literal,
    Member,
    Negative,
    Node,
    Nothing,
    OfType,
    Resource,
    RowIndex,
    This,
)
from interop.fhir.path.values import all_equal, contains, distinct, is_number, order, text, truth

_ARITHMETIC = Context(prec=28)


class Scope(msgspec.Struct, frozen=True):
    """What an expression sees besides its focus: the resource, and its index in the innermost forEach."""

    resource: Any
    row_index: int = 0


def evaluate(node: Node, focus: Items, scope: Scope) -> Items:
    """Value of an expression on a focus (the items that ``$this`` stands for), always a list.

    Raises MappingError where FHIRPath demands one value and the path gives several, or for an undefined
    ``%constant``.
    """
    return _EVALUATE[type(node)](node, focus, scope)


def members(items: Items, name: str) -> Items:
    """Children of a name, lists flattened, nulls left out."""
    found: Items = []
    for item in items:
        value = item.get(name) if isinstance(item, dict) else None
        if isinstance(value, list):
            found.extend(part for part in value if part is not None)
        elif value is not None:
            found.append(value)
    return found


def _member(node: Member, focus: Items, scope: Scope) -> Items:
    found = members(evaluate(node.base, focus, scope), node.name)
    return found + _beside(node.base, focus, scope) if node.name == "extension" else found


def _beside(node: Node, focus: Items, scope: Scope) -> Items:
    if not isinstance(node, Member | Choice):
        return []
    names = node.names if isinstance(node, Choice) else (node.name,)
    parents = evaluate(node.base, focus, scope)
    return [found for name in names for found in members(members(parents, f"_{name}"), "extension")]


def _choice(node: Choice, focus: Items, scope: Scope) -> Items:
    parents = evaluate(node.base, focus, scope)
    return [found for parent in parents for name in node.names for found in members([parent], name)]


def _of_type(node: OfType, focus: Items, scope: Scope) -> Items:
    items = evaluate(node.base, focus, scope)
    return [item for item in items if isinstance(item, dict) and item.get("resourceType") == node.type]


def _index(node: Index, focus: Items, scope: Scope) -> Items:
    items, position = evaluate(node.base, focus, scope), one(evaluate(node.position, focus, scope), "[]")
    return items[position : position + 1] if isinstance(position, int) and position >= 0 else []


def _call(node: Call, focus: Items, scope: Scope) -> Items:
    function = FUNCTIONS[node.function]
    items = evaluate(node.base, focus, scope)
    if function.per_item:
        return function.apply(items, [_argument(argument, scope) for argument in node.arguments])
    values = [evaluate(argument, focus, scope) for argument in node.arguments]
    return function.apply(items, [_fixed(value) for value in values])


def _fixed(value: Items) -> Callable[[Items], Items]:
    return lambda _: value


def _argument(node: Node, scope: Scope) -> Callable[[Items], Items]:
    return lambda items: evaluate(node, items, scope)


def _constant(node: Constant, _: Items, __: Scope) -> Items:
    raise MappingError(f"%{node.name} is not defined; name it in the view's constant")


def _negative(node: Negative, focus: Items, scope: Scope) -> Items:
    value = one(evaluate(node.operand, focus, scope), "-")
    return [-value] if is_number(value) else []


def _binary(node: Binary, focus: Items, scope: Scope) -> Items:
    left, right = evaluate(node.left, focus, scope), evaluate(node.right, focus, scope)
    return OPERATORS[node.operator](left, right)


def _known(value: bool | None) -> Items:  # noqa: FBT001  # the subject itself
    return [] if value is None else [value]


def _not_equal(left: Items, right: Items) -> Items:
    same = all_equal(left, right)
    return [] if same is None else [not same]


def _ordered(test: Callable[[int], bool]) -> Callable[[Items, Items], Items]:
    def apply(left: Items, right: Items) -> Items:
        found = order(one(left, "a comparison"), one(right, "a comparison"))
        return [] if found is None else [test(found)]

    return apply


def _and(left: Items, right: Items) -> Items:
    known = (truth(left), truth(right))
    return [False] if False in known else [] if None in known else [True]


def _or(left: Items, right: Items) -> Items:
    known = (truth(left), truth(right))
    return [True] if True in known else [] if None in known else [False]


def _xor(left: Items, right: Items) -> Items:
    known = (truth(left), truth(right))
    return [] if None in known else [known[0] != known[1]]


def _implies(left: Items, right: Items) -> Items:
    known = truth(left)
    return _or([] if known is None else [not known], right)


def _number(apply: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Items, Items], Items]:
    def calculate(left: Items, right: Items) -> Items:
        a, b = one(left, "arithmetic"), one(right, "arithmetic")
        if not is_number(a) or not is_number(b):
            return []
        return _whole(apply(Decimal(a), Decimal(b)), integers=isinstance(a, int) and isinstance(b, int))

    return calculate


def _whole(value: Decimal, *, integers: bool) -> Items:
    if not value.is_finite():
        return []  # FHIRPath N1 6.6: division by zero is empty
    return [int(value) if integers and value == value.to_integral_value() else value]


def _divided(apply: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Decimal, Decimal], Decimal]:
    return lambda a, b: apply(a, b) if b else Decimal("NaN")


def _plus(left: Items, right: Items) -> Items:
    a, b = one(left, "+"), one(right, "+")
    return [a + b] if isinstance(a, str) and isinstance(b, str) else _number(_ARITHMETIC.add)(left, right)


def _joined(left: Items, right: Items) -> Items:
    return [(text(one(left, "&")) or "") + (text(one(right, "&")) or "")]


OPERATORS: Mapping[str, Callable[[Items, Items], Items]] = MappingProxyType(
    {
        "=": lambda left, right: _known(all_equal(left, right)),
        "!=": _not_equal,
        "~": lambda left, right: [left == right or all_equal(left, right) is True],
        "!~": lambda left, right: [not (left == right or all_equal(left, right) is True)],
        "<": _ordered(lambda found: found < 0),
        "<=": _ordered(lambda found: found <= 0),
        ">": _ordered(lambda found: found > 0),
        ">=": _ordered(lambda found: found >= 0),
        "and": _and,
        "or": _or,
        "xor": _xor,
        "implies": _implies,
        "in": lambda left, right: [contains(right, one(left, "in"))] if left else [],
        "contains": lambda left, right: [contains(left, one(right, "contains"))] if right else [],
        "|": lambda left, right: distinct([*left, *right]),
        "+": _plus,
        "-": _number(_ARITHMETIC.subtract),
        "*": _number(_ARITHMETIC.multiply),
        "/": _number(_divided(_ARITHMETIC.divide)),
        "div": _number(_divided(_ARITHMETIC.divide_int)),
        "mod": _number(_divided(_ARITHMETIC.remainder)),
        "&": _joined,
    }
)

_EVALUATE: Mapping[type[Node], Callable[[Any, Items, Scope], Items]] = MappingProxyType(
    {
        This: lambda _, focus, __: focus,
        Resource: lambda _, __, scope: [scope.resource],
        RowIndex: lambda _, __, scope: [scope.row_index],
        Literal: lambda node, _, __: [node.value],
        Nothing: lambda _, __, ___: [],
        Constant: _constant,
        Member: _member,
        Choice: _choice,
        OfType: _of_type,
        Index: _index,
        Call: _call,
        Binary: _binary,
        Negative: _negative,
    }
)
