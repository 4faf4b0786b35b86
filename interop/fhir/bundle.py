"""Bundles (R4 Bundle): entries as resources, each with its fullUrl; a bad entry does not spoil the others."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from interop.fhir.json import Decoder, Limits, dump, parse
from interop.fhir.lines import Chunk, Unreadable, decode_resource, entry_ordinal
from interop.issues import Issue, Location

ENTRIES_PER_CHUNK = 1000

_NOTHING = msgspec.Raw(b"")
_NONE = (b"", b"[]", b"null")
_TARGET = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([^/]*))?$")
_ETAG = re.compile(r'(?:W/)?"(.*)"')


class _Head(msgspec.Struct):
    resourceType: str | None = None  # noqa: N815  FHIR's own name


class _Entry(msgspec.Struct):
    fullUrl: str | None = None  # noqa: N815
    resource: msgspec.Raw = _NOTHING
    modifierExtension: msgspec.Raw = _NOTHING  # noqa: N815
    search: msgspec.Raw = _NOTHING
    request: msgspec.Raw = _NOTHING
    response: msgspec.Raw = _NOTHING


class _Link(msgspec.Struct):
    relation: str | None = None


class _Bundle(msgspec.Struct):
    entry: list[msgspec.Raw] = []
    link: list[_Link] = []
    implicitRules: str | None = None  # noqa: N815


_HEAD = msgspec.json.Decoder(_Head)
_ENTRY = msgspec.json.Decoder(_Entry)
_BUNDLE = msgspec.json.Decoder(_Bundle)


class Entry(msgspec.Struct, frozen=True):
    """One Bundle.entry: its number from 1, its fullUrl, the JSON bytes of its resource (empty without one).

    Where it cannot be read `problem` is a reason with a `detail`, and the bytes are its own. `line` is known
    in XML. `rules` are the Bundle's implicitRules, which hold for what is in it, `modifier` the JSON bytes of
    the entry's own modifierExtension; `is_deletion` says that the bytes only tell which version was deleted
    (type, id and meta), `is_outcome` that the resource tells about a search and was not found by it.
    """

    number: int
    full_url: str | None
    raw: bytes
    line: int | None = None
    problem: str | None = None
    detail: str | None = None
    rules: str | None = None
    modifier: bytes = b""
    is_deletion: bool = False
    is_outcome: bool = False


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
    bundle = _BUNDLE.decode(raw)
    return (_entry(number, one, bundle.implicitRules) for number, one in enumerate(bundle.entry, start=1))


def _entry(number: int, raw: msgspec.Raw, rules: str | None) -> Entry:
    try:
        read = _ENTRY.decode(raw)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return Entry(number, None, bytes(raw), problem="no entry")
    entry = Entry(
        number,
        read.fullUrl,
        bytes(read.resource),
        rules=rules,
        modifier=bytes(read.modifierExtension) if bytes(read.modifierExtension) not in _NONE else b"",
        is_outcome=_part(read.search).get("mode") == "outcome",
    )
    if entry.raw:
        return entry
    return deletion(entry, {"request": _part(read.request), "response": _part(read.response)})


def _part(raw: msgspec.Raw) -> dict[str, Any]:
    """`search`, `request` or `response` of an entry; empty when it is none of what FHIR R4 allows."""
    try:
        value = parse(raw) if bytes(raw) else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def deletion(entry: Entry, said: Mapping[str, Any]) -> Entry:
    """An entry without a resource as the record of a deletion, where it is one (R4 Bundle.entry.request).

    `said` has the entry's `request` and `response`. Type and id are those of the request's url, the version
    and its time those of the response (the version else of the url). Any other entry comes back as it is.
    """
    request, response = said.get("request"), said.get("response")
    if not isinstance(request, dict) or request.get("method") != "DELETE":
        return entry
    url = request.get("url")
    if not isinstance(url, str) or (target := _TARGET.search(url)) is None:
        return entry
    response = response if isinstance(response, dict) else {}
    tag, updated = response.get("etag"), response.get("lastModified")
    tagged = _ETAG.fullmatch(tag) if isinstance(tag, str) else None
    version = tagged[1] if tagged else target[3]
    meta = {
        **({"versionId": version} if version else {}),
        **({"lastUpdated": updated} if isinstance(updated, str) else {}),
    }
    raw = dump({"resourceType": target[1], "id": target[2], "meta": meta})
    full_url = entry.full_url or (url if "://" in url else None)
    return msgspec.structs.replace(entry, raw=raw, full_url=full_url, is_deletion=True)


def alone(entry: Entry) -> bytes:
    """The entry's resource as a record of its own, in a Bundle where that says how it may be processed."""
    if not entry.modifier and entry.rules is None:
        return entry.raw
    said = {
        "fullUrl": entry.full_url,
        "modifierExtension": msgspec.Raw(entry.modifier) if entry.modifier else None,
        "resource": msgspec.Raw(entry.raw),
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "implicitRules": entry.rules}
    kept = {name: value for name, value in bundle.items() if value is not None}
    return dump({**kept, "entry": [{name: value for name, value in said.items() if value is not None}]})


def expand(
    raw: bytes, *, file: str, line: int, offset: int, decoder: Decoder, limits: Limits
) -> Iterator[Chunk]:
    """Resources of a Bundle, in chunks.

    `line` is where the Bundle stands in an NDJSON file, 0 for a document; `offset` is the byte where it
    begins. An entry that is no resource is unreadable on its own; an entry without a resource (a response)
    and a further page that is not here are issues.
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
    outcomes = sum(entry.is_outcome for entry in found)
    yield Chunk(file, issues=remarks(where, empty=len(found) - len(filled), pages=pages, outcomes=outcomes))
    for start in range(0, len(filled), ENTRIES_PER_CHUNK):
        chunk = Chunk(file)
        for entry in filled[start : start + ENTRIES_PER_CHUNK]:
            ordinal = entry_ordinal(line, entry.number)
            bad = take(chunk, entry, ordinal=ordinal, decoder=decoder, limits=limits)
            if bad is not None:
                begins = offset + max(raw.find(entry.raw), 0)
                chunk.unreadable.append(msgspec.structs.replace(bad, offset=begins))
        yield chunk


def take(chunk: Chunk, entry: Entry, *, ordinal: int, decoder: Decoder, limits: Limits) -> Unreadable | None:
    """Add the entry's resource to the chunk, or return why it is none (its offset still unknown)."""
    resource: Any = None
    reason, detail = entry.problem, entry.detail
    if reason is None:
        resource, reason, detail = decode_resource(entry.raw, decoder=decoder, limits=limits)
    if reason is None and resource.resourceType == "Bundle":
        reason = "nested bundle"
    if reason is not None:
        return Unreadable(chunk.file, ordinal, None, len(entry.raw), reason, detail)
    at = len(chunk.resources)
    chunk.resources.append(resource)
    chunk.ordinals.append(ordinal)
    chunk.full_urls.append(entry.full_url)
    if entry.modifier:
        chunk.modified.append(at)
    if entry.is_deletion:
        chunk.deleted.append(at)
    if entry.rules is not None:
        chunk.rules[at] = entry.rules
    return None


def remarks(where: Location, *, empty: int = 0, pages: int = 0, outcomes: int = 0) -> list[Issue]:
    """Issues about a Bundle: how many entries are empty, pages are elsewhere, outcomes of a search it has."""
    found = []
    if empty:
        message = "Bundle entries without a resource (responses, conditional requests) carry nothing to map"
        found.append(Issue("FHIR-READ-010", "warning", "informational", message, where, count=empty))
    if pages:
        message = "the Bundle has a next page, which is not part of it; make sure that it is in the source"
        found.append(Issue("FHIR-READ-011", "warning", "incomplete", message, where))
    if outcomes:
        message = "the server has remarks on the search (an entry with search.mode outcome); read them, for "
        message += "they may say that something is missing"
        found.append(Issue("FHIR-READ-021", "warning", "informational", message, where, count=outcomes))
    return found
