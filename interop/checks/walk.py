"""A resource, value by value, before the rules: what they find, with the FHIRPath of each place.

Members of resources repeat: what is found in one is kept by its bytes, so that a code or a reference range is
looked at once.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from interop.checks.fhir import legible  # and with it the rules are registered
from interop.checks.form import Members, Number, members_of, written
from interop.fhir.elements import is_resource
from interop.fhir.members import Member, kind
from interop.rules import breaches, rules_on

KEPT = 100_000  # members whose findings are kept by their bytes
KEPT_BYTES = 4096  # of one such member

_OBJECT, _VALUE, _MANY, _LIST, _RESOURCE, _TEXT = (
    rules_on(subject) for subject in ("object", "value", "many", "list", "resource", "text")
)


class _Entries(msgspec.Struct):
    entry: list[msgspec.Raw] = []


_ENTRIES = msgspec.json.Decoder(_Entries)


class Finding(msgspec.Struct, frozen=True):
    """A breach of a rule: its id, the FHIRPath below where the walk began, a detail without data."""

    rule: str
    path: str
    detail: str = ""


class Walk:
    """Looks through resources one after the other, and remembers what it has seen."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, bytes], tuple[Finding, ...]] = {}

    def resource(self, raw: bytes, resource_type: str) -> list[Finding]:
        """What the rules find in a resource; paths begin with its type (`Observation.code`).

        `raw` is its JSON, which a reader has decoded before.
        """
        if not is_resource(resource_type):
            return _below(legible(resource_type), breaches(_RESOURCE, resource_type, 0))
        return self._members(raw, resource_type, path=resource_type)

    def bundle(self, raw: bytes) -> list[Finding]:
        """What the rules find in a Bundle around its resources (`Bundle.entry[0].fullUrl`)."""
        found = self._members(raw, "Bundle", path="Bundle", leave="entry")
        for at, entry in enumerate(_ENTRIES.decode(raw).entry):
            if bytes(entry).startswith(b"{"):
                path = f"Bundle.entry[{at}]"
                found += self._members(bytes(entry), "Bundle.entry", path=path, leave="resource")
        return found

    def _members(self, raw: bytes, kind_: str, *, path: str, leave: str | None = None) -> list[Finding]:
        """What the rules find in the members of an object; one member may be left to others."""
        names, raws = members_of(raw)
        found = [Finding(rule, _joined(path, where), detail) for rule, where, detail in _keys(names, kind_)]
        known = kind(kind_).members
        for name in (name for name in raws if name in known and name != leave):
            inner = self._member(kind_, name, raws[name])
            found += [Finding(one.rule, f"{path}.{one.path}", one.detail) for one in inner]
        lists = {name: value for name, value in raws.items() if value.startswith(b"[")}
        if any(f"_{name}" in lists or b"null" in value for name, value in lists.items() if name != leave):
            found += _lists(path, kind_, {name: written(value) for name, value in lists.items()})
        return found

    def _member(self, kind_: str, name: str, raw: bytes) -> tuple[Finding, ...]:
        key = (kind_, name, raw)
        found = self._known.get(key)
        if found is None:
            member = kind(kind_).members[name]
            found = tuple(_values(written(raw), member, member.name, 0))
            if len(self._known) >= KEPT:
                self._known.clear()
            if len(raw) <= KEPT_BYTES:
                self._known[key] = found
        return found


@lru_cache(maxsize=10_000)
def _keys(names: tuple[str, ...], kind_: str) -> tuple[tuple[str, str, str], ...]:
    """What the rules find in the keys of an object: rule, element, detail."""
    found = []
    for rule, detail in breaches(_OBJECT, names, kind(kind_)):
        member = kind(kind_).members.get(detail)
        found.append((rule, member.name if member else "", detail))
    return tuple(found)


def _values(value: Any, member: Member, path: str, depth: int) -> Iterator[Finding]:
    """What the rules find in a member: in its list, in each of its values."""
    yield from _below(path, breaches(_MANY, value, member))
    if type(value) is list and value:
        for at, item in enumerate(value):
            if item is not None or not (member.is_primitive or member.type == "Element"):
                yield from _value(item, member, f"{path}[{at}]", depth)
    else:
        yield from _value(value, member, path, depth)


def _value(value: Any, member: Member, path: str, depth: int) -> Iterator[Finding]:
    yield from _below(path, breaches(_VALUE, value, member))
    if type(value) is Members:
        if not member.is_primitive:
            yield from _object(value, member.kind, path, depth)
    elif member.is_primitive and type(value) in (str, Number):
        yield from _below(path, breaches(_TEXT, str(value), member.type))


def _object(found: Members, kind_: str, path: str, depth: int) -> Iterator[Finding]:
    """What the rules find in an object below a resource; a contained resource is of the type that it says."""
    if kind_ == "Resource":
        kind_, depth = str(dict(found).get("resourceType")), depth + 1
        yield from _below(path, breaches(_RESOURCE, kind_, depth))
        if not is_resource(kind_):
            return
        found = Members(pair for pair in found if pair[0] != "resourceType")
    members = kind(kind_).members
    keys = tuple(name for name, _ in found)
    for rule, where, detail in _keys(keys, kind_):
        yield Finding(rule, _joined(path, where), detail)
    for name, value in found:
        if name in members:
            yield from _values(value, members[name], f"{path}.{members[name].name}", depth)
    yield from _lists(path, kind_, dict(found))


def _lists(path: str, kind_: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    """What the rules find in lists of primitives beside the lists of their extensions."""
    for name, member in kind(kind_).members.items():
        if member.is_primitive and type(values.get(name)) is list:
            extensions = values.get(f"_{name}")
            beside = extensions if type(extensions) is list else []
            yield from _below(f"{path}.{member.name}", breaches(_LIST, values[name], beside))


def _below(path: str, found: Iterator[tuple[str, str]]) -> list[Finding]:
    return [Finding(rule, path, detail) for rule, detail in found]


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if name else path
