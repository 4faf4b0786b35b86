"""The way back: a view's column path, turned round, says where in a resource its value is written."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal

import msgspec

from interop.errors import MappingError
from interop.fhir.elements import JSON_INTEGERS, JSON_NUMBERS, PRIMITIVES, Element, child, names
from interop.fhir.json import Number, dump
from interop.fhir.path.nodes import Binary, Call, Choice, Index, Member, Node, OfType, This, Value
from interop.fhir.path.nodes import Literal as Fixed
from interop.fhir.path.values import text
from interop.tables import suggestion

_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")  # FHIR R4 2.24.0.1, as JSON writes it
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)")
_BY_IDENTIFIER = "?identifier="

Form = Literal["element", "reference", "key"]


class Step(msgspec.Struct, frozen=True):
    """One element on the way: JSON name, whether a list, type path of its value, what its item must hold."""

    name: str
    many: bool
    type: str
    fixed: tuple[tuple["Target", str], ...] = ()


class Target(msgspec.Struct, frozen=True):
    """Where a value is written: the last step is the primitive itself.

    `form` is "reference" for the text of getReferenceKey(), "key" for that of getResourceKey().
    """

    steps: tuple[Step, ...]
    form: Form = "element"

    @property
    def type(self) -> str:
        """FHIR type of the primitive: "decimal", "code"."""
        return self.steps[-1].type

    def fits(self, value: str) -> bool:
        """True when the text can be a value of the type: a decimal must be a JSON number, and so on."""
        if self.type == "boolean":
            return value in ("true", "false")
        if self.type not in JSON_NUMBERS:
            return True
        return (_INTEGER if self.type in JSON_INTEGERS else _DECIMAL).fullmatch(value) is not None


def target(path: Node, *, type_path: str) -> Target:
    """The inverse of a column's path (resolved, as in `View.columns`).

    `type_path` is what the path starts from: "Observation", or "Observation.component" inside a forEach.
    Raises MappingError naming the part that has no inverse; such a column needs `put:` in the mapping.
    """
    if isinstance(path, Call) and path.function == "getResourceKey" and isinstance(path.base, This):
        return Target((_element_step("id", "id", child(type_path, "id")),), "key")
    if isinstance(path, Call) and path.function == "getReferenceKey":
        way = _way(path.base, type_path)
        if not way or way[-1].type != "Reference":
            raise MappingError("getReferenceKey() stands on something that is no Reference")
        return Target((*way, Step("reference", many=False, type="string")), "reference")
    way = _way(path, type_path)
    if not way or way[-1].type not in PRIMITIVES:
        raise MappingError(
            f"the path ends at {_type(way, type_path)}, which is no primitive; it cannot be written"
        )
    return Target(way)


def below(outer: Target | Sequence[Step], inner: Target) -> Target:
    """`inner` written inside the last element of `outer`: a forEach's path, then a column of it."""
    steps = outer.steps if isinstance(outer, Target) else tuple(outer)
    return Target((*steps, *inner.steps), inner.form)


def way(path: Node, *, type_path: str) -> tuple[Step, ...]:
    """Steps to an element that need not be a primitive, such as a forEach's; MappingError as `target`."""
    return _way(path, type_path)


def build(
    resource_type: str, fixed: Mapping[str, Any], values: Sequence[tuple[Target, str | None]]
) -> dict[str, Any]:
    """A resource of fixed elements and of texts at their targets; empty texts write nothing, no branch.

    Values that share steps, with the same fixed siblings, share the element. Members stand in the order of
    writing. Raises MappingError when two different values have one target, or a text does not fit its type.
    """
    resource: dict[str, Any] = {"resourceType": resource_type, **deepcopy(dict(fixed))}
    made: dict[tuple[Step, ...], dict[str, Any]] = {}
    for where, value in values:
        if value:
            _put(resource, where, value, made)
    return resource


def encode(resource: Mapping[str, Any]) -> bytes:
    """FHIR JSON of a resource, members in their own order, decimals with the text they have."""
    return dump(resource)


def _way(node: Node, type_path: str) -> tuple[Step, ...]:  # noqa: PLR0911  # one per kind of node
    match node:
        case This():
            return ()
        case OfType(This(), type_) if type_ == type_path:
            return ()
        case Member(base, name):
            return _member(_way(base, type_path), name, None, type_path)
        case Choice(base, name, types):
            if len(types) > 1:
                raise MappingError(
                    f"`{name}` may have {len(types)} types; name one: {name}.ofType({types[0]})"
                )
            return _member(_way(base, type_path), name, types[0], type_path)
        case Index(base, Fixed(0)) | Call(base, "first" | "single"):
            return _way(base, type_path)
        case Call(base, "extension", (Fixed(str(url)),)):
            before = _way(base, type_path)
            return _with_fixed(before, ((Target((Step("url", many=False, type="uri"),)), url),))
        case Call(base, "where", (condition,)):
            before = _way(base, type_path)
            return _with_fixed(before, _siblings(condition, _type(before, type_path)))
    raise MappingError(f"{_described(node)} has no inverse; the way back needs a put: path")


def _described(node: Node) -> str:
    match node:
        case Call(_, function, _):
            return f"{function}()"
        case Binary(operator, _, _):
            return f'the operator "{operator}"'
        case Index():
            return "an index other than [0]"
        case Fixed():
            return "a literal"
        case OfType(_, type_):
            return f"ofType({type_})"
    return f"{type(node).__name__}"


def _type(before: Sequence[Step], type_path: str) -> str:
    return before[-1].type if before else type_path


def _member(before: tuple[Step, ...], name: str, type_: str | None, type_path: str) -> tuple[Step, ...]:
    parent = _type(before, type_path)
    if parent in PRIMITIVES:
        if name != "extension" or before[-1].many:
            raise MappingError(f"`{before[-1].name}` is a {parent}; nothing can be written below it")
        # FHIR R4 2.6.2: the extensions of a primitive stand beside it
        before = (*before[:-1], Step(f"_{before[-1].name}", many=False, type="Element"))
        parent = "Element"
    element = child(parent, name)
    if element is None:
        raise MappingError(f'{parent} has no element "{name}" in FHIR R4{suggestion(name, names(parent))}')
    return (*before, _element_step(name, type_ or element.types[0], element))


def _element_step(name: str, type_: str, element: Element | None) -> Step:
    if element is None or type_ not in element.types:
        raise MappingError(f"`{name}` cannot be a {type_} in FHIR R4")
    return Step(element.name(type_), element.many, element.inside(type_))


def _with_fixed(before: tuple[Step, ...], siblings: tuple[tuple[Target, str], ...]) -> tuple[Step, ...]:
    if not before:
        raise MappingError("where() on the resource itself has no inverse")
    last = before[-1]
    return (*before[:-1], msgspec.structs.replace(last, fixed=(*last.fixed, *siblings)))


def _siblings(condition: Node, type_path: str) -> tuple[tuple[Target, str], ...]:
    match condition:
        case Binary("and", left, right):
            return (*_siblings(left, type_path), *_siblings(right, type_path))
        case Binary("=", Fixed(value), path) | Binary("=", path, Fixed(value)):
            return ((target(path, type_path=type_path), _text(value)),)
    raise MappingError(
        f"where() can be turned round only for element = literal, not for {_described(condition)}"
    )


def _text(value: Value) -> str:
    return text(value) or ""


def _put(
    resource: dict[str, Any], where: Target, value: str, made: dict[tuple[Step, ...], dict[str, Any]]
) -> None:
    owner = resource
    for at, step in enumerate(where.steps[:-1], start=1):
        path = where.steps[:at]
        if path not in made:
            made[path] = _enter(owner, step, list(made.values()))
        owner = made[path]
    _write(owner, where, value)


def _enter(owner: dict[str, Any], step: Step, made: Sequence[dict[str, Any]]) -> dict[str, Any]:
    item: dict[str, Any]
    if step.many:
        items = owner.setdefault(step.name, [])
        given = (one for one in items if not any(one is other for other in made))
        item = next((one for one in given if _holds(one, step)), {})
        if not item:
            items.append(item)
    else:
        item = owner.setdefault(step.name, {})
    own: dict[tuple[Step, ...], dict[str, Any]] = {}
    for sibling, value in step.fixed:
        _put(item, sibling, value, own)
    return item


def _holds(item: dict[str, Any], step: Step) -> bool:
    """True when a fixed list item holds the step's siblings already."""
    expected: dict[str, Any] = {}
    for sibling, value in step.fixed:
        _put(expected, sibling, value, {})
    return all(item.get(name) == value for name, value in expected.items())


def _write(owner: dict[str, Any], where: Target, value: str) -> None:
    step = where.steps[-1]
    if not where.fits(value):
        raise MappingError(f"a text that is no {where.type} cannot be written at {_dotted(where)}")
    if where.form == "reference" and _BY_IDENTIFIER in value:
        owner |= _by_identifier(value)
        return
    written = _json(where.type, value.rpartition("/")[2] if where.form == "key" else value)
    new = [written] if step.many else written
    if owner.setdefault(step.name, new) != new:
        raise MappingError(f"two different values are written at {_dotted(where)}")


def _dotted(where: Target) -> str:
    return ".".join(step.name for step in where.steps)


def _json(type_: str, value: str) -> Any:
    if type_ == "boolean":
        return value == "true"
    if type_ in JSON_INTEGERS:
        return int(value)
    return Number(value) if type_ == "decimal" else value


def _by_identifier(value: str) -> dict[str, Any]:
    type_, _, token = value.partition(_BY_IDENTIFIER)
    system, _, identifier = token.partition("|")
    stated = {"type": type_} if type_ else {}
    return stated | {"identifier": ({"system": system} if system else {}) | {"value": identifier}}
