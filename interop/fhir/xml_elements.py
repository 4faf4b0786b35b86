"""FHIR XML elements (R4 2.6.1) as the values that FHIR JSON (2.6.2) has for them; numbers keep their text.

`r4-elements.csv` says what XML does not: which elements repeat, which values are numbers or booleans.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any, Literal

import msgspec
from lxml import etree

from interop.fhir.elements import JSON_NUMBERS, PRIMITIVES, child, is_resource, names
from interop.fhir.json import TooDeep
from interop.issues import Issue, Location, Severity

FHIR, XHTML = "http://hl7.org/fhir", "http://www.w3.org/1999/xhtml"

Kind = Literal["text", "number", "boolean", "xhtml", "complex", "resource"]
Problem = Literal["unknown", "text", "several"]

# problem -> (rule, severity, FHIR R4 issue-type, what is wrong and what would be right)
PROBLEMS: Mapping[Problem, tuple[str, Severity, str, str]] = {
    "unknown": ("FHIR-READ-018", "warning", "structure", "not an element or attribute of FHIR R4; not used"),
    "text": ("FHIR-READ-019", "error", "structure", "text in an element; FHIR XML has it in `value`"),
    "several": ("FHIR-READ-020", "error", "structure", "stands several times where FHIR R4 has one at most"),
}

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "false": False}
_PREFIX = f"{{{FHIR}}}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_STRAY = etree.XPath("descendant-or-self::f:*/text()[normalize-space()]", namespaces={"f": FHIR})
_KEPT_LINES = 65_535
_STEPS = 100  # elements in which the next text is looked for
_LONGEST = 100  # characters of a path that an issue shows; the names in it are the sender's


class Member(msgspec.Struct, frozen=True):
    """A child element: JSON `name`, `path`, `kind` of value, type path of its children, whether `many`."""

    name: str
    path: str
    kind: Kind
    inside: str
    many: bool


class Findings:
    """What is wrong with the elements of one document: each problem and path once, counted.

    `pages` counts the further pages that a Bundle has elsewhere.
    """

    def __init__(self) -> None:
        self.pages = 0
        self._found: dict[tuple[Problem, str], list[int]] = {}

    def note(self, problem: Problem, path: str, line: int) -> None:
        """Count a problem at a path ("Patient.contact.name"); the line of the first is kept."""
        self._found.setdefault((problem, path[:_LONGEST]), [line, 0])[1] += 1

    def issues(self, file: str) -> list[Issue]:
        """Everything noted, in the order of first meeting."""
        return [
            Issue(rule, severity, code, message, Location(file=file, line=line, path=path), count=count)
            for (problem, path), (line, count) in self._found.items()
            for rule, severity, code, message in (PROBLEMS[problem],)
        ]


@cache
def members(path: str) -> Mapping[str, Member]:
    """Children of a type path ("Observation.component", "Quantity") by their tags.

    Empty for a type that FHIR R4 does not have. `id` and `Extension.url` are attributes and not among them.
    """
    own = dict.fromkeys((*names(path), *(names("BackboneElement") if "." in path else ())))
    attributes = {"url"} if path == "Extension" else set()
    attributes |= set() if is_resource(path) else {"id"}
    found: dict[str, Member] = {}
    for name in own.keys() - attributes:
        element = child(path, name)
        if element is not None:
            for type_ in element.types:
                json = element.name(type_)
                made = Member(json, f"{path}.{json}", _kind(type_), element.inside(type_), element.many)
                found[f"{{{XHTML if made.kind == 'xhtml' else FHIR}}}{made.name}"] = made
    return found


def _kind(type_: str) -> Kind:
    if type_ in ("xhtml", "boolean"):
        return "xhtml" if type_ == "xhtml" else "boolean"
    if type_ in PRIMITIVES:
        return "number" if type_ in JSON_NUMBERS else "text"
    return "resource" if type_ == "Resource" else "complex"


def resource_value(element: Any, *, found: Findings, depth: int) -> dict[str, Any]:
    """A resource element as a JSON object, `resourceType` first; numbers are `msgspec.Raw`.

    `found` takes what is wrong with it, `depth` is the levels of elements allowed. Raises TooDeep.
    """
    _note_texts(element, found)
    return _resource(element, found, depth)


def object_value(element: Any, path: str, *, found: Findings, depth: int) -> dict[str, Any]:
    """A complex element of a type path as a JSON object; otherwise as `resource_value`."""
    _note_texts(element, found)
    return _object(element, path, found, depth)


def _note_texts(element: Any, found: Findings) -> None:
    for text in _STRAY(element):
        parent = text.getparent()
        holder = parent.getparent() if text.is_tail else parent
        found.note("text", _local(holder.tag), line_of(holder))


def line_of(element: Any) -> int:
    """Line of an element, also beyond the 65,535 that libxml2 keeps for elements.

    From there on it says where the next text ends, which begins on the element's line where tags have none;
    65,535 where that text is far away.
    """
    line: int = element.sourceline
    node = element
    for _ in range(_STEPS):
        if line < _KEPT_LINES or node is None:
            break
        text = node.text or (None if len(node) else node.tail)
        if text:
            return line - int(text.count("\n"))
        node = node[0] if len(node) else node.getnext()
    return line


def _resource(element: Any, found: Findings, depth: int) -> dict[str, Any]:
    name = _local(element.tag)
    return {"resourceType": name, **_object(element, name, found, depth)}


def _object(element: Any, path: str, found: Findings, depth: int) -> dict[str, Any]:
    if depth <= 0:
        raise TooDeep("elements nested deeper than allowed")
    table = members(path)
    made: dict[str, Any] = _attributes(element, path, found)
    beside: dict[str, dict[int, Any]] = {}  # id and extensions of primitives, by name and position
    for item in element:
        member = table.get(item.tag)
        if member is None:
            _add_unknown(made, item, path, found, depth - 1)
            continue
        value, extra = _value(item, member, found, depth - 1)
        if value is not None or extra:
            at = _add(made, member, value, found, item)
            if extra:
                beside.setdefault(member.name, {})[at] = extra
    for name, extras in beside.items():
        _set_beside(made, name, extras)
    return made


def _value(element: Any, member: Member, found: Findings, depth: int) -> tuple[Any, Any]:
    """Value of an element, and what stands beside it when it is a primitive; null where there is none."""
    if member.kind == "complex":
        return _object(element, member.inside, found, depth) or None, None
    if member.kind == "resource":
        return _inner_resource(element, member, found, depth), None
    if member.kind == "xhtml":
        return _xhtml(element), None
    return _primitive(element, member, found, depth)


def _attributes(element: Any, path: str, found: Findings) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in element.items():
        if (name == "id" and not is_resource(path)) or (name == "url" and path == "Extension"):
            made[name] = value
        elif not name.startswith(_XSI):
            found.note("unknown", f"{path}.{_local(name)}", line_of(element))
    return made


def _primitive(element: Any, member: Member, found: Findings, depth: int) -> tuple[Any, Any]:
    """Value of a primitive, and its id and extensions."""
    items, kind = element.items(), member.kind
    value = extra = None
    if len(items) == 1 and items[0][0] == "value":
        value = items[0][1]
    elif items:
        given = dict(items)
        value = given.pop("value", None)
        extra = {"id": given.pop("id")} if "id" in given else {}
        for name in given:
            found.note("unknown", f"{member.path}.{_local(name)}", line_of(element))
    if len(element):
        extra = {**(extra or {}), **_extensions(element, member.path, found, depth)}
    if kind == "text" or value is None:
        return value, extra
    if kind == "boolean":
        return _BOOLEANS.get(value, value), extra
    return msgspec.Raw(value.encode()) if _JSON_NUMBER.fullmatch(value) else value, extra


def _extensions(element: Any, path: str, found: Findings, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in element:
        if item.tag == f"{_PREFIX}extension":
            made.setdefault("extension", []).append(_object(item, "Extension", found, depth))
        else:
            _add_unknown(made, item, path, found, depth)
    return made


def _add(made: dict[str, Any], member: Member, value: Any, found: Findings, item: Any) -> int:
    """Put a value in its place; returns its position among those of the name."""
    name = member.name
    if member.many:
        values = made.setdefault(name, [])
        values.append(value)
        return len(values) - 1
    if name in made:
        found.note("several", member.path, line_of(item))
    return _append(made, name, value)


def _append(made: dict[str, Any], name: str, value: Any) -> int:
    """Put a value behind those of its name, a list where there are several; returns its position."""
    if name not in made:
        made[name] = value
        return 0
    if not isinstance(made[name], list):
        made[name] = [made[name]]
    made[name].append(value)
    return len(made[name]) - 1


def _set_beside(made: dict[str, Any], name: str, extras: Mapping[int, Any]) -> None:
    """`_name`, the JSON form of what a primitive has beside its value; a list goes parallel to `name`."""
    values = made[name]
    if isinstance(values, list):
        made[f"_{name}"] = [extras.get(at) for at in range(len(values))]
        absent = not any(value is not None for value in values)
    else:
        made[f"_{name}"], absent = extras[0], values is None
    if absent:
        del made[name]


def _inner_resource(element: Any, member: Member, found: Findings, depth: int) -> dict[str, Any] | None:
    """The resource in `contained`, `Bundle.entry.resource` or `Parameters.parameter.resource`."""
    inner = [item for item in element if item.tag.startswith(_PREFIX)]
    if len(inner) > 1:
        found.note("several", member.path, line_of(element))
    return _resource(inner[0], found, depth) if inner else None


def _xhtml(element: Any) -> str:
    """Narrative as FHIR JSON has it: the text of the div, without prefixes or namespaces of its document."""
    copy = etree.Element(element.tag, attrib=element.attrib, nsmap={None: XHTML})
    copy.text = element.text
    copy.extend(deepcopy(element))
    text: str = etree.tostring(copy, encoding="unicode")
    return text


def _add_unknown(made: dict[str, Any], item: Any, path: str, found: Findings, depth: int) -> None:
    """Keep what FHIR R4 does not have under its own name, for the quarantine; no view can read it."""
    name = _local(item.tag)
    if members(path):
        found.note("unknown", f"{path}.{name}", line_of(item))
    elif not made:
        found.note("unknown", path, line_of(item))
    _append(made, name, _unknown(item, depth))


def _unknown(element: Any, depth: int) -> Any:
    if depth <= 0:
        raise TooDeep("elements nested deeper than allowed")
    value = element.get("value")
    if value is not None and not len(element):
        return value
    made: dict[str, Any] = {_local(name): text for name, text in element.items()}
    for item in element:
        _append(made, _local(item.tag), _unknown(item, depth - 1))
    return made


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
