"""Pass 1: every resource of a source read once, into an index of all and the rows of every view."""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
import polars as pl

from interop.fhir.columns import CompiledView, elements_of
from interop.fhir.fit import Fit
from interop.fhir.identity import Contained
from interop.fhir.json import LIMITS, Decoder, Limits
from interop.fhir.lines import Chunk, Unreadable
from interop.fhir.read import read
from interop.fhir.reads import elements_read
from interop.fhir.source import Part
from interop.issues import Issue
from interop.mapping.taken import INDEX, RAWS, Taken

GATHERED = 65_536  # resources whose views are taken at a time: enough for columns, few enough for memory


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

    Targets are the types that references by identifier may lead to, rules the known ``implicitRules``;
    `understood` has the URLs of known modifierExtensions by resource type.
    """

    views: Mapping[str, CompiledView]
    targets: frozenset[str]
    rules: Sequence[str] = ()
    limits: Limits = LIMITS
    understood: Mapping[str, frozenset[str]] = {}

    @property
    def decoder(self) -> Decoder:
        """The one decoder of the run: the envelope and every element that a view reads."""
        names = {name for names in self.elements.values() for name in names}
        return Decoder(sorted(names - {"id", "resourceType"}))

    @property
    def fit(self) -> Fit:
        """The JSON forms of the elements that the views read."""
        return Fit(elements_read(view.view for view in self.views.values()))

    @property
    def elements(self) -> Mapping[str, Sequence[str]]:
        """JSON names that the views read, by resource type."""
        return elements_of(self.views)


def gather(parts: Iterable[Part], reader: Reader) -> Gathered:
    """Read parts of a source; nothing is resolved yet."""
    decoder, fit = reader.decoder, reader.fit
    with _uncollected():
        found = [
            _gathered(taken, reader, fit)
            for part in parts
            for taken in _taken(read(part, decoder=decoder, limits=reader.limits), decoder, reader)
        ]
    return together(found, reader)


def together(found: Sequence[Gathered], reader: Reader) -> Gathered:
    """Several gatherings as one; record numbers go on from one to the next."""
    starts = pl.Series([0, *(g.index.height for g in found)], dtype=pl.UInt32).cum_sum().to_list()

    def moved(frames: Iterable[pl.DataFrame | None], name: str) -> list[pl.DataFrame]:
        return [
            frame.with_columns((pl.col(name) + start).cast(pl.UInt32))
            for frame, start in zip(frames, starts, strict=False)
            if frame is not None
        ]

    views = {}
    for name, view in reader.views.items():
        frames = moved((g.views.get(name) for g in found), "_rid")
        views[name] = pl.concat(frames) if frames else _empty(view)
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


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic collector: reading makes no cycles, and it walks what is read again and again."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _empty(view: CompiledView) -> pl.DataFrame:
    return view.columns({name: [] for name in view.elements}, resource_type=view.view.resource).rename(
        {"_row": "_rid"}
    )


def _taken(chunks: Iterable[Chunk], decoder: Decoder, reader: Reader) -> Iterator[Taken]:
    """Chunks in groups of about `GATHERED` resources."""
    group = Taken(decoder, reader.elements, reader.rules, reader.understood)
    for chunk in chunks:
        group.add(chunk, targets=reader.targets)
        if group.size >= GATHERED:
            yield group
            group = Taken(decoder, reader.elements, reader.rules, reader.understood)
    yield group


def _gathered(taken: Taken, reader: Reader, fit: Fit) -> Gathered:
    taken.take_misfits(fit)
    raws = {name: pl.DataFrame(rows, schema=RAWS) for name, rows in taken.raws.items()}
    return Gathered(
        taken.index,
        _views(taken, reader),
        identifiers=raws["identifier"],
        links=raws["link"],
        contained=raws["contained"],
        unreadable=taken.unreadable,
        issues=taken.issues,
    )


def _views(taken: Taken, reader: Reader) -> dict[str, pl.DataFrame]:
    """The rows of the views on types that were read."""
    found = {}
    for name, view in reader.views.items():
        kind = view.view.resource
        if (own := taken.types.get(kind)) is None:
            continue
        rows = view.columns({element: own.element(element) for element in view.elements}, resource_type=kind)
        rids = pl.Series(own.numbers, dtype=pl.UInt32).gather(rows["_row"])
        found[name] = rows.with_columns(_row=rids).rename({"_row": "_rid"})
    return found


def take_contained(contained: Sequence[Contained], reader: Reader) -> Gathered:
    """The rows of contained resources; `rid` numbers them in their order."""
    decoder = reader.decoder
    resources = [decoder.decode(piece.raw) for piece in contained]
    taken = Taken(decoder, reader.elements, reader.rules, reader.understood)
    taken.add(Chunk("", resources, list(range(len(resources)))), targets=reader.targets)
    return _gathered(taken, reader, reader.fit)
