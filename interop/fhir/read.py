"""Parts of a source as chunks of resources, and single records of it as bytes.

A block of lines is decoded at once; it is read line by line only where it does not decode, nests deep,
has blank lines or holds a Bundle. Resources and ordinals are the same either way, but for a
block in which as many resources run over a line's end as share a line: there no line is called unreadable.
"""

import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from interop.fhir.bundle import ENTRIES_PER_CHUNK, Entry, entries, expand, is_bundle, remarks, take
from interop.fhir.json import LIMITS, Decoder, Limits, is_too_deep
from interop.fhir.lines import (
    BOM,
    DAMAGE,
    Block,
    Bytes,
    Chunk,
    Unreadable,
    blocks,
    decode_resource,
    entry_ordinal,
    is_utf8,
    split_ordinal,
)
from interop.fhir.source import Form, Part, Source, SourceFile
from interop.fhir.xml import xml_entries
from interop.fhir.xml_elements import Findings
from interop.issues import Issue, Location

Of = Callable[[Entry], bytes]
Found = Iterator[tuple[int, bytes]]

_NOT_MARKS = bytes(set(range(256)) - set(b"{[\n"))
_SPACES = b" \t\r\n"
_resource_type = attrgetter("resourceType")


def read(part: Part, *, decoder: Decoder, limits: Limits = LIMITS) -> Iterator[Chunk]:
    """Chunks of one part: its resources as structs of the decoder, its unreadable bytes, its issues.

    A file that breaks off (a truncated gzip, a disk error) is an issue; what came before is kept.
    """
    file = part.file
    try:
        with _open(file, part.start) as stream:
            if file.form == "document":
                yield from _read_document(file.name, stream, decoder, limits)
            elif file.form == "xml":
                yield from _read_xml(file.name, stream, decoder, limits)
            else:
                yield from _read_lines(part, stream, decoder, limits)
    except DAMAGE as error:
        message = f"the file cannot be read to its end ({type(error).__name__}); what came before is kept"
        where = Location(file=file.name)
        yield Chunk(file.name, issues=[Issue("FHIR-READ-009", "error", "incomplete", message, where)])


def records(
    source: Source,
    wanted: Mapping[str, AbstractSet[int]],
    *,
    limits: Limits = LIMITS,
    of: Of = attrgetter("raw"),
) -> Iterator[tuple[str, int, bytes]]:
    """File, ordinal and bytes of the wanted records of a source, in the order of files and of bytes within.

    `wanted` has ordinals by file name, `of` gives the bytes of an entry of a Bundle. A line is given without
    its line end, a resource of an XML document as JSON; a record larger than a limit, or beyond the damage
    of a file, is left out.
    """
    for file in source.files:
        ordinals = wanted.get(file.name)
        if not ordinals:
            continue
        try:
            with _open(file, 0) as stream:
                for ordinal, raw in _FIND[file.form](stream, ordinals, limits, of):
                    yield file.name, ordinal, raw
        except DAMAGE:
            continue  # `read` has reported it


def _open(file: SourceFile, start: int) -> Bytes:
    if file.path is None:
        return io.BytesIO(file.content or b"")
    if file.is_gzip:
        return gzip.open(file.path, "rb")
    stream = Path(file.path).open("rb")  # noqa: SIM115  the caller closes it
    stream.seek(start)
    return stream


def _read_document(name: str, stream: Bytes, decoder: Decoder, limits: Limits) -> Iterator[Chunk]:
    raw, damage = _whole(stream, limits.bundle_bytes)
    text = raw.removeprefix(BOM)
    offset = len(raw) - len(text)
    if len(raw) > limits.bundle_bytes:
        yield Chunk(name, unreadable=[Unreadable(name, 0, 0, len(raw), "too large")])
    elif damage is None and is_bundle(text):
        yield from expand(text, file=name, line=0, offset=offset, decoder=decoder, limits=limits)
    else:
        allowed = msgspec.structs.replace(limits, line_bytes=limits.bundle_bytes)
        resource, reason, detail = decode_resource(text, decoder=decoder, limits=allowed)
        if reason is None:
            yield Chunk(name, [resource], [1])
        else:
            yield Chunk(name, unreadable=[Unreadable(name, 0, offset, len(text), reason, detail)])
    if damage is not None:
        raise damage


def _whole(stream: Bytes, most: int) -> tuple[bytes, Exception | None]:
    """Bytes of a stream, up to one more than allowed, and the error that ended it early."""
    pieces: list[bytes] = []
    left = most + 1
    try:
        while left > 0 and (piece := stream.read1(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
    except DAMAGE as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


def _read_xml(name: str, stream: Bytes, decoder: Decoder, limits: Limits) -> Iterator[Chunk]:
    findings, chunk = Findings(), Chunk(name)
    empty = outcomes = 0
    damage: Exception | None = None
    try:
        for entry in xml_entries(stream, limits=limits, findings=findings):
            outcomes += entry.is_outcome
            if not entry.raw and entry.problem is None:
                empty += 1
                continue
            ordinal = entry_ordinal(entry.line or 0, entry.number)
            bad = take(chunk, entry, ordinal=ordinal, decoder=decoder, limits=limits)
            if bad is not None:
                chunk.unreadable.append(bad)
            if len(chunk.resources) >= ENTRIES_PER_CHUNK:
                yield chunk
                chunk = Chunk(name)
    except DAMAGE as error:
        damage = error
    chunk.issues += remarks(Location(file=name), empty=empty, pages=findings.pages, outcomes=outcomes)
    chunk.issues += findings.issues(name)
    yield chunk
    if damage is not None:
        raise damage


def _read_lines(part: Part, stream: Bytes, decoder: Decoder, limits: Limits) -> Iterator[Chunk]:
    name, line = part.file.name, part.lines + 1
    for block in blocks(stream, start=part.start, stop=part.stop, line_bytes=limits.line_bytes):
        if block.data is None:
            yield Chunk(name, unreadable=[Unreadable(name, line, block.offset, block.length, "too large")])
            line += 1
            continue
        block = _without_bom(block)  # noqa: PLW2901
        data = block.data or b""
        marks = data.translate(None, _NOT_MARKS).split(b"\n")
        if data.endswith(b"\n"):
            marks.pop()
        resources = _decode_block(data, marks, decoder, limits)
        if resources is None:
            yield from _decode_lines(
                data, name=name, first=line, offset=block.offset, decoder=decoder, limits=limits
            )
        else:
            ordinals = list(range(line, line + len(resources)))
            yield Chunk(name, resources, ordinals, may_modify=b"modifierExtension" in data)
        line += len(marks)


def _without_bom(block: Block) -> Block:
    if block.offset or not block.data or not block.data.startswith(BOM):
        return block
    return Block(block.data[len(BOM) :], len(BOM), block.length - len(BOM))


def _decode_block(data: bytes, marks: list[bytes], decoder: Decoder, limits: Limits) -> list[Any] | None:
    """All resources of a block, one per line, or null when its lines must be looked at one by one.

    `marks` are the brackets and braces that open something in each line (or stand in its strings): a line
    with no more of them than levels allowed cannot nest too deep.
    """
    if len(data) > limits.line_bytes or not is_utf8(data):
        return None
    try:
        resources = decoder.decode_lines(data)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if len(resources) != len(marks) or "Bundle" in set(map(_resource_type, resources)):
        return None
    if max(map(len, marks), default=0) > limits.depth:
        lines = data.split(b"\n")
        many = (line for line, opened in zip(lines, marks, strict=False) if len(opened) > limits.depth)
        if any(is_too_deep(line, depth=limits.depth) for line in many):
            return None
    return resources


def _decode_lines(
    data: bytes, name: str, *, first: int, offset: int, decoder: Decoder, limits: Limits
) -> Iterator[Chunk]:
    """The same line by line; a Bundle becomes chunks of its own."""
    chunk = Chunk(name)
    whole = data.endswith(b"\n")
    lines = data.removesuffix(b"\n").split(b"\n")
    for number, line in enumerate(lines, start=first):
        raw = line.strip(_SPACES)
        if raw and len(line) > limits.line_bytes:
            chunk.unreadable.append(Unreadable(name, number, offset, len(line), "too large"))
        elif raw and is_bundle(raw):
            yield chunk
            yield from expand(raw, file=name, line=number, offset=offset, decoder=decoder, limits=limits)
            chunk = Chunk(name)
        elif raw:
            resource, reason, detail = decode_resource(raw, decoder=decoder, limits=limits)
            if reason is None:
                chunk.resources.append(resource)
                chunk.ordinals.append(number)
            else:
                is_cut = reason == "invalid json" and not whole and number == first + len(lines) - 1
                reason, detail = ("truncated", None) if is_cut else (reason, detail)
                chunk.unreadable.append(Unreadable(name, number, offset, len(line), reason, detail))
        offset += len(line) + 1
    yield chunk


def _find_entries(stream: Bytes, ordinals: AbstractSet[int], limits: Limits, of: Of) -> Found:
    raw, damage = _whole(stream, limits.bundle_bytes)
    text = raw.removeprefix(BOM)
    if len(raw) > limits.bundle_bytes:
        return
    if 0 in ordinals:
        yield 0, text
    elif damage is None and is_bundle(text):
        yield from ((entry.number, of(entry)) for entry in entries(text) if entry.number in ordinals)
    elif 1 in ordinals:
        yield 1, text


def _find_xml(stream: Bytes, ordinals: AbstractSet[int], limits: Limits, of: Of) -> Found:
    broken = None
    for entry in xml_entries(stream, limits=limits, findings=Findings()):
        ordinal = entry_ordinal(entry.line or 0, entry.number)
        if ordinal in ordinals and entry.raw:
            yield ordinal, of(entry)
        elif ordinal in ordinals and entry.problem not in (None, "too large"):
            broken = ordinal
    if broken is not None:
        stream.seek(0)
        yield broken, _whole(stream, limits.bundle_bytes)[0]


def _find_lines(stream: Bytes, ordinals: AbstractSet[int], limits: Limits, of: Of) -> Found:
    lines = {split_ordinal(ordinal)[0] for ordinal in ordinals}
    last, number = max(lines), 0
    for block in blocks(stream, line_bytes=limits.line_bytes):
        if block.data is None:
            number += 1
            continue
        data = _without_bom(block).data or b""
        for line in data.removesuffix(b"\n").split(b"\n"):
            number += 1
            if number in lines and len(line) <= limits.line_bytes:
                yield from _of_line(number, line, ordinals, of)
        if number >= last:
            return


_FIND: Mapping[Form, Callable[[Bytes, AbstractSet[int], Limits, Of], Found]] = {
    "document": _find_entries,
    "ndjson": _find_lines,
    "xml": _find_xml,
}


def _of_line(number: int, line: bytes, ordinals: AbstractSet[int], of: Of) -> Found:
    """The line itself, or the wanted entries of the Bundle that it is."""
    if number in ordinals:
        yield number, line
    elif is_bundle(line.strip(_SPACES)):
        for entry in entries(line.strip(_SPACES)):
            if (ordinal := entry_ordinal(number, entry.number)) in ordinals:
                yield ordinal, of(entry)
