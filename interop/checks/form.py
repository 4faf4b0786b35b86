"""FHIR JSON kept as it was written: members of an object in pairs, numbers as text (FHIR R4 2.6.2).

A usual decoder hides what a check is about: of a key that stands twice it keeps one.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

import msgspec

from interop.fhir.elements import PRIMITIVES, Element, child, is_resource, names


class Members(list[tuple[str, Any]]):
    """An object: its members in their order, a key as often as it was written."""


class Number(str):
    """A number, as it was written."""

    __slots__ = ()


FORM: Mapping[type, str] = {
    Members: "an object",
    list: "a list",
    str: "a string",
    Number: "a number",
    bool: "a boolean",
    type(None): "null",
}


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


_RAWS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"JSON has no {text}")


_DECODER = json.JSONDecoder(
    object_pairs_hook=Members, parse_float=Number, parse_int=Number, parse_constant=_no_number
)


def written(raw: bytes) -> Any:
    """Value of a JSON text with `Members` and `Number`; ValueError when it is not JSON."""
    return _DECODER.decode(raw.decode())


def members_of(raw: bytes) -> tuple[tuple[str, ...], Mapping[str, bytes]]:
    """Keys of a JSON object as often as they stand, and the bytes of each value (of two, the last).

    Raises ValueError when it is no object.
    """
    raws = {name: bytes(value) for name, value in _RAWS.decode(raw).items()}
    compact = 1 + sum(map(len, raws.values())) + sum(len(name.encode()) + 4 for name in raws)
    if len(raw) == compact:  # every byte is accounted for, so no key stands twice
        return tuple(raws), raws
    return tuple(name for name, _ in written(raw)), raws


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
