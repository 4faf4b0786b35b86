"""Values of FHIRPath collections: their text, equality, order and truth (FHIRPath N1 4.5, 6)."""

from decimal import Decimal
from typing import Any

from interop.fhir.path.nodes import Temporal
from interop.fhir.path.temporal import compare


def text(value: Any) -> str | None:
    """A primitive as FHIR JSON writes it ("1.50", "true"); None for a complex value."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(getattr(value, "text", value))
    return None


def is_number(value: Any) -> bool:
    """True for integers and decimals, not for booleans."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def equal(left: Any, right: Any) -> bool | None:
    """Equality of two values; None when their precisions leave it open."""
    if isinstance(left, str) and isinstance(right, str):
        if left == right or not (isinstance(left, Temporal) or isinstance(right, Temporal)):
            return left == right
        order = compare(left, right)
        return None if order is None else order == 0
    if is_number(left) and is_number(right):
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)


def order(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None when the two cannot be compared."""
    if isinstance(left, str) and isinstance(right, str):
        if isinstance(left, Temporal) or isinstance(right, Temporal):
            return compare(left, right)
        return (left > right) - (left < right)
    if is_number(left) and is_number(right):
        return int(left > right) - int(left < right)
    return None


def all_equal(left: list[Any], right: list[Any]) -> bool | None:
    """Equality of collections, in order; None when one is empty or a pair is open."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    pairs = [equal(a, b) for a, b in zip(left, right, strict=True)]
    return False if False in pairs else None if None in pairs else True


def contains(items: list[Any], value: Any) -> bool:
    """True when a value is among the items."""
    return any(equal(item, value) is True for item in items)


def distinct(items: list[Any]) -> list[Any]:
    """Items without repetitions, in order of first appearance."""
    found: list[Any] = []
    for item in items:
        if not contains(found, item):
            found.append(item)
    return found


def truth(items: list[Any]) -> bool | None:
    """A collection as a condition: one boolean is itself, another single value is true, none is None."""
    if len(items) != 1:
        return None if not items else False
    return items[0] if isinstance(items[0], bool) else True
