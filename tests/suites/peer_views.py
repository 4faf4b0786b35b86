"""The views of the built-in study, evaluated by the engine `sqlonfhir` and by ours on the same resources.

The peer is taken as it is. What it cannot do is named in `BEYOND_PEER`, a kind of column each. Only where a
column of such a kind, on its own, differs on a resource, the view is compared without it on this resource.
"""

import codecs
import copy
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from sqlonfhir.sqlonfhir import ViewDefinitionEvaluator, normalize
from suites.outcome import Outcome
from test_cases import FILES, resources

from interop.fhir.json import dump, parse
from interop.fhir.view import View, rows
from interop.mapping.definitions import definition_json
from interop.study import Study
from interop.tables import read_yaml

PEER = "sqlonfhir"
VERSION = version(PEER)
SHAPES = Path(__file__).with_name("shapes.ndjson")  # what neither the sample nor a case has
SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "pumch" / "fhir"

Shape = Mapping[str, Any]


class Place(msgspec.Struct, frozen=True):
    """A column of a view: its path, and whether it stands inside a forEach."""

    name: str
    path: str
    inside: bool


#: What the peer cannot do, and the columns that it may be about.
BEYOND_PEER: Mapping[str, Callable[[Place], bool]] = {
    "`getReferenceKey()` raises an error on nothing and on a reference that has no text; asked for a type it "
    "gives nothing for `#contained` and `urn:uuid:`": lambda place: "getReferenceKey(" in place.path,
    "there is no `%rowIndex`": lambda place: "%rowIndex" in place.path,
    "inside `forEach` the types of a choice element are lost": lambda place: (
        place.inside and ".ofType(" in place.path
    ),
    "an element that R4 does not have (`Observation.valueAttachment`) has no type": lambda place: (
        "ofType(Attachment)" in place.path
    ),
}

FAILURES = (IndexError, KeyError, TypeError, ValueError)  # what the peer raises where it fails


class Sent(msgspec.Struct, frozen=True):
    """A resource as our reader sees it, and as the peer gets it (numbers as floats)."""

    ours: Any
    theirs: Any


def sent() -> dict[str, list[Sent]]:
    """Every resource with an id of the sample cohort, of the golden cases and of `SHAPES`, by type."""
    found: dict[str, list[Sent]] = {}
    for raw in dict.fromkeys([*_samples(), *_cases(), *SHAPES.read_bytes().splitlines()]):
        resource = json.loads(raw)
        if isinstance(resource.get("id"), str):
            found.setdefault(resource["resourceType"], []).append(Sent(parse(raw), resource))
    return found


def _samples() -> Iterator[bytes]:
    for file in sorted(SAMPLES.glob("*.ndjson*")):
        content = file.read_bytes()
        lines = (gzip.decompress(content) if file.suffix == ".gz" else content).splitlines()
        yield from filter(_is_resource, (line.removeprefix(codecs.BOM_UTF8) for line in lines))
    for file in sorted(SAMPLES.glob("*.json")):
        yield from (dump(entry["resource"]) for entry in parse(file.read_bytes())["entry"])


def _is_resource(line: bytes) -> bool:
    try:
        return "resourceType" in json.loads(line)
    except ValueError:
        return False  # the sample has lines that no reader can read


def _cases() -> Iterator[bytes]:
    for file in FILES:
        for item in read_yaml(file).data.get("fhir", []):
            yield from map(dump, resources(item))


class Both(msgspec.Struct, frozen=True):
    """A view as both engines have it."""

    ours: View
    theirs: Any
    normal: Any
    keys: frozenset[str]

    @classmethod
    def of(cls, definition: Shape) -> "Both":
        plain = json.loads(definition_json(definition))
        keys = {p.name for p in places(plain) if "getReferenceKey(" in p.path or "getResourceKey(" in p.path}
        return cls(View.load(plain), plain, normalize(copy.deepcopy(plain)), frozenset(keys))

    def agree(self, one: Sent, evaluator: ViewDefinitionEvaluator) -> bool:
        """Whether both engines give the same rows of a resource; a failure of the peer is no row."""
        try:
            theirs = evaluator.call_fn(self.normal, one.theirs, self.theirs)
        except FAILURES:
            return False
        return self._table(rows(self.ours, [one.ours])) == self._table(theirs)

    def _table(self, found: list[Shape]) -> list[str]:
        shown = [
            {name: _cell(value, is_key=name in self.keys) for name, value in row.items()} for row in found
        ]
        return sorted(json.dumps(row, sort_keys=True) for row in shown)


def _cell(value: Any, *, is_key: bool) -> Any:
    """A value in a form that both have: a number as a float, a key without the type before the id."""
    if isinstance(value, list):
        return [_cell(item, is_key=is_key) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return float(value)
    return str(value).partition("/_history/")[0].rpartition("/")[2] if is_key else str(value)


def places(select: Shape, *, inside: bool = False) -> Iterator[Place]:
    """The columns of a view, or of a part of one."""
    within = inside or "forEach" in select or "forEachOrNull" in select
    yield from (Place(column["name"], column["path"], within) for column in select.get("column", []))
    for part in (*select.get("select", []), *select.get("unionAll", [])):
        yield from places(part, inside=within)


def narrowed(select: Shape, names: AbstractSet[str]) -> dict[str, Any]:
    """A view, or a part of one, with these columns alone."""
    made = dict(select)
    if "column" in made:
        made["column"] = [column for column in made["column"] if column["name"] in names]
    for key in ("select", "unionAll"):
        if key in made:
            parts = (narrowed(part, names) for part in made[key])
            made[key] = [part for part in parts if {"column", "select", "unionAll"} & part.keys()]
    return {key: value for key, value in made.items() if value != []}


@cache
def comparisons() -> "Mapping[str, Comparison]":
    """Every view of the built-in study on every resource of its type, by the view's name."""
    found = sent()
    views = Study.load().views()
    return {name: compare(view, found.get(view["resource"], [])) for name, view in views.items()}


def outcome() -> Outcome:
    """The views on which the engines agree; listed is what the peer cannot do, and where."""
    found = comparisons()
    failed = [f"{name}: {', '.join(one.unexplained)}" for name, one in found.items() if one.unexplained]
    return Outcome(VERSION, len(found) - len(failed), len(found), (*failed, *_left_out(found)))


def _left_out(found: "Mapping[str, Comparison]") -> Iterator[str]:
    for why in BEYOND_PEER:
        columns = [
            f"`{view}.{name}`" for view, one in found.items() for name in sorted(one.beyond.get(why, ()))
        ]
        if columns:
            yield f"not compared where {PEER} cannot: {why} ({', '.join(columns)})"


class Comparison(msgspec.Struct, frozen=True):
    """Resources on which the engines differ, columns left out for a known reason, and our number of rows."""

    unexplained: tuple[str, ...]
    beyond: Mapping[str, frozenset[str]]
    rows: int


def compare(definition: Shape, resources: list[Sent]) -> Comparison:
    """Both engines on a view and the resources of its type."""
    evaluator = ViewDefinitionEvaluator()
    whole = Both.of(definition)
    columns = {place: Both.of(narrowed(definition, {place.name})) for place in places(definition)}
    reduced: dict[frozenset[str], Both] = {}
    unexplained, beyond = [], {}
    for one in resources:
        if whole.agree(one, evaluator):
            continue
        alone = {place: reason(place) for place, both in columns.items() if not both.agree(one, evaluator)}
        rest = frozenset(place.name for place in columns if place not in alone)
        if rest not in reduced:
            reduced[rest] = Both.of(narrowed(definition, rest))
        if not alone or None in alone.values() or not reduced[rest].agree(one, evaluator):
            unexplained.append(f"{one.theirs['resourceType']}/{one.theirs['id']}")
        for place, why in alone.items():
            beyond.setdefault(why, set()).add(place.name)
    known = {why: frozenset(names) for why, names in beyond.items() if why}
    return Comparison(tuple(unexplained), known, len(rows(whole.ours, [one.ours for one in resources])))


def reason(place: Place) -> str | None:
    """What the peer cannot do with a column, if it is of a known kind."""
    return next((why for why, is_of_kind in BEYOND_PEER.items() if is_of_kind(place)), None)
