"""The rules of ``--rules fhir``: what makes JSON no legal FHIR R4 (2.6.2 JSON, 2.24 data types).

Subjects: `object` (its keys and its kind), `value` (one JSON value and what it stands for), `many` (the same,
before a list is taken apart), `text` (that of a primitive and its type), `list` (values of a primitive and
their extensions), `resource` (its type and how deep it is contained). Details hold names of
elements and no data.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import zip_longest
from typing import Any

from interop.checks.form import FORM, Members, Number
from interop.fhir.elements import JSON_NUMBERS, is_resource
from interop.fhir.members import Kind, Member
from interop.rules import rule

MOST_TEXT = 1 << 20  # characters of a string (R4 2.24: "SHALL NOT exceed 1MB")
MOST_DIGITS, MOST_EXPONENT = 18, 99
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

# FHIR R4 2.24, each in words of our own
_YEAR, _MONTH, _DAY = r"(?!0000)\d{4}", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_PATTERNS = {
    "date": re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?", re.ASCII),
    "dateTime": re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_TIME}{_ZONE})?)?)?", re.ASCII),
    "instant": re.compile(rf"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}", re.ASCII),
    "time": re.compile(_TIME, re.ASCII),
}
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_URIS = {
    **dict.fromkeys(("uri", "url", "canonical"), re.compile(r"\S*")),
    "oid": re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+", re.ASCII),
    "uuid": re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
}
_CODE = re.compile(r"\S+(?:\s\S+)*")
_LEAST = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ACTIVE = re.compile(
    r"<\s*(?:script|iframe|object|embed|applet|form|link|base|meta)\b"
    r"|<[^>]*\son[a-z]+\s*=|(?:href|src)\s*=\s*[\"']?\s*(?:javascript|vbscript):",
    re.IGNORECASE,
)


# ---------------------------------------------------------------- keys of an object


@rule("FHIR-JSON-001", on="object")
def duplicate_key(names: Sequence[str], _: Kind) -> Iterator[str]:
    """A key stands more than once."""
    yield from (legible(name) for name, times in Counter(names).items() if times > 1)


@rule("FHIR-ELEMENT-001", on="object")
def unknown_element(names: Sequence[str], kind: Kind) -> Iterator[str]:
    """A key is no element of the type."""
    yield from (legible(name) for name in dict.fromkeys(names) if name not in kind.members)


@rule("FHIR-ELEMENT-004", on="object")
def missing_element(names: Sequence[str], kind: Kind) -> Iterator[str]:
    """An element with a minimum of one is not there, nor its extensions."""
    yield from (name for name, ways in kind.required.items() if ways.isdisjoint(names))


@rule("FHIR-ELEMENT-005", on="object")
def several_choices(names: Sequence[str], kind: Kind) -> Iterator[str]:
    """A choice element is there with two types."""
    types: dict[str, set[str]] = {}
    for name in names:
        member = kind.members.get(name)
        if member is not None and member.choice:
            types.setdefault(member.choice, set()).add(name.removeprefix("_"))
    yield from (f"{choice}[x]" for choice, found in types.items() if len(found) > 1)


@rule("FHIR-EXTENSION-001", on="object")
def value_and_extensions(names: Sequence[str], kind: Kind) -> Iterator[str]:
    """An extension has both a value and extensions, or neither."""
    if "url" in kind.members and "valueBase64Binary" in kind.members:
        has_value = any(name.removeprefix("_").startswith("value") for name in names)
        if has_value == ("extension" in names):
            yield ""


# ---------------------------------------------------------------- JSON forms


@rule("FHIR-JSON-002", on="value")
def wrong_form(value: Any, member: Member) -> Iterator[str]:
    """A JSON value of another form than the element's type has."""
    if value is not None and type(value) is not list and type(value) is not (asked := _form(member)):
        yield f"{FORM[asked]} is due, found {FORM[type(value)]}"


@rule("FHIR-JSON-003", on="value")
def empty(value: Any, _: Member) -> Iterator[str]:
    """An empty string, list or object."""
    if type(value) in (str, list, Members) and not value:
        yield FORM[type(value)]


@rule("FHIR-JSON-004", on="value")
def null(value: Any, _: Member) -> Iterator[str]:
    """A null in the place of a value."""
    if value is None:
        yield ""


@rule("FHIR-JSON-005", on="list")
def unequal_lists(values: Sequence[Any], extensions: Sequence[Any]) -> Iterator[str]:
    """A list of primitives and the list of their extensions do not stand side by side."""
    if extensions and len(values) != len(extensions):
        yield f"{len(values)} and {len(extensions)}"
    elif any(not any(pair) for pair in zip_longest(values, extensions) if pair[0] is None):
        yield "nothing at a place of both"


@rule("FHIR-ELEMENT-002", on="many")
def needless_list(value: Any, member: Member) -> Iterator[str]:
    """A list where at most one value may be."""
    if type(value) is list and not member.many:
        yield f"{len(value)} values"


@rule("FHIR-ELEMENT-003", on="many")
def lacking_list(value: Any, member: Member) -> Iterator[str]:
    """One value without a list around it where several may be."""
    if type(value) is not list and value is not None and member.many:
        yield ""


# ---------------------------------------------------------------- resources


@rule("FHIR-RESOURCE-001", on="resource")
def unknown_type(resource_type: str, _: int) -> Iterator[str]:
    """The resourceType is none of FHIR R4."""
    if not is_resource(resource_type):
        yield ""


@rule("FHIR-RESOURCE-002", on="resource")
def contained_in_contained(_: str, depth: int) -> Iterator[str]:
    """A contained resource contains another."""
    if depth > 1:
        yield ""


# ---------------------------------------------------------------- primitives


@rule("FHIR-VALUE-001", on="text")
def illegal_date(text: str, type_: str) -> Iterator[str]:
    """A date or time in no form of its type, or a day that no month has."""
    pattern = _PATTERNS.get(type_)
    if pattern is not None and text and not (pattern.fullmatch(text) and _exists(text, type_)):
        yield type_


@rule("FHIR-VALUE-002", on="text")
def illegal_id(text: str, type_: str) -> Iterator[str]:
    """An id with other characters, or too many."""
    if type_ == "id" and text and not _ID.fullmatch(text):
        yield ""


@rule("FHIR-VALUE-003", on="text")
def illegal_uri(text: str, type_: str) -> Iterator[str]:
    """A uri with blanks; an oid or uuid in another form."""
    pattern = _URIS.get(type_)
    if pattern is not None and not pattern.fullmatch(text):
        yield type_


@rule("FHIR-VALUE-004", on="text")
def illegal_code(text: str, type_: str) -> Iterator[str]:
    """A code with blanks that a code has not."""
    if type_ == "code" and text and not _CODE.fullmatch(text):
        yield ""


@rule("FHIR-VALUE-005", on="text")
def illegal_integer(text: str, type_: str) -> Iterator[str]:
    """A number with a point, or outside of 32 bits, or below what its type allows."""
    least = _LEAST.get(type_)
    if least is None:
        return
    digits = text.removeprefix("-")
    if len(digits) > len(str(2**31)) or not digits.isdecimal() or not least <= int(text) < 2**31:
        yield type_


@rule("FHIR-VALUE-006", on="text")
def unwieldy_decimal(text: str, type_: str) -> Iterator[str]:
    """A decimal beyond what other software keeps."""
    if type_ == "decimal":
        mantissa, _, exponent = text.lower().partition("e")
        digits = mantissa.lstrip("-").replace(".", "").lstrip("0")
        size = exponent.lstrip("+-0")
        if len(digits) > MOST_DIGITS or len(size) > len(str(MOST_EXPONENT)):
            yield f"{len(digits)} digits" if len(digits) > MOST_DIGITS else "exponent"


@rule("FHIR-VALUE-007", on="text")
def illegal_base64(text: str, type_: str) -> Iterator[str]:
    """Text that is not base64; blanks and line ends do not count."""
    if type_ == "base64Binary" and not _BASE64.fullmatch("".join(text.split())):
        yield ""


@rule("FHIR-VALUE-008", on="text")
def control_character(text: str, _: str) -> Iterator[str]:
    """A control character in a string."""
    if found := _CONTROL.search(text):
        yield f"U+{ord(found[0]):04X}"


@rule("FHIR-VALUE-009", on="text")
def long_text(text: str, type_: str) -> Iterator[str]:
    """A string that is too long; base64 and narrative have no limit."""
    if len(text) > MOST_TEXT and type_ not in ("base64Binary", "xhtml"):
        yield f"{len(text)} characters"


@rule("FHIR-NARRATIVE-001", on="text")
def active_content(text: str, type_: str) -> Iterator[str]:
    """A script, an event attribute, a form, a frame or an address that is code, in the narrative."""
    if type_ == "xhtml" and _ACTIVE.search(text):
        yield ""


def legible(name: str) -> str:
    """A key as an issue may name it: `?` when it is not a name."""
    return name if _NAME.fullmatch(name) else "?"


def _form(member: Member) -> type:
    """The JSON form of one value of an element."""
    if not member.is_primitive:
        return Members
    return Number if member.type in JSON_NUMBERS else bool if member.type == "boolean" else str


def _exists(text: str, type_: str) -> bool:
    if type_ == "time" or len(day := text[:10]) < len("0000-00-00"):
        return True
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True
