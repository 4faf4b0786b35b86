"""The quarantine: the bytes of what was not processed, one record a line, which is a source again."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from interop.fhir.bundle import alone
from interop.fhir.json import LIMITS, Limits
from interop.fhir.lines import Unreadable
from interop.fhir.read import records
from interop.fhir.source import Source


def write_quarantine(
    path: Path,
    source: Source,
    *,
    wanted: Mapping[str, AbstractSet[int]],
    unreadable: Iterable[Unreadable] = (),
    limits: Limits = LIMITS,
) -> int:
    """Write the wanted and the unreadable records of a source to an NDJSON file; returns how many.

    `wanted` has ordinals by file name. Records stand in the order of file names and of places within, as the
    bytes that they were; only the line breaks of an indented Bundle entry become spaces, which JSON does not
    see. An entry that its Bundle's implicitRules or a modifierExtension of its own bar stands in a Bundle
    that bars it again. A resource of an XML document stands as JSON; what could not be read of one, as it
    was. What passed a limit (`too large`) is not copied: its place is in its issue, the source still has it.
    """
    places = {file: set(ordinals) for file, ordinals in wanted.items()}
    for bad in unreadable:
        if bad.reason != "too large":
            places.setdefault(bad.file, set()).add(bad.ordinal)
    written = 0
    with path.open("wb") as target:
        for _, _, raw in records(source, places, limits=limits, of=alone):
            target.write(raw.replace(b"\r\n", b"  ").replace(b"\n", b" ") + b"\n")
            written += 1
    return written
