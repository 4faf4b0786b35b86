"""What goes wrong on the wire: byte order mark, CRLF, blank, broken, truncated and mis-encoded lines."""

import struct
import uuid
import zlib
from collections.abc import Callable

from cohort.ndjson import Resource, encode

Lines = list[bytes]

_BROKEN = '{"resourceType":"Observation","id":"L-BROKEN-1","status":"final","code":{"text":"血红蛋白"},,}'
_LEGACY = '{"resourceType":"Observation","id":"L-LEGACY-1","status":"final","code":{"text":"血小板计数"}}'
_TORN = '{"resourceType":"MedicationAdministration","id":"MA-TORN-1","status":"completed","subject":{"refer'
_BLOCK = 0xFFFF
_GZIP_HEADER = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
_BUNDLE_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://fhir.pumch.example/fhir/bundle-followup")


def plain(lines: Lines) -> bytes:
    """Lines ended by LF."""
    return b"".join(line + b"\n" for line in lines)


def with_mark(lines: Lines) -> bytes:
    """A UTF-8 byte order mark before the first line."""
    return b"\xef\xbb\xbf" + plain(lines)


def with_crlf(lines: Lines) -> bytes:
    """Lines ended by CRLF."""
    return b"".join(line + b"\r\n" for line in lines)


def with_blanks(lines: Lines) -> bytes:
    """A blank line after every tenth line, and one of spaces at the end."""
    return (
        b"".join(line + (b"\n\n" if number % 10 == 0 else b"\n") for number, line in enumerate(lines))
        + b"  \n"
    )


def with_broken(lines: Lines) -> bytes:
    """In the middle a line that is no JSON and a line that is GB 18030 instead of UTF-8."""
    middle = len(lines) // 2
    return plain([*lines[:middle], _BROKEN.encode(), _LEGACY.encode("gb18030"), *lines[middle:]])


def with_torn_end(lines: Lines) -> bytes:
    """A last line that stops in the middle, without a line end."""
    return plain(lines) + _TORN.encode()


def zipped(lines: Lines) -> bytes:
    """Gzip (RFC 1952) of stored blocks, built by hand: no compressor's version shows in the bytes."""
    plain_bytes = plain(lines)
    blocks = [plain_bytes[at : at + _BLOCK] for at in range(0, len(plain_bytes), _BLOCK)]
    packed = b"".join(
        struct.pack("<BHH", number == len(blocks) - 1, len(block), len(block) ^ _BLOCK) + block
        for number, block in enumerate(blocks)
    )
    return _GZIP_HEADER + packed + struct.pack("<II", zlib.crc32(plain_bytes), len(plain_bytes))


FAULTS: dict[str, Callable[[Lines], bytes]] = {
    "Patient": with_mark,
    "ResearchSubject": with_crlf,
    "Encounter": with_blanks,
    "Observation": with_broken,
    "MedicationAdministration": with_torn_end,
    "Specimen": zipped,
}


def file_of(kind: str, resources: list[Resource]) -> tuple[str, bytes]:
    """Name and bytes of the file of one resource type, with the fault that it always has."""
    lines = [encode(resource).encode() for resource in resources]
    write = FAULTS.get(kind, plain)
    return f"{kind}.ndjson{'.gz' if write is zipped else ''}", write(lines)


def bundle(resources: list[Resource]) -> bytes:
    """A collection Bundle: urn:uuid addresses, references rewritten to them, one result without an id."""
    addresses = {
        f"{row['resourceType']}/{row['id']}": f"urn:uuid:{uuid.uuid5(_BUNDLE_SPACE, row['id'])}"
        for row in resources
    }
    entries: list[Resource] = [
        {"fullUrl": addresses[key], "resource": _readdressed(row, addresses)}
        for key, row in zip(addresses, resources, strict=True)
    ]
    last = entries[-1]["resource"]
    last["identifier"] = [{"system": "urn:pumch:lis:result", "value": last.pop("id")}]
    text = encode({"resourceType": "Bundle", "id": "bundle-followup", "type": "collection", "entry": entries})
    return text.encode() + b"\n"


def _readdressed(row: Resource, addresses: dict[str, str]) -> Resource:
    changed = dict(row)
    for name in ("subject", "specimen"):
        if name in row:
            target = row[name]["reference"]
            changed[name] = {"reference": addresses.get(target, target)}
    return changed
