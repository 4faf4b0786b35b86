"""Bundles (R4 Bundle): entries as resources, each with its fullUrl; a bad entry does not spoil the others."""

from collections.abc import Iterator

import msgspec

from interop.fhir.json import Decoder, Limits
from interop.fhir.lines import Chunk, Unreadable, decode_resource, entry_ordinal
from interop.issues import Issue, Location

ENTRIES_PER_CHUNK = 1000

_NOTHING = msgspec.Raw(b"")


class _Head(msgspec.Struct):
    resourceType: str | None = None  # noqa: N815  FHIR's own name


class _Entry(msgspec.Struct):
    fullUrl: str | None = None  # noqa: N815
    resource: msgspec.Raw = _NOTHING


class _Link(msgspec.Struct):
    relation: str | None = None


class _Bundle(msgspec.Struct):
    entry: list[msgspec.Raw] = []
    link: list[_Link] = []


_HEAD = msgspec.json.Decoder(_Head)
_ENTRY = msgspec.json.Decoder(_Entry)
_BUNDLE = msgspec.json.Decoder(_Bundle)


class Entry(msgspec.Struct, frozen=True):
    """One Bundle.entry: its number from 1, its fullUrl, the bytes of its resource (empty without one).

    Where the entry is no entry (an array, a fullUrl that is a number) the bytes are its own.
    """

    number: int
    full_url: str | None
    raw: bytes
    is_entry: bool = True


def is_bundle(raw: bytes) -> bool:
    """Whether a JSON text is a Bundle, as far as it can be read."""
    if b'"Bundle"' not in raw:
        return False
    try:
        head: _Head = _HEAD.decode(raw)
    except (ValueError, RecursionError):
        return False
    return head.resourceType == "Bundle"


def entries(raw: bytes) -> Iterator[Entry]:
    """Entries of a Bundle in their order; a Bundle inside a Bundle stays a resource.

    Raises ValueError or RecursionError when the Bundle as a whole cannot be read.
    """
    for number, entry in enumerate(_BUNDLE.decode(raw).entry, start=1):
        try:
            read = _ENTRY.decode(entry)
        except (msgspec.ValidationError, UnicodeDecodeError):
            yield Entry(number, None, bytes(entry), is_entry=False)
        else:
            yield Entry(number, read.fullUrl, bytes(read.resource))


def expand(
    raw: bytes, *, file: str, line: int, offset: int, decoder: Decoder, limits: Limits
) -> Iterator[Chunk]:
    """Resources of a Bundle, in chunks.

    `line` is where the Bundle stands in an NDJSON file, 0 for a document; `offset` is the byte where it
    begins. An entry that is no resource is unreadable on its own; an entry without a resource (a deletion, a
    response) and a further page that is not here are issues.
    """
    try:
        found = list(entries(raw))
        pages = sum(link.relation == "next" for link in _BUNDLE.decode(raw).link)
    except (ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else "wrong type"
        yield Chunk(file, unreadable=[Unreadable(file, line, offset, len(raw), reason, "Bundle")])
        return
    where = Location(file=file, line=line or None, offset=offset)
    filled = [entry for entry in found if entry.raw]
    yield Chunk(file, issues=_remarks(where, empty=len(found) - len(filled), pages=pages))
    for start in range(0, len(filled), ENTRIES_PER_CHUNK):
        chunk = Chunk(file)
        for entry in filled[start : start + ENTRIES_PER_CHUNK]:
            bad = _add(
                chunk, entry, ordinal=entry_ordinal(line, entry.number), decoder=decoder, limits=limits
            )
            if bad is not None:
                begins = offset + max(raw.find(entry.raw), 0)
                chunk.unreadable.append(msgspec.structs.replace(bad, offset=begins))
        yield chunk


def _add(chunk: Chunk, entry: Entry, *, ordinal: int, decoder: Decoder, limits: Limits) -> Unreadable | None:
    """Add the entry's resource to the chunk, or return why it is none (its offset still unknown)."""
    if not entry.is_entry:
        return Unreadable(chunk.file, ordinal, 0, len(entry.raw), "no entry")
    resource, reason, detail = decode_resource(entry.raw, decoder=decoder, limits=limits)
    if reason is None and resource.resourceType == "Bundle":
        reason = "nested bundle"
    if reason is not None:
        return Unreadable(chunk.file, ordinal, 0, len(entry.raw), reason, detail)
    chunk.resources.append(resource)
    chunk.ordinals.append(ordinal)
    chunk.full_urls.append(entry.full_url)
    return None


def _remarks(where: Location, *, empty: int, pages: int) -> list[Issue]:
    found = []
    if empty:
        message = "Bundle entries without a resource (deletions, responses) carry nothing to map"
        found.append(Issue("FHIR-READ-010", "warning", "informational", message, where, count=empty))
    if pages:
        message = "the Bundle has a next page, which is not part of it; make sure that it is in the source"
        found.append(Issue("FHIR-READ-011", "warning", "incomplete", message, where))
    return found
