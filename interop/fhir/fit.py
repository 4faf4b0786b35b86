"""Whether elements have the JSON form of their FHIR R4 types (2.6.2), as deep as views read them.

A text is a string, a number a number, a boolean a boolean, all else an object; a list stands only where the
element repeats. One value alone where a list is due means the same, and is taken. A typed decoder of msgspec
says yes at once; a walk over the value says no.
"""

from collections.abc import Mapping
from functools import reduce
from types import GenericAlias
from typing import Any

import msgspec

from interop.fhir.distinct import Element
from interop.fhir.elements import JSON_NUMBERS, JSON_STRINGS
from interop.fhir.json import parse
from interop.fhir.members import Member, kind
from interop.fhir.reads import Tree

_OURS = frozenset({"id", "meta", "resourceType", "contained", "implicitRules"})  # the reader's own concern


class Fit:
    """The forms of the elements that views read, by resource type; `trees` are those of `elements_read`."""

    def __init__(self, trees: Mapping[str, Tree]) -> None:
        self._members = {type_: _members(type_, tree) for type_, tree in trees.items()}
        self._decoders: dict[tuple[str, str], msgspec.json.Decoder[Any]] = {}

    def names(self, resource_type: str) -> tuple[str, ...]:
        """Top-level JSON names of a type whose form is known."""
        return tuple(self._members.get(resource_type, ()))

    def misfits(self, resource_type: str, name: str, element: Element) -> frozenset[bytes]:
        """Those bytes of a top-level element that have not its form."""
        is_text = self._members[resource_type][name][0].type in JSON_STRINGS
        if element.is_absent or (is_text and element.texts is not None):
            return frozenset()
        there = [raw for raw in element.values if raw]
        try:
            self._decoder(resource_type, name).decode(b"[" + b",".join(there) + b"]")  # all at once
        except msgspec.ValidationError:
            return frozenset(raw for raw in there if not self.fits(resource_type, name, raw))
        return frozenset()

    def fits(self, resource_type: str, name: str, raw: bytes) -> bool:
        """Whether the bytes of a top-level element have its form."""
        try:
            self._decoder(resource_type, name).decode(b"[" + raw + b"]")
        except msgspec.ValidationError:  # also for a number that no float holds
            return self.fits_value(resource_type, name, parse(raw))
        return True

    def _decoder(self, resource_type: str, name: str) -> msgspec.json.Decoder[Any]:
        """A decoder of a list of values of a top-level element."""
        decoder = self._decoders.get((resource_type, name))
        if decoder is None:
            typed: Any = GenericAlias(list, _typed(*self._members[resource_type][name]))
            decoder = self._decoders[resource_type, name] = msgspec.json.Decoder(typed)
        return decoder

    def fits_value(self, resource_type: str, name: str, value: object) -> bool:
        """The same of a value, as `parse` gives it: the plain way, which the typed decoder only hastens."""
        return _fits(value, *self._members[resource_type][name])


def _members(path: str, tree: Tree) -> dict[str, tuple[Member, Tree]]:
    """JSON names below a type path that are read, each with what it stands for and what is read below it."""
    known = kind(path).members
    found = {}
    for name, below in _plain(tree).items():
        if name in known and name not in _OURS:
            found[name] = known[name], below
            if known[name].is_primitive and below:
                found[f"_{name}"] = known[f"_{name}"], below
    return found


def _plain(tree: Tree) -> Tree:
    """A tree in which all extensions stand under their JSON name."""
    extensions = [below for name, below in tree.items() if name.startswith("extension(")]
    plain = {name: below for name, below in tree.items() if not name.startswith("extension(")}
    return {**plain, "extension": reduce(_merged, extensions)} if extensions else plain


def _merged(one: Tree, other: Tree) -> Tree:
    return {name: _merged(one.get(name, {}), other.get(name, {})) for name in {**one, **other}}


def _typed(member: Member, tree: Tree) -> Any:
    """The msgspec type of an element."""
    one: Any = _type_of_one(member, tree)
    return one | list[one | None] | None if member.many else one | None


def _type_of_one(member: Member, tree: Tree) -> Any:
    if member.is_primitive:
        return int | float if member.type in JSON_NUMBERS else bool if member.type == "boolean" else str
    fields = [(f"f{n}", _typed(*found), None) for n, found in enumerate(_members(member.kind, tree).values())]
    names = {f"f{n}": name for n, name in enumerate(_members(member.kind, tree))}
    return msgspec.defstruct("Element", fields, rename=names, gc=False)


def _fits(value: Any, member: Member, tree: Tree) -> bool:
    """The same, value by value."""
    if isinstance(value, list):
        return member.many and all(_fits_one(item, member, tree) for item in value)
    return _fits_one(value, member, tree)


def _fits_one(value: Any, member: Member, tree: Tree) -> bool:
    if value is None:
        return True
    if not member.is_primitive:
        return isinstance(value, dict) and all(
            _fits(value[name], *below) for name, below in _members(member.kind, tree).items() if name in value
        )
    if member.type in JSON_NUMBERS:
        return not isinstance(value, bool | str | dict | list)
    return isinstance(value, bool if member.type == "boolean" else str)
