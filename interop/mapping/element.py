"""FHIRPath of what a view's column was read from in one row, with the places in lists (FHIR R4)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from interop.mapping.model import DomainMapping
from interop.mapping.story import column_paths

INDEX = "index"  # what a chooser says of the place of the part that it chose
UNIT, UNIT_SENT, WRITTEN = "unit", "unit_sent", "written"  # what a chooser makes of a range, and made it of
READ = {UNIT: "select(low | high).select(code | unit)", WRITTEN: "text"}


class Element(msgspec.Struct, frozen=True):
    """An element: resource type, the lists that the view goes through one by one, and the path behind them.

    `alias` is that of the join or child whose row holds it.
    """

    resource: str
    lists: Sequence[str]
    path: str
    alias: str = ""
    joined: bool = False

    def at(self, *places: int | None) -> str:
        """The path, lists with their places (from 0) as far as those are known."""
        known = [*places, *([None] * len(self.lists))]
        named = [
            part if place is None else f"{part}[{place}]"
            for part, place in zip(self.lists, known, strict=False)
        ]
        return ".".join([self.resource, *named, *([self.path] if self.path else [])])


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
    definition = mapping.definitions[view]
    lists = dict(_lists(definition["select"], ()))
    for name, path in column_paths(definition, constants).items():
        before = ".".join(lists[name])
        own = path.removeprefix(f"{before}.") if before else path
        yield name, Element(mapping.views[view].resource, lists[name], own, alias, joined)


def _lists(
    selects: Sequence[Mapping[str, Any]], before: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The forEach of every column of a ViewDefinition, from the outside in."""
    for select in selects:
        each = select.get("forEach") or select.get("forEachOrNull")
        inside = (*before, each) if each else before
        for column in select.get("column", []):
            yield column["name"], inside
        yield from _lists([*select.get("select", []), *select.get("unionAll", [])], inside)
