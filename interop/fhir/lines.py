"""Lines of bytes and what became of them: blocks of whole lines, chunks of resources, unreadable bytes.

A place in a file is an `ordinal`: the line of an NDJSON file, or the entry of a Bundle document, both from 1.
An entry of a Bundle that stands in line 7 of an NDJSON file has ordinal `7 | entry << 40`, and so has an
entry in line 7 of an XML document; 0 is a JSON document as a whole, 7 an XML document that begins or breaks
there.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import polars as pl

from interop.fhir.json import LIMITS, Decoder, Limits, is_too_deep, parse
from interop.issues import Issue, Location

Bytes = io.BufferedReader | io.BytesIO | gzip.GzipFile
BLOCK = 192 << 10  # larger blocks fall out of the processor's cache
BOM = b"\xef\xbb\xbf"

DAMAGE = (OSError, EOFError, zlib.error)  # what a broken disk or gzip stream raises

_LINE_BITS = 40

# reason -> (rule, FHIR R4 issue-type, what would be right)
REASONS = {
    "too large": (
        "FHIR-READ-001",
        "too-long",
        "larger than the limit; its bytes are not copied to the quarantine",
    ),
    "too deep": ("FHIR-READ-002", "too-costly", "nested deeper than the limit"),
    "invalid utf-8": ("FHIR-READ-003", "structure", "not UTF-8 (FHIR R4 2.6.2 asks for UTF-8)"),
    "invalid json": ("FHIR-READ-004", "structure", "not JSON"),
    "truncated": ("FHIR-READ-005", "incomplete", "the file ends inside this line; send the file again"),
    "not an object": ("FHIR-READ-006", "structure", "JSON, but not an object; a resource is an object"),
    "no resourceType": ("FHIR-READ-007", "required", "an object without resourceType (FHIR R4 2.6.2)"),
    "wrong type": ("FHIR-READ-008", "structure", "id and meta's versionId and lastUpdated must be strings"),
    "no entry": ("FHIR-READ-013", "structure", "Bundle.entry must be a list of objects"),
    "nested bundle": ("FHIR-READ-014", "not-supported", "a Bundle in a Bundle is not opened; send it alone"),
    "invalid xml": ("FHIR-READ-015", "structure", "not well-formed XML; what came before is read"),
    "doctype": (
        "FHIR-READ-016",
        "security",
        "a document type declaration is not read (FHIR R4 2.6.1 has none); send the document without it",
    ),
    "not fhir xml": ("FHIR-READ-017", "structure", "XML, but its root is not in http://hl7.org/fhir"),
}


class Unreadable(msgspec.Struct, frozen=True):
    """Bytes that are no resource: where they are, a `REASONS` code and a detail without content.

    In XML only the line is known, and `offset` is null.
    """

    file: str
    ordinal: int
    offset: int | None
    length: int
    reason: str
    detail: str | None = None

    def issue(self) -> Issue:
        """The same as an Issue of severity error."""
        rule, code, right = REASONS[self.reason]
        detail = f" ({self.detail})" if self.detail else ""
        return Issue(rule, "error", code, f"{self.reason}: {right}{detail}", self.where())

    def where(self) -> Location:
        """Place of the bytes: file, line or entry, byte offset."""
        return Location(file=self.file, line=self.ordinal % (1 << _LINE_BITS) or None, offset=self.offset)


class Chunk(msgspec.Struct):
    """Resources of one stretch of a file: structs of the `Decoder`, and the ordinal of each.

    `full_urls` is Bundle.entry.fullUrl of each, or an empty list where no Bundle is; `unreadable` holds what
    did not decode and `issues` what is wrong with the file. `may_modify` is false where no byte of it
    speaks of a modifierExtension, at any depth. Of resources in Bundles, by position: `modified` are those
    whose entry has a modifierExtension, `deleted` those that only say which version was deleted, `rules` the
    Bundle's implicitRules.
    """

    file: str
    resources: list[Any] = []
    ordinals: list[int] = []
    full_urls: list[str | None] = []
    unreadable: list[Unreadable] = []
    issues: list[Issue] = []
    may_modify: bool = True
    modified: list[int] = []
    deleted: list[int] = []
    rules: dict[int, str] = {}


class Block(msgspec.Struct):
    """Whole lines: bytes (null when one line passes the limit), byte offset, length in bytes."""

    data: bytes | None
    offset: int
    length: int


def entry_ordinal(line: int, entry: int) -> int:
    """Ordinal of an entry (from 1) of the Bundle in a line of an NDJSON file; `line` is 0 for a document."""
    return line | entry << _LINE_BITS if line else entry


def split_ordinal(ordinal: int) -> tuple[int, int]:
    """Line and entry of an ordinal; the entry is 0 where the line holds the resource itself."""
    return ordinal % (1 << _LINE_BITS), ordinal >> _LINE_BITS


def is_utf8(raw: bytes) -> bool:
    """Whether bytes are UTF-8; a typed decoder looks only at the strings it reads."""
    if raw.isascii():
        return True
    try:
        pl.Series([raw], dtype=pl.Binary).cast(pl.String)  # four times as fast as bytes.decode
    except pl.exceptions.ComputeError:
        return False
    return True


def blocks(
    stream: Bytes, *, start: int = 0, stop: int | None = None, line_bytes: int = LIMITS.line_bytes
) -> Iterator[Block]:
    """Blocks of whole lines of a stream that stands at byte `start` and is read to byte `stop` or its end.

    A line longer than `line_bytes` that does not end within its block is passed over without being held: a
    block of its own, without data. Raises what the stream raises (`DAMAGE`), after what came before it.
    """
    rest, offset, skipped = b"", start, 0
    damage: Exception | None = None
    for piece in _pieces(stream, None if stop is None else stop - start):
        if isinstance(piece, Exception):
            damage = piece
            break
        data = rest + piece
        if skipped:
            end = data.find(b"\n") + 1
            if not end:
                skipped += len(data)
                continue
            yield Block(None, offset, skipped + end - 1)
            offset, skipped, data = offset + skipped + end, 0, data[end:]
        cut = data.rfind(b"\n") + 1
        if cut:
            yield Block(data[:cut], offset, cut)
        rest, offset = data[cut:], offset + cut
        if len(rest) > line_bytes:
            rest, skipped = b"", len(rest)
    if skipped or rest:
        yield Block(rest or None, offset, skipped or len(rest))
    if damage is not None:
        raise damage


def _pieces(stream: Bytes, length: int | None) -> Iterator[bytes | Exception]:
    """Bytes of a stream up to `length`; the error that ends it early is the last piece."""
    left = length
    while left is None or left > 0:
        try:
            piece = stream.read1(BLOCK if left is None else min(BLOCK, left))
        except DAMAGE as error:
            yield error
            return
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


def decode_resource(raw: bytes, *, decoder: Decoder, limits: Limits) -> tuple[Any, str | None, str | None]:
    """A resource of one JSON text, or null with a `REASONS` code and a detail that quotes no content."""
    resource, detail = None, None
    try:
        reason = _barred(raw, limits)
        resource = decoder.decode(raw) if reason is None else None
    except msgspec.ValidationError as error:
        reason, detail = _misshape(raw, depth=limits.depth), str(error)
    except msgspec.DecodeError as error:
        reason, detail = "invalid json", str(error)
    except RecursionError:
        reason = "too deep"
    return resource, reason, detail


def _barred(raw: bytes, limits: Limits) -> str | None:
    """Why bytes are not even looked at, or null."""
    if len(raw) > limits.line_bytes:
        return "too large"
    if not is_utf8(raw):
        return "invalid utf-8"
    return "too deep" if is_too_deep(raw, depth=limits.depth) else None


def _misshape(raw: bytes, *, depth: int) -> str:
    """What keeps a JSON text from being a resource: decided by its shape, not by an error's words."""
    try:
        value = parse(raw, depth=depth)
    except ValueError:  # a number that no decoder holds, beside the wrong type
        return "wrong type"
    if not isinstance(value, dict):
        return "not an object"
    return "wrong type" if isinstance(value.get("resourceType"), str) else "no resourceType"
