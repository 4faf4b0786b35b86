"""Pass 1: every resource of a source read once, into an index of all and the rows of every view."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from interop.fhir.columns import CompiledView
from interop.fhir.distinct import Element
from interop.fhir.identity import Contained
from interop.fhir.json import LIMITS, Decoder, Limits
from interop.fhir.lines import Chunk, Unreadable
from interop.fhir.read import read
from interop.fhir.source import Part
from interop.issues import Issue

GATHERED = (
    32_768  # resources whose views are taken at a time: large enough for columns, small enough for memory
)

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


class Gathered(msgspec.Struct):
    """What was read.

    `index` has a row per resource (its number is `rid`), `views` the rows of each view with `_rid` and
    `_index`; `identifiers`, `links` and `contained` are raw elements by `rid`, for the references.
    """

    index: pl.DataFrame
    views: dict[str, pl.DataFrame]
    identifiers: pl.DataFrame
    links: pl.DataFrame
    contained: pl.DataFrame
    unreadable: list[Unreadable]
    issues: list[Issue]


class Reader(msgspec.Struct, frozen=True):
    """What pass 1 looks for: `views` by name, `targets` and known `rules`.

    Targets are the types that references by identifier may lead to, rules the known ``implicitRules``.
    """

    views: Mapping[str, CompiledView]
    targets: frozenset[str]
    rules: Sequence[str] = ()
    limits: Limits = LIMITS

    @property
    def decoder(self) -> Decoder:
        """The one decoder of the run: the envelope and every element that a view reads."""
        return Decoder(
            sorted({name for view in self.views.values() for name in view.elements} - {"id", "resourceType"})
        )


def gather(parts: Iterable[Part], reader: Reader) -> Gathered:
    """Read parts of a source; nothing is resolved yet."""
    decoder = reader.decoder
    found = [
        _take(chunks, decoder, reader)
        for part in parts
        for chunks in _together(read(part, decoder=decoder, limits=reader.limits))
    ]
    return together(found, reader)


def together(found: Sequence[Gathered], reader: Reader) -> Gathered:
    """Several gatherings as one; record numbers go on from one to the next."""
    starts = pl.Series([0, *(g.index.height for g in found)], dtype=pl.UInt32).cum_sum().to_list()

    def moved(frames: Iterable[pl.DataFrame], name: str) -> list[pl.DataFrame]:
        return [
            f.with_columns((pl.col(name) + n).cast(pl.UInt32)) for f, n in zip(frames, starts, strict=False)
        ]

    views = {}
    for name, view in reader.views.items():
        empty = _empty(view)
        views[name] = pl.concat(
            [empty, *moved((g.views[name] for g in found), "_rid")], how="vertical_relaxed"
        )
    raw = pl.DataFrame(schema=RAWS)
    return Gathered(
        index=pl.concat([pl.DataFrame(schema=INDEX), *(g.index for g in found)]),
        views=views,
        identifiers=pl.concat([raw, *moved((g.identifiers for g in found), "rid")]),
        links=pl.concat([raw, *moved((g.links for g in found), "rid")]),
        contained=pl.concat([raw, *moved((g.contained for g in found), "rid")]),
        unreadable=[u for g in found for u in g.unreadable],
        issues=[i for g in found for i in g.issues],
    )


def _empty(view: CompiledView) -> pl.DataFrame:
    return view.columns({name: [] for name in view.elements}, resource_type=view.view.resource).rename(
        {"_row": "_rid"}
    )


def _together(chunks: Iterator[Chunk]) -> Iterator[list[Chunk]]:
    """Chunks in groups of about `GATHERED` resources."""
    group: list[Chunk] = []
    for chunk in chunks:
        group.append(chunk)
        if sum(len(c.resources) for c in group) >= GATHERED:
            yield group
            group = []
    if group:
        yield group


def _take(chunks: Sequence[Chunk], decoder: Decoder, reader: Reader) -> Gathered:
    resources = [resource for chunk in chunks for resource in chunk.resources]
    types = [resource.resourceType for resource in resources]
    urls = [url for chunk in chunks for url in (chunk.full_urls or [None] * len(chunk.resources))]
    rules = decoder.element(resources, "implicitRules")
    known = {f'"{rule}"'.encode() for rule in reader.rules}
    versions = decoder.versions(resources)
    index = pl.DataFrame(
        {
            "file": [chunk.file for chunk in chunks for _ in chunk.resources],
            "ordinal": [ordinal for chunk in chunks for ordinal in chunk.ordinals],
            "type": types,
            "id": [resource.id for resource in resources],
            "full_url": urls,
            "version_id": [version for version, _ in versions],
            "last_updated": [updated for _, updated in versions],
            "rules": [raw != b"" and raw not in known for raw in rules],
            "modifier": [raw not in (b"", b"[]") for raw in decoder.element(resources, "modifierExtension")],
        },
        schema=INDEX,
    )
    return Gathered(
        index,
        _views(resources, types, decoder, reader),
        identifiers=_raws("identifier", resources, types, decoder, only=reader.targets),
        links=_raws("link", resources, types, decoder, only={"Patient"}),
        contained=_raws("contained", resources, types, decoder, only=None),
        unreadable=[u for chunk in chunks for u in chunk.unreadable],
        issues=[i for chunk in chunks for i in chunk.issues],
    )


def _raws(
    name: str, resources: Sequence[Any], types: Sequence[str], decoder: Decoder, *, only: Iterable[str] | None
) -> pl.DataFrame:
    wanted = None if only is None else set(only)
    raws = decoder.element(resources, name)
    rows = [
        (n, t, raw)
        for n, (t, raw) in enumerate(zip(types, raws, strict=True))
        if raw and (wanted is None or t in wanted)
    ]
    return pl.DataFrame(rows, schema=RAWS, orient="row")


def _views(
    resources: Sequence[Any], types: Sequence[str], decoder: Decoder, reader: Reader
) -> dict[str, pl.DataFrame]:
    by_type: dict[str, list[int]] = {}
    for n, kind in enumerate(types):
        by_type.setdefault(kind, []).append(n)
    elements: dict[tuple[str, str], Element] = {}
    found = {}
    for name, view in reader.views.items():
        kind = view.view.resource
        numbers = by_type.get(kind, [])
        own = resources if len(numbers) == len(resources) else [resources[n] for n in numbers]
        for element in view.elements:
            if (kind, element) not in elements:
                elements[kind, element] = Element(decoder.element(own, element))
        rows = view.columns({e: elements[kind, e] for e in view.elements}, resource_type=kind)
        rids = pl.Series(numbers, dtype=pl.UInt32).gather(rows["_row"])
        found[name] = rows.with_columns(_row=rids).rename({"_row": "_rid"})
    return found


def take_contained(contained: Sequence[Contained], reader: Reader) -> Gathered:
    """The rows of contained resources; `rid` numbers them in their order."""
    decoder = reader.decoder
    resources = [decoder.decode(piece.raw) for piece in contained]
    chunk = Chunk("", resources, list(range(len(resources))))
    return _take([chunk], decoder, reader)
