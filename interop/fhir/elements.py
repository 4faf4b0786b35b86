"""Every element of FHIR R4 (`r4-elements.csv`): types, cardinality, and what it may refer to."""

from collections.abc import Mapping
from functools import cache

import msgspec

from interop.errors import SpecError
from interop.knowledge import folder
from interop.tables import read_table

# FHIR R4 2.24 data types, by the form their values have in JSON (2.6.2)
JSON_STRINGS = frozenset(
    {
        *("base64Binary", "canonical", "code", "date", "dateTime", "id", "instant", "markdown"),
        *("oid", "string", "time", "uri", "url", "uuid", "xhtml"),
    }
)
JSON_INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt"})
JSON_NUMBERS = JSON_INTEGERS | {"decimal"}
PRIMITIVES = JSON_STRINGS | JSON_NUMBERS | {"boolean"}

_INLINE = frozenset({"BackboneElement", "Element"})  # types whose children stand under the element itself


class Element(msgspec.Struct, frozen=True):
    """One element of FHIR R4.

    `path` ("Observation.value[x]"), `types`, `many` (max above 1), its reference `targets`,
    `needed` (min above 0).
    """

    path: str
    types: tuple[str, ...]
    many: bool
    targets: tuple[str, ...]
    needed: bool = False

    @property
    def is_choice(self) -> bool:
        """True for ``value[x]`` and its like (FHIR R4 2.1.0.4)."""
        return self.path.endswith("[x]")

    def name(self, type_: str) -> str:
        """JSON name that the element has with a type: "valueQuantity", "subject"."""
        last = self.path.rpartition(".")[2]
        return choice_name(last.removesuffix("[x]"), type_) if self.is_choice else last

    def inside(self, type_: str) -> str:
        """Type path under which the element's children are found: "Quantity", "Observation.component"."""
        if type_ in _INLINE:
            return self.path
        return type_.removeprefix("#")


def choice_name(name: str, type_: str) -> str:
    """JSON name of a choice element with a type: ("value", "dateTime") -> "valueDateTime"."""
    return f"{name}{type_[:1].upper()}{type_[1:]}"


@cache
def elements() -> Mapping[str, Element]:
    """All elements by path, choice elements with their ``[x]``.

    Raises SpecError when the table is missing or malformed.
    """
    rows = read_table(
        folder("fhir_profiles") / "r4-elements.csv",
        required=["path", "types", "min", "max", "targets"],
        error=SpecError,
    )
    return {(found := _element(row.values)).path: found for row in rows}


def _element(values: Mapping[str, str | None]) -> Element:
    types, targets = (tuple((values[column] or "").split("|")) for column in ("types", "targets"))
    return Element(
        values["path"] or "",
        tuple(filter(None, types)),
        values["max"] != "1",
        tuple(filter(None, targets)),
        values["min"] != "0",
    )


@cache
def child(parent: str, name: str) -> Element | None:
    """Element `name` (without ``[x]``) of a type path ("Observation", "Observation.component", "Quantity").

    Returns None when FHIR R4 has no such element.
    """
    table = elements()
    found = table.get(f"{parent}.{name}") or table.get(f"{parent}.{name}[x]")
    if found is None and "." in parent:
        return table.get(f"BackboneElement.{name}")
    return found


@cache
def names(parent: str) -> tuple[str, ...]:
    """Names (without ``[x]``) of the direct children of a type path, in the order of the standard."""
    prefix = f"{parent}."
    inner = (path.removeprefix(prefix) for path in elements() if path.startswith(prefix))
    return tuple(name.removesuffix("[x]") for name in inner if "." not in name)


def is_resource(name: str) -> bool:
    """True when `name` is a FHIR R4 resource type."""
    root, implicit = elements().get(name), elements().get(f"{name}.implicitRules")
    return root is not None and implicit is not None
