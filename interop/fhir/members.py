"""JSON names below a FHIR R4 type (2.6.2): of a choice one for each type, of a primitive also `_name`."""

from collections.abc import Mapping
from functools import cache

import msgspec

from interop.fhir.elements import PRIMITIVES, Element, child, is_resource, names


class Member(msgspec.Struct, frozen=True):
    """What a JSON name stands for below a type.

    `name` is the element's name in FHIRPath, `type` its FHIR type (of a primitive's companion ``Element``),
    `kind` the type path under which its own children are found, `choice` the element when it is a choice.
    """

    name: str
    type: str
    kind: str
    many: bool
    choice: str | None = None

    @property
    def is_primitive(self) -> bool:
        """Whether the value itself is text, a number or a boolean."""
        return self.type in PRIMITIVES


class Kind(msgspec.Struct, frozen=True):
    """A type path: its members by JSON name, and for each required element the names that it may have."""

    members: Mapping[str, Member]
    required: Mapping[str, frozenset[str]]


@cache
def kind(path: str) -> Kind:
    """What may stand below a type path ("Observation", "Observation.component", "Quantity")."""
    members: dict[str, Member] = {}
    required: dict[str, frozenset[str]] = {}
    for name in dict.fromkeys((*names(path), *(names("BackboneElement") if "." in path else ()))):
        element = child(path, name)
        if element is None:
            continue
        own = _members(name, element)
        members |= own
        if element.needed and not name.startswith("_"):
            required[name] = frozenset(own)
    if is_resource(path):
        members["resourceType"] = Member("resourceType", "code", "code", many=False)
    elif "id" in members:  # the id of an element is a string (FHIR R4 2.24 Element)
        members["id"] = Member("id", "string", "string", many=False)
    return Kind(members, required)


def _members(name: str, element: Element) -> dict[str, Member]:
    found = {}
    choice = name if element.is_choice else None
    for type_ in element.types:
        json_name, of = element.name(type_), type_.removeprefix("#")
        found[json_name] = Member(name, of, element.inside(type_), element.many, choice)
        if of in PRIMITIVES:
            found[f"_{json_name}"] = Member(name, "Element", "Element", element.many, choice)
    return found
