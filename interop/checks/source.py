"""A source of FHIR resources before the rules: everything counted, the first few of each kind shown."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from interop.checks.fhir import legible
from interop.checks.walk import Finding, Walk
from interop.errors import SpecError
from interop.fhir.bundle import entries, is_bundle
from interop.fhir.json import LIMITS, Decoder, Limits
from interop.fhir.lines import Chunk, Unreadable, is_utf8, split_ordinal
from interop.fhir.read import read, records
from interop.fhir.source import Part, Source, SourceFile
from interop.issues import Issue, Issues, Location
from interop.knowledge import folder
from interop.tables import Row, read_table

EXAMPLES = 5
KINDS = 1000  # kinds of a rule that are told apart; a hostile source has no end of unknown elements
_INDEX = re.compile(r"\[\d+\]")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def check_fhir(source: Source, *, limits: Limits = LIMITS) -> Issues:
    """What makes a source no legal FHIR R4: bytes that are no resource, and what the rules find in resources.

    All breaches are counted. Of each kind (a rule and a path) the first `EXAMPLES` are issues with file,
    line, resource and FHIRPath, and one more issue counts the rest. The source is read once, Bundles twice,
    and never held. Raises SpecError when the table of rules is wrong.
    """
    tally = _Tally(source.issues)
    walk, decoder = Walk(), _Whole()
    for part in source.parts():
        bundles: set[int] = {0} if part.file.form == "document" else set()
        for chunk in read(part, decoder=decoder, limits=limits):
            tally.add_chunk(chunk)
            bundles |= _check_chunk(chunk, part.file, walk, tally)
        if part.file.form != "xml":  # whose own shape the reader has looked at
            _check_bundles(part, bundles, walk, tally, limits)
    return Issues(tally.issues())


def rule_rows() -> Mapping[str, Row]:
    """The rows of ``fhir_profiles/rules.csv`` by rule id."""
    file = folder("fhir_profiles") / "rules.csv"
    rows = read_table(file, required=("id", "severity", "code", "message"), optional=(), error=SpecError)
    return {str(row["id"]): row for row in rows}


class _Resource(msgspec.Struct):
    """A resource with its bytes."""

    resourceType: str  # noqa: N815  FHIR's own name
    id: str | None
    raw: bytes


class _Whole(Decoder):
    """A decoder that keeps the bytes of each resource beside what a reader wants to know of it."""

    def __init__(self) -> None:
        super().__init__()
        typed = self.decode

        def whole(raw: Any) -> _Resource:
            head = typed(raw)
            return _Resource(head.resourceType, head.id, bytes(raw).strip())

        self.decode = whole
        self.decode_lines = lambda data: [whole(line) for line in _lines(data)]


def _lines(data: Any) -> list[bytes]:
    return [line for line in bytes(data).split(b"\n") if line.strip()]


class _Place(msgspec.Struct, frozen=True):
    """Where a breach is, before the line of a Bundle's entry is known."""

    file: SourceFile
    ordinal: int
    resource: str | None
    path: str


def _check_chunk(chunk: Chunk, file: SourceFile, walk: Walk, tally: "_Tally") -> set[int]:
    """The resources of a chunk; returns the lines that hold Bundles."""
    lines = set()
    for at, (resource, ordinal) in enumerate(zip(chunk.resources, chunk.ordinals, strict=True)):
        line, entry = split_ordinal(ordinal)
        if entry:
            lines.add(line)
        if at not in chunk.deleted:  # a deletion has no content
            tally.add(walk.resource(resource.raw, resource.resourceType), file, ordinal, resource)
    return lines


def _check_bundles(part: Part, wanted: set[int], walk: Walk, tally: "_Tally", limits: Limits) -> None:
    """The Bundles of a part around their resources; and the lines where the resources of a document begin."""
    if not wanted:
        return
    whole = Source([part.file])
    for _, ordinal, raw in records(whole, {part.file.name: wanted}, limits=limits):
        if not is_bundle(raw):
            continue
        if not is_utf8(raw):
            bad = Unreadable(part.file.name, ordinal, 0, len(raw), "invalid utf-8", "Bundle")
            tally.add_chunk(Chunk(part.file.name, unreadable=[bad]))
            continue
        tally.add(walk.bundle(raw.strip()), part.file, ordinal)
        if part.file.form == "document":
            tally.place_entries(part.file, raw)


class _Tally:
    """Breaches by kind: how many, and the places of the first."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self._rows = rule_rows()
        self._whole = list(issues)
        self._counts: dict[tuple[str, str], int] = {}
        self._shown: dict[tuple[str, str], list[tuple[_Place, str]]] = {}
        self._kinds: dict[str, int] = {}
        self._unread: dict[str, list[Issue]] = {}
        self._unread_counts: dict[str, int] = {}
        self._lines: dict[tuple[str, int], int] = {}

    def add_chunk(self, chunk: Chunk) -> None:
        """What a reader says about a stretch of a file."""
        self._whole += chunk.issues
        for bad in chunk.unreadable:
            self._unread_counts[bad.reason] = self._unread_counts.get(bad.reason, 0) + 1
            shown = self._unread.setdefault(bad.reason, [])
            if len(shown) < EXAMPLES:
                shown.append(bad.issue())

    def add(
        self, found: Iterable[Finding], file: SourceFile, ordinal: int, resource: _Resource | None = None
    ) -> None:
        """What the rules found in one resource, or in a Bundle."""
        for one in found:
            kind = self._kind(one)
            self._counts[kind] = self._counts.get(kind, 0) + 1
            shown = self._shown.setdefault(kind, [])
            if len(shown) < EXAMPLES:
                name = None if resource is None else _public(resource.resourceType, resource.id)
                shown.append((_Place(file, ordinal, name, one.path), one.detail))

    def place_entries(self, file: SourceFile, raw: bytes) -> None:
        """Find the lines on which the shown resources of a Bundle document begin."""
        places = (place for shown in self._shown.values() for place, _ in shown)
        wanted = {place.ordinal for place in places if place.file is file and place.ordinal}
        if wanted:
            for entry in entries(raw):
                if entry.number in wanted:
                    self._lines[file.name, entry.number] = (
                        raw.count(b"\n", 0, max(raw.find(entry.raw), 0)) + 1
                    )

    def issues(self) -> Iterator[Issue]:
        """All of it."""
        yield from self._whole
        for reason, shown in self._unread.items():
            yield from shown
            if rest := self._unread_counts[reason] - len(shown):
                message = shown[0].message.partition(" (")[0]
                yield Issue(shown[0].rule, shown[0].severity, shown[0].code, message, count=rest)
        for (rule, pattern), count in self._counts.items():
            places = self._shown[rule, pattern]
            for place, detail in places:
                yield self._issue(rule, detail, self._where(place))
            if rest := count - len(places):
                yield self._issue(rule, "", Location(path=pattern or None), count=rest)

    def _kind(self, one: Finding) -> tuple[str, str]:
        kind = (one.rule, _INDEX.sub("", one.path))
        if kind not in self._counts:
            n = self._kinds[one.rule] = self._kinds.get(one.rule, 0) + 1
            if n > KINDS:
                return one.rule, ""
        return kind

    def _where(self, place: _Place) -> Location:
        line, _ = split_ordinal(place.ordinal)
        if place.file.form == "document":
            line = self._lines.get((place.file.name, place.ordinal), 1)
        return Location(file=place.file.name, line=line, resource=place.resource, path=place.path)

    def _issue(self, rule: str, detail: str, where: Location, *, count: int = 1) -> Issue:
        row = self._rows[rule]
        message = f"{row['message']} ({detail})" if detail else str(row["message"])
        severity, code = row["severity"], str(row["code"])
        return Issue(rule, severity, code, message, where, count=count)  # type: ignore[arg-type]


def _public(resource_type: str, id_: str | None) -> str:
    """A resource as an issue may name it: a person's id, or what is no id, is left out."""
    resource_type = legible(resource_type)
    if resource_type in ("Patient", "Person", "RelatedPerson") or not _ID.fullmatch(id_ or ""):
        return resource_type
    return f"{resource_type}/{id_}"
