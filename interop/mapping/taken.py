"""What is taken of resources chunk by chunk, while a chunk is in the processor's cache: elements by type."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, repeat
from typing import TYPE_CHECKING, Any

import polars as pl

from interop.fhir.distinct import Element
from interop.fhir.json import Decoder
from interop.fhir.lines import Chunk, Unreadable

if TYPE_CHECKING:
    from interop.issues import Issue

INDEX = {
    "file": pl.String,
    "ordinal": pl.Int64,
    "type": pl.String,
    "id": pl.String,
    "full_url": pl.String,
    "version_id": pl.String,
    "last_updated": pl.String,
    "rules": pl.Boolean,
    "modifier": pl.Boolean,
}
RAWS = {"rid": pl.UInt32, "type": pl.String, "raw": pl.Binary}


class OfType:
    """The resources of one type: their numbers, and the bytes of those elements that any of them has."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.raws: dict[str, list[bytes]] = {}
        self._elements: dict[str, Element] = {}

    def add(self, first: int, resources: Sequence[Any], decoder: Decoder, names: Iterable[str]) -> None:
        """Take elements of resources, the first of which has the number `first`; the others follow."""
        before = len(self.numbers)
        self.numbers.extend(range(first, first + len(resources)))
        for name in names:
            raws = decoder.element(resources, name)
            if raws.count(b"") < len(raws):
                column = self.raws.setdefault(name, [])
                column.extend(repeat(b"", before - len(column)))
                column.extend(raws)

    def element(self, name: str) -> Element:
        """An element of all of them; the same object each time, for views share it."""
        if name not in self._elements:
            column = self.raws.get(name, [])
            column.extend(repeat(b"", len(self.numbers) - len(column) if column or name == "id" else 0))
            self._elements[name] = Element(column)
        return self._elements[name]


class Taken:
    """Chunks of resources as columns of `INDEX`, raw elements by type, and what could not be read.

    `wanted` names the elements to take by type, `rules` the known implicitRules.
    """

    def __init__(self, decoder: Decoder, wanted: Mapping[str, Sequence[str]], rules: Iterable[str]) -> None:
        self._decoder, self._wanted = decoder, wanted
        self._rules = {b"", *(f'"{rule}"'.encode() for rule in rules)}
        self._index: dict[str, list[Any]] = {name: [] for name in INDEX}
        self.size = 0
        self.types: dict[str, OfType] = {}
        self.raws: dict[str, dict[str, list[Any]]] = {
            name: {column: [] for column in RAWS} for name in ("identifier", "link", "contained")
        }
        self.unreadable: list[Unreadable] = []
        self.issues: list[Issue] = []

    @property
    def index(self) -> pl.DataFrame:
        """A row per resource, in the order of their numbers."""
        return pl.DataFrame(self._index, schema=INDEX)

    def add(self, chunk: Chunk, *, targets: Iterable[str]) -> None:
        """Take a chunk; identifiers are kept of resources of the types in `targets`."""
        self.unreadable.extend(chunk.unreadable)
        self.issues.extend(chunk.issues)
        types = [resource.resourceType for resource in chunk.resources]
        self._add_index(chunk, types)
        start = 0
        while start < len(types):
            kind = types[start]
            stop = next((n for n in range(start, len(types)) if types[n] != kind), len(types))
            own = self.types.setdefault(kind, OfType())
            resources = chunk.resources[start:stop]
            own.add(self.size + start, resources, self._decoder, self._wanted.get(kind, ()))
            if kind in targets:
                self._keep("identifier", kind, self.size + start, resources)
            if kind == "Patient":
                self._keep("link", kind, self.size + start, resources)
            self._keep("contained", kind, self.size + start, resources)
            start = stop
        self.size += len(types)

    def _add_index(self, chunk: Chunk, types: list[str]) -> None:
        resources, n = chunk.resources, len(types)
        versions = self._decoder.versions(resources)
        rules = self._decoder.element(resources, "implicitRules")
        modifiers = self._decoder.element(resources, "modifierExtension")
        for name, values in {
            "file": repeat(chunk.file, n),
            "ordinal": chunk.ordinals,
            "type": types,
            "id": [resource.id for resource in resources],
            "full_url": chunk.full_urls or repeat(None, n),
            "version_id": [version for version, _ in versions],
            "last_updated": [updated for _, updated in versions],
            "rules": [raw not in self._rules for raw in rules],
            "modifier": [raw not in (b"", b"[]") for raw in modifiers],
        }.items():
            self._index[name].extend(values)

    def _keep(self, name: str, kind: str, first: int, resources: Sequence[Any]) -> None:
        raws = self._decoder.element(resources, name)
        if any(raws):
            kept = self.raws[name]
            kept["rid"].extend(compress(range(first, first + len(raws)), raws))
            kept["raw"].extend(filter(None, raws))
            kept["type"].extend(repeat(kind, len(kept["raw"]) - len(kept["type"])))
