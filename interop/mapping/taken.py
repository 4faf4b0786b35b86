"""What is taken of resources chunk by chunk, while a chunk is in the processor's cache: elements by type."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import compress, groupby, repeat
from typing import TYPE_CHECKING, Any

import polars as pl

from interop.fhir.distinct import Element
from interop.fhir.fit import Fit
from interop.fhir.json import ENVELOPE, Decoder, dump, parse
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
    "misfit": pl.Boolean,
    "deleted": pl.Boolean,
}
_MODIFIER, _RULES = b"modifierExtension", b"implicitRules"
RAWS = {"rid": pl.UInt32, "type": pl.String, "raw": pl.Binary}


class OfType:
    """The resources of one type: their numbers, and the bytes of those elements that any of them has."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.raws: dict[str, list[bytes]] = {}
        self._elements: dict[str, Element] = {}

    def add(self, first: int, count: int, elements: Mapping[str, list[bytes]]) -> None:
        """Take elements of `count` resources, numbered from `first` on."""
        before = len(self.numbers)
        self.numbers.extend(range(first, first + count))
        for name, raws in elements.items():
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

    def take_out(self, name: str, bad: Collection[bytes]) -> list[int]:
        """Leave out some bytes of an element; returns the numbers of the resources that had them."""
        column = self.raws[name]
        at = [n for n, raw in enumerate(column) if raw in bad]
        for n in at:
            column[n] = b""
        del self._elements[name]
        return [self.numbers[n] for n in at]


class Taken:
    """Chunks of resources as columns of `INDEX`, raw elements by type, and what could not be read.

    `wanted` names the elements to take by type, `rules` the known implicitRules, `understood` the URLs of
    modifierExtensions that a mapping reads, by type.
    """

    def __init__(
        self,
        decoder: Decoder,
        wanted: Mapping[str, Sequence[str]],
        rules: Iterable[str],
        understood: Mapping[str, frozenset[str]],
    ) -> None:
        self._decoder, self._wanted = decoder, wanted
        self._rules = {b"", *(f'"{rule}"'.encode() for rule in rules)}
        self._understood = understood
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
        first = self.size
        start = 0
        for kind, run in groupby(types):
            stop = start + sum(1 for _ in run)
            found = self._add_run(kind, chunk.resources[start:stop], targets)
            known = self._understood.get(kind, frozenset())
            self._index["modifier"].extend(_modified(found, stop - start, known, look=chunk.may_modify))
            start = stop
        self._add_entries(chunk, first)

    def _add_entries(self, chunk: Chunk, first: int) -> None:
        """Take what Bundles say of their resources, the first of which has the number `first`."""
        self._index["deleted"].extend(repeat(False, len(chunk.resources)))  # noqa: FBT003  a value
        for at in chunk.modified:
            self._index["modifier"][first + at] = True
        for at in chunk.deleted:
            self._index["deleted"][first + at] = True
        for at, rules in chunk.rules.items():
            self._index["rules"][first + at] |= dump(rules) not in self._rules

    def take_misfits(self, fit: Fit) -> None:
        """Take out the elements that have not the form of their type, and note whose they are."""
        for kind, own in self.types.items():
            for name in fit.names(kind):
                if name in own.raws and (bad := fit.misfits(kind, name, own.element(name))):
                    for number in own.take_out(name, bad):
                        self._index["misfit"][number] = True

    def _add_run(
        self, kind: str, resources: Sequence[Any], targets: Iterable[str]
    ) -> Mapping[str, list[bytes]]:
        """Take resources of one type; returns their elements."""
        wanted, n = self._wanted.get(kind, ()), len(resources)
        found = self._decoder.present(resources, list(dict.fromkeys((*wanted, *ENVELOPE))))
        own = self.types.setdefault(kind, OfType())
        own.add(self.size, n, {name: found[name] for name in wanted if name in found})
        self._index["rules"].extend(self._has_strange_rules(found, n))
        kept = {"identifier": kind in targets, "link": kind == "Patient", "contained": True}
        for name in found.keys() & {name for name, is_kept in kept.items() if is_kept}:
            raws, columns = found[name], self.raws[name]
            columns["rid"].extend(compress(range(self.size, self.size + n), raws))
            columns["raw"].extend(filter(None, raws))
            columns["type"].extend(repeat(kind, len(columns["raw"]) - len(columns["type"])))
        self.size += n
        return found

    def _has_strange_rules(self, elements: Mapping[str, list[bytes]], n: int) -> list[bool]:
        """Whether each of `n` resources, or one in it, follows implicitRules that are not known."""
        strange = [raw not in self._rules for raw in elements.get("implicitRules", ())] or [False] * n
        for at, raw in enumerate(elements.get("contained", ())):
            inner = parse(raw) if _RULES in raw else []
            given = [one.get("implicitRules") for one in inner if isinstance(one, dict)]
            strange[at] |= any(rules is not None and dump(rules) not in self._rules for rules in given)
        return strange

    def _add_index(self, chunk: Chunk, types: list[str]) -> None:
        resources, n = chunk.resources, len(types)
        versions = self._decoder.versions(resources)
        for name, values in {
            "file": repeat(chunk.file, n),
            "ordinal": chunk.ordinals,
            "type": types,
            "id": [resource.id for resource in resources],
            "full_url": chunk.full_urls or repeat(None, n),
            "version_id": [version for version, _ in versions],
            "last_updated": [updated for _, updated in versions],
            "misfit": repeat(False, n),  # noqa: FBT003  the value itself
        }.items():
            self._index[name].extend(values)


def _modified(
    elements: Mapping[str, list[bytes]], n: int, known: frozenset[str], *, look: bool
) -> list[bool]:
    """Whether a modifierExtension that is not `known` stands in each of `n` resources (FHIR R4 2.4).

    Below the resource itself, in contained resources too, none is known.
    """
    if not look:
        return [False] * n
    modified = [_is_strange(raw, known) for raw in elements.get("modifierExtension", [b""] * n)]
    for name, raws in elements.items():
        if name != "modifierExtension":
            for at, raw in enumerate(raws):
                modified[at] = modified[at] or (_MODIFIER in raw and _has_modifier(parse(raw)))
    return modified


def _is_strange(raw: bytes, known: frozenset[str]) -> bool:
    """Whether the bytes of a resource's modifierExtension hold one that is not known, or modified itself."""
    if raw in (b"", b"[]"):
        return False
    found = parse(raw) if known else None
    if not isinstance(found, list):
        return True
    return any(
        not isinstance(one, dict) or one.get("url") not in known or _has_modifier(one) for one in found
    )


def _has_modifier(value: object) -> bool:
    if isinstance(value, dict):
        return bool(value.get("modifierExtension")) or any(map(_has_modifier, value.values()))
    return isinstance(value, list) and any(map(_has_modifier, value))
