"""FHIRPath of what a view's column was read from in one row, with the places in lists (FHIR R4)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from interop.mapping.model import DomainMapping

INDEX = "index"  # what a chooser says of the place of the part that it chose
UNIT, UNIT_SENT, WRITTEN = "unit", "unit_sent", "written"  # what a chooser makes of a range, and made it of
READ = {UNIT: "select(low.code | high.code | low.unit | high.unit).first()", WRITTEN: "text"}


class Element(msgspec.Struct, frozen=True):
    """An element: resource type, the lists that the view goes through one by one, and the path behind them.

    `alias` is that of the join or child whose row holds it.
    """

    resource: str
    lists: Sequence[str]
    path: str
    alias: str = ""
    joined: bool = False
    others: "Sequence[Element]" = ()

    def at(self, *places: int | None) -> str:
        """The path, lists with their places (from 0) as far as those are known."""
        paths = list(dict.fromkeys(one.path_at(*places) for one in (self, *self.others)))
        inside = paths[0] if len(paths) == 1 else f"select({' | '.join(paths)})"
        return ".".join(filter(None, (self.resource, inside)))

    def path_at(self, *places: int | None) -> str:
        """The path without the resource type."""
        known = [*places, *([None] * len(self.lists))]
        named = [
            part if place is None else f"{part}[{place}]"
            for part, place in zip(self.lists, known, strict=False)
        ]
        return ".".join([*named, *([self.path] if self.path else [])])


def elements(mapping: DomainMapping, branch: int, constants: Mapping[str, str]) -> dict[str, Element]:
    """Elements of all columns that a row of a branch may read, by their names."""
    part = mapping.branches[branch]
    found = dict(_of_view(mapping, part.view, constants))
    for alias, child in part.children.items():
        own = dict(_of_view(mapping, child.view, constants, alias=alias))
        found |= {f"{alias}.{name}": element for name, element in own.items()}
        lists = max((element.lists for element in own.values()), key=len, default=())
        whole = Element(mapping.views[child.view].resource, lists, "", alias)
        found[alias] = whole
        for joined, join in child.join.items():
            view = _of_view(mapping, join.view, constants, alias=alias, joined=True)
            found |= {f"{alias}.{joined}.{name}": element for name, element in view}
        made = {name: msgspec.structs.replace(whole, path=path) for name, path in READ.items()}
        found |= {f"{alias}.{name}": element for name, element in made.items() if name not in own}
    for alias, join in mapping.joins.items():
        own = dict(_of_view(mapping, join.view, constants, alias=alias, joined=True))
        found |= {f"{alias}.{name}": element for name, element in own.items()}
    return found


def _of_view(
    mapping: DomainMapping, view: str, constants: Mapping[str, str], *, alias: str = "", joined: bool = False
) -> Iterator[tuple[str, Element]]:
    """Elements of a view's columns; a column that stands in several branches of a unionAll has them all."""
    definition, resource = mapping.definitions[view], mapping.views[view].resource
    values = {entry["name"]: _value(entry) for entry in definition.get("constant", [])}
    values |= {name: value for name, value in constants.items() if name in values}
    found: dict[str, Element] = {}
    for name, lists, path in _columns(definition["select"], ()):
        told = [_filled(part, values) for part in (*lists, path)]
        own = Element(resource, told[:-1], told[-1], alias, joined)
        before = found.get(name)
        found[name] = own if before is None else msgspec.structs.replace(before, others=(*before.others, own))
    yield from found.items()


def _columns(
    selects: Sequence[Mapping[str, Any]], before: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Every column of a ViewDefinition with the forEach around it, from the outside in, and its path."""
    for select in selects:
        each = select.get("forEach") or select.get("forEachOrNull")
        inside = (*before, each) if each else before
        for column in select.get("column", []):
            yield column["name"], inside, column["path"]
        yield from _columns([*select.get("select", []), *select.get("unionAll", [])], inside)


def _value(constant: Mapping[str, Any]) -> str:
    return next(str(value) for key, value in constant.items() if key.startswith("value"))


def _filled(path: str, values: Mapping[str, str]) -> str:
    """A path with the values of constants in their places."""
    for name in sorted(values, key=len, reverse=True):
        path = path.replace(f"%{name}", f"'{values[name]}'")
    return path
