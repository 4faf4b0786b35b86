"""What a resource says as JSON and as XML, compared; what legitimately differs has a reason in `REASONS`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from interop.fhir.bundle import is_bundle
from interop.fhir.json import Decoder, Number, parse
from interop.fhir.read import read, records
from interop.fhir.source import open_source
from interop.fhir.xml_elements import PROBLEMS

VERSION = "npm hl7.fhir.r4.examples 4.0.1"
REASONS = {
    "div": "narrative is XML inside a text: entities, empty elements and line ends have several spellings",
    "data": "white space in base64 means nothing, and HL7's serializer leaves it out",
}
ELEMENTS = {rule for rule, *_ in PROBLEMS.values()}
_SPACE = re.compile(r"\s+")
_PLAIN = etree.XMLParser(remove_comments=True, huge_tree=True)


def said(path: Path) -> tuple[list[Any], list[str]]:
    """Values of the resources of a file as the quarantine would get them, and the rules that it breaks."""
    source, decoder = open_source(path), Decoder()
    chunks = [chunk for part in source.parts() for chunk in read(part, decoder=decoder)]
    ordinals = {ordinal for chunk in chunks for ordinal in chunk.ordinals}
    nested = {bad.ordinal for chunk in chunks for bad in chunk.unreadable if bad.reason == "nested bundle"}
    values = [parse(raw) for _, _, raw in records(source, {path.name: ordinals | nested})]
    broken = [issue.rule for chunk in chunks for issue in chunk.issues if issue.rule in ELEMENTS]
    return values, broken + [
        bad.reason for chunk in chunks for bad in chunk.unreadable if bad.ordinal not in nested
    ]


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Paths at which two values say different things; numbers differ when their texts do."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted({*ours, *theirs}):
            inner = f"{path}.{name}"
            if name in ours and name in theirs:
                yield from differences(ours[name], theirs[name], inner)
            else:
                yield f"{inner} is missing in one"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, f"{path}[{at}]")
    elif _meaning(ours, path) != _meaning(theirs, path):
        yield f"{path} differs"


def _meaning(value: Any, path: str) -> Any:
    name = path.rpartition(".")[2]
    if name == "div" and isinstance(value, str):
        spaced = etree.tostring(etree.fromstring(value, _PLAIN), method="c14n").decode()
        return _SPACE.sub(" ", spaced.replace("&#xA;", " ").replace("&#xD;", " "))
    if name == "data" and isinstance(value, str):
        return _SPACE.sub("", value)
    return (type(value), value.text if isinstance(value, Number) else value)


def compare(json: Path, xml: Path) -> list[str]:
    """Everything that a file in XML says otherwise than its twin in JSON, and the rules that it breaks."""
    values, broken = said(xml)
    return [*broken, *differences(said(json)[0], values)]


def resources_in(folder: Path) -> int:
    """Resources in a folder of JSON files as the reader counts them: a Bundle is its filled entries."""
    found = 0
    for path in folder.glob("*.json"):
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        entries = parse(raw).get("entry", []) if is_bundle(raw) else [{"resource": {}}]
        asked = [entry.get("request", {}) for entry in entries]
        deleted = [one for one in asked if one.get("method") == "DELETE" and "?" not in one["url"]]
        found += sum("resource" in entry for entry in entries) + len(deleted)
    return found
