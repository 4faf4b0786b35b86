"""FHIR XML documents (R4 2.6.1): a stream of bytes to its resources as JSON texts, an entry at a time.

A document type declaration is refused before a parser sees it, so that there are no entities but those of
XML itself; nothing is fetched, and XInclude is an element like any other.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from lxml import etree

from interop.fhir.bundle import Entry, deletion
from interop.fhir.json import Limits, TooDeep, dump
from interop.fhir.lines import BLOCK, BOM, Bytes
from interop.fhir.xml_elements import FHIR, Findings, line_of, members, object_value, resource_value

_ENTRY, _BUNDLE = f"{{{FHIR}}}entry", f"{{{FHIR}}}Bundle"
_PROLOG = re.compile(rb"(?:\s++|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ROOT, _DOCTYPE = re.compile(rb"<[^!?\s]"), b"<!DOCTYPE"
_ENCODING = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)""")
_UTF_8 = (b"utf-8", b"utf8", b"us-ascii")
_PROLOG_BYTES = 1 << 20  # comments and blanks before the root are looked at again with every block
_TREE = 4  # a tree may hold this many times the bytes of a line; what is larger is given up with its document
_CHILDREN = 100_000  # of a Bundle, besides entries
_INVALID_ENCODING, _RESOURCE_LIMIT, _NAMESPACE = 81, 114, 200  # libxml2's numbers


class _Refused(Exception):  # noqa: N818  it never leaves this file
    """The document cannot be read on: a reason, the line, a detail."""

    def __init__(self, reason: str, line: int, detail: str | None = None) -> None:
        self.reason, self.line, self.detail = reason, line, detail


def xml_entries(stream: Bytes, *, limits: Limits, findings: Findings) -> Iterator[Entry]:
    """Resources of an XML document: the entries of a Bundle in their order, or the one resource, number 0.

    `findings` takes what is wrong with elements. Where the document cannot be read (on), the last entry has
    number 0, the line and a `problem`. Raises what the stream raises (`DAMAGE`), after what came before it.
    """
    try:
        yield from _entries(stream, limits, findings)
    except _Refused as end:
        yield Entry(0, None, b"", line=end.line, problem=end.reason, detail=end.detail)


def _entries(stream: Bytes, limits: Limits, findings: Findings) -> Iterator[Entry]:
    head, tag, line = _opened(stream, limits)
    if not tag.startswith(f"{{{FHIR}}}"):
        raise _Refused("not fhir xml", line)
    parser = _parser(("end",), tag=_ENTRY)
    number = held = 0
    root, total, block = None, len(head), head
    while block:
        ended = _feed(parser, block)
        held += len(block)
        for _, element in parser.read_events():
            if tag == _BUNDLE and _is_of_root(element):
                number, held, root = number + 1, 0, element.getparent()
                yield _entry(element, number, limits, findings)
                _forget(element)
        if ended is not None:
            raise ended
        is_wide = root is not None and len(root) > _CHILDREN
        if is_wide or held > _TREE * limits.line_bytes or total > limits.bundle_bytes:
            raise _Refused("too large", line)
        block = stream.read1(BLOCK)
        total += len(block)
    whole = _close(parser)
    if tag == _BUNDLE:
        _end_bundle(whole, findings)
    else:
        yield _resource(whole, Entry(0, None, b"", line=line), limits, findings)


def _opened(stream: Bytes, limits: Limits) -> tuple[bytes, str, int]:
    """Bytes up to the end of the root's start tag or further, the root's tag, its line."""
    head = b""
    probe = _parser(("start",))
    fed = 0
    while len(head) <= limits.line_bytes and (block := stream.read1(BLOCK)):
        head = (head + block).removeprefix(BOM) if not fed else head + block
        if b"\0" in head[:4]:
            raise _Refused("invalid utf-8", 1)
        if not fed and not _is_open(head):
            if len(head) > _PROLOG_BYTES:
                raise _Refused("too large", 1)
            continue
        ended = _feed(probe, head[fed:])
        fed = len(head)
        for _, element in probe.read_events():
            return head, element.tag, element.sourceline
        if ended is not None:
            raise ended
    if len(head) > limits.line_bytes:
        raise _Refused("too large", 1)
    if fed:
        _close(probe)
    raise _Refused("truncated" if head.strip() else "invalid xml", 1)


def _is_open(head: bytes) -> bool:
    """Whether the root begins in these bytes; raises `_Refused` when something else does."""
    begins = _PROLOG.match(head)
    end = begins.end() if begins else 0
    declared = _ENCODING.match(head)
    if declared and declared[1].lower() not in _UTF_8:
        raise _Refused("invalid utf-8", 1, "another encoding is declared")
    line, rest = head.count(b"\n", 0, end) + 1, head[end : end + len(_DOCTYPE)]
    if rest == _DOCTYPE:
        raise _Refused("doctype", line)
    if _ROOT.match(rest):
        return True
    if not rest or _DOCTYPE.startswith(rest) or rest.startswith((b"<!--", b"<?")):
        return False
    raise _Refused("invalid xml", line)


def _parser(events: tuple[str, ...], tag: str | None = None) -> Any:
    return etree.XMLPullParser(
        events,
        tag=tag,
        encoding="utf-8",  # R4 2.6.1 knows no other
        no_network=True,
        load_dtd=False,
        resolve_entities="internal",
        huge_tree=True,  # our own limits are lower, and spoil one entry only
        remove_comments=True,
        remove_pis=True,
    )


def _feed(parser: Any, block: bytes) -> _Refused | None:
    """Give bytes to the parser; returns why it cannot go on, after which its events can still be read."""
    try:
        parser.feed(block)
    except etree.XMLSyntaxError as error:
        return _refused(error, ended=False)
    return None


def _close(parser: Any) -> Any:
    try:
        return parser.close()
    except etree.XMLSyntaxError as error:
        raise _refused(error, ended=True) from None


def _refused(error: etree.XMLSyntaxError, *, ended: bool) -> _Refused:
    line, column = error.position
    reason = {_INVALID_ENCODING: "invalid utf-8", _RESOURCE_LIMIT: "too deep"}.get(error.code, "invalid xml")
    if ended and error.code < _NAMESPACE:
        reason = "truncated"
    return _Refused(reason, line or 1, f"line {line}, column {column}" if line else None)


def _is_of_root(element: Any) -> bool:
    """Whether an entry is the Bundle's own; a List has entries, too."""
    parent = element.getparent()
    return parent is not None and parent.getparent() is None


def _entry(element: Any, number: int, limits: Limits, findings: Findings) -> Entry:
    root, resource = element.getparent(), element.find(f"{{{FHIR}}}resource/*")
    line = line_of(element if resource is None else resource)
    entry = Entry(number, None, b"", line=line)
    try:
        said = object_value(element, "Bundle.entry", found=findings, depth=limits.depth)
    except TooDeep:
        return msgspec.structs.replace(entry, raw=etree.tostring(element), problem="too deep")
    rules = root.find(f"{{{FHIR}}}implicitRules")
    entry = msgspec.structs.replace(
        entry,
        full_url=said.get("fullUrl"),
        raw=dump(said["resource"]) if "resource" in said else b"",
        modifier=dump(said["modifierExtension"]) if "modifierExtension" in said else b"",
        is_outcome=said.get("search", {}).get("mode") == "outcome",
        rules=None if rules is None else rules.get("value"),
    )
    return entry if entry.raw else deletion(entry, said)


def _resource(element: Any, entry: Entry, limits: Limits, findings: Findings) -> Entry:
    try:
        raw = dump(resource_value(element, found=findings, depth=limits.depth))
    except TooDeep:
        return msgspec.structs.replace(entry, raw=etree.tostring(element), problem="too deep")
    return msgspec.structs.replace(entry, raw=raw)


def _forget(element: Any) -> None:
    """Free an entry that was read; the parser may still write behind it, so it goes when the next came."""
    element.clear(keep_tail=True)
    before = element.getprevious()
    if before is not None and before.tag == _ENTRY:
        element.getparent().remove(before)


def _end_bundle(root: Any, findings: Findings) -> None:
    """Note what a Bundle has besides entries: further pages, and elements that FHIR R4 does not know."""
    known = members("Bundle")
    for item in root:
        if item.tag not in known:
            findings.note("unknown", f"Bundle.{item.tag.rpartition('}')[2]}", line_of(item))
        relation = item.find(f"{{{FHIR}}}relation") if item.tag == f"{{{FHIR}}}link" else None
        findings.pages += relation is not None and relation.get("value") == "next"
