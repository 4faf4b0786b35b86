"""Functions of the FHIRPath subset: collections in, collection out (FHIRPath N1 5; SQL-on-FHIR v2)."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from interop.errors import MappingError
from interop.fhir.path.boundary import boundary
from interop.fhir.path.keys import reference_key, resource_key
from interop.fhir.path.values import distinct, text, truth

Items = list[Any]
Argument = Callable[[Items], Items]


class Function(msgspec.Struct, frozen=True):
    """A function: fewest and most arguments, and what it does to a collection.

    `per_item` functions evaluate arguments with each item as ``$this``, the others where the path began.
    """

    least: int
    most: int
    apply: Callable[[Items, Sequence[Argument]], Items]
    per_item: bool = False


def one(items: Items, asked: str) -> Any:
    """The only item, or None when there is none; several raise MappingError (FHIRPath N1 4.5)."""
    if len(items) > 1:
        raise MappingError(
            f"{asked} needs one value, the path gives {len(items)}; add .first(), or .where(...) before it"
        )
    return items[0] if items else None


def _where(items: Items, arguments: Sequence[Argument]) -> Items:
    return [item for item in items if truth(arguments[0]([item])) is True]


def _exists(items: Items, arguments: Sequence[Argument]) -> Items:
    return [bool(_where(items, arguments) if arguments else items)]


def _empty(items: Items, _: Sequence[Argument]) -> Items:
    return [not items]


def _all(items: Items, arguments: Sequence[Argument]) -> Items:
    return [len(_where(items, arguments)) == len(items)]


def _select(items: Items, arguments: Sequence[Argument]) -> Items:
    return [found for item in items for found in arguments[0]([item])]


def _first(items: Items, _: Sequence[Argument]) -> Items:
    return items[:1]


def _last(items: Items, _: Sequence[Argument]) -> Items:
    return items[-1:]


def _tail(items: Items, _: Sequence[Argument]) -> Items:
    return items[1:]


def _single(items: Items, _: Sequence[Argument]) -> Items:
    one(items, "single()")
    return items


def _skip(items: Items, arguments: Sequence[Argument]) -> Items:
    return items[max(_count(items, arguments), 0) :]


def _take(items: Items, arguments: Sequence[Argument]) -> Items:
    return items[: max(_count(items, arguments), 0)]


def _count(items: Items, arguments: Sequence[Argument]) -> int:
    number = one(arguments[0](items), "the number of items")
    return number if isinstance(number, int) else 0


def _size(items: Items, _: Sequence[Argument]) -> Items:
    return [len(items)]


def _distinct(items: Items, _: Sequence[Argument]) -> Items:
    return distinct(items)


def _not(items: Items, _: Sequence[Argument]) -> Items:
    known = truth(items)
    return [] if known is None else [not known]


def _join(items: Items, arguments: Sequence[Argument]) -> Items:
    separator = one(arguments[0](items), "join()") if arguments else ""
    return [(separator or "").join(shown for item in items if (shown := text(item)) is not None)]


def _iif(items: Items, arguments: Sequence[Argument]) -> Items:
    if truth(arguments[0](items)) is True:
        return arguments[1](items)
    return arguments[2](items) if len(arguments) > 2 else []  # noqa: PLR2004  # condition, then, otherwise


def _has_value(items: Items, _: Sequence[Argument]) -> Items:
    return [len(items) == 1 and not isinstance(items[0], dict)]


def _to_string(items: Items, _: Sequence[Argument]) -> Items:
    shown = text(one(items, "toString()"))
    return [] if shown is None else [shown]


def _extension(items: Items, arguments: Sequence[Argument]) -> Items:
    url = one(arguments[0](items), "extension()")
    return [item for item in items if isinstance(item, dict) and item.get("url") == url]


def _resource_key(items: Items, _: Sequence[Argument]) -> Items:
    keys = (resource_key(item) for item in items if isinstance(item, dict))
    return [key for key in keys if key is not None]


def _reference_key(items: Items, arguments: Sequence[Argument]) -> Items:
    type_ = one(arguments[0](items), "getReferenceKey()") if arguments else None
    keys = (reference_key(item, type_) for item in items if isinstance(item, dict))
    return [key for key in keys if key is not None]


def _texts(name: str, change: Callable[[str, str], Any]) -> Callable[[Items, Sequence[Argument]], Items]:
    def apply(items: Items, arguments: Sequence[Argument]) -> Items:
        subject = one(items, f"{name}()")
        other = one(arguments[0](items), f"{name}()") if arguments else ""
        return [change(subject, other)] if isinstance(subject, str) and isinstance(other, str) else []

    return apply


def _boundary(name: str, *, high: bool) -> Callable[[Items, Sequence[Argument]], Items]:
    """Of the arguments the text is the type, which `shape.resolve` states, and the number the precision."""

    def apply(items: Items, arguments: Sequence[Argument]) -> Items:
        asked = [one(argument(items), f"{name}()") for argument in arguments]
        type_ = next((value for value in asked if isinstance(value, str)), None)
        precision = next((value for value in asked if isinstance(value, int)), None)
        found = boundary(one(items, f"{name}()"), type_, precision, high=high)
        return [] if found is None else [found]

    return apply


FUNCTIONS: dict[str, Function] = {
    "where": Function(1, 1, _where, per_item=True),
    "exists": Function(0, 1, _exists, per_item=True),
    "all": Function(1, 1, _all, per_item=True),
    "select": Function(1, 1, _select, per_item=True),
    "iif": Function(2, 3, _iif, per_item=True),
    "empty": Function(0, 0, _empty),
    "first": Function(0, 0, _first),
    "last": Function(0, 0, _last),
    "tail": Function(0, 0, _tail),
    "single": Function(0, 0, _single),
    "skip": Function(1, 1, _skip),
    "take": Function(1, 1, _take),
    "count": Function(0, 0, _size),
    "distinct": Function(0, 0, _distinct),
    "not": Function(0, 0, _not),
    "join": Function(0, 1, _join),
    "hasValue": Function(0, 0, _has_value),
    "toString": Function(0, 0, _to_string),
    "extension": Function(1, 1, _extension),
    "getResourceKey": Function(0, 0, _resource_key),
    "getReferenceKey": Function(0, 1, _reference_key),
    "lowBoundary": Function(0, 1, _boundary("lowBoundary", high=False)),
    "highBoundary": Function(0, 1, _boundary("highBoundary", high=True)),
    "startsWith": Function(1, 1, _texts("startsWith", lambda text, other: text.startswith(other))),
    "endsWith": Function(1, 1, _texts("endsWith", lambda text, other: text.endswith(other))),
    "contains": Function(1, 1, _texts("contains", lambda text, other: other in text)),
    "lower": Function(0, 0, _texts("lower", lambda text, _: text.lower())),
    "upper": Function(0, 0, _texts("upper", lambda text, _: text.upper())),
    "trim": Function(0, 0, _texts("trim", lambda text, _: text.strip())),
    "length": Function(0, 0, _texts("length", lambda text, _: len(text))),
}
