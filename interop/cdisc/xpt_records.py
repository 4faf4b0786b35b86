"""The header records of a SAS Transport v5 file: 80 bytes each, described in SAS technical note TS-140."""

import codecs
import re
import struct
from collections.abc import Iterable
from datetime import datetime

import msgspec

from interop.cdisc.standard import NAME_LENGTH
from interop.cdisc.table import Column
from interop.errors import InteropError

RECORD = 80
NAMESTR = 140
NUMBER = 8  # bytes of a number

LIBRARY_HEADER = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!" + b"0" * 30 + b"  "
MEMBER_HEADER = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
DESCRIPTOR_HEADER = b"HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!" + b"0" * 30 + b"  "
NAMESTR_HEADER = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
OBSERVATION_HEADER = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!" + b"0" * 30 + b"  "

# type, hash, length, number, name, label, format and informat with widths, position, rest; big-endian
_NAMESTR = struct.Struct(">hhhh8s40s8shhh2s8shhl52s")
# a name that ends in no digit and has at most 8 characters, a width, decimals
_FORMAT = re.compile(r"(\$?(?:[A-Za-z_][A-Za-z0-9_]*?)?(?<![0-9]))(\d{0,4})\.?(\d{0,2})", re.ASCII)
_RELEASE = b"9.4".ljust(8) + b"X64".ljust(8)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_EPOCH = datetime(1960, 1, 1)  # noqa: DTZ001  SAS time has no zone; day 0 stands for "no clock was read"


class Field(msgspec.Struct, frozen=True):
    """Where a variable stands in an observation: `position` and `length` in bytes."""

    column: Column
    length: int
    position: int


def moment(timestamp: datetime | None) -> bytes:
    """A time as SAS writes it, "01JAN60:00:00:00" when none is given."""
    at = timestamp or _EPOCH
    return f"{at:%d}{_MONTHS[at.month - 1]}{at.year % 100:02d}:{at:%H:%M:%S}".encode("ascii")


def pack(name: str, label: bytes, fields: Iterable[Field], *, encoding: str, at: bytes) -> bytes:
    """Every record before the observations: library, member, descriptor and variables.

    `label` is encoded and at most 40 bytes, `at` from `moment`; the caller has checked names and lengths.
    """
    namestrs = [_namestr(number, field, encoding) for number, field in enumerate(fields, start=1)]
    records = (
        LIBRARY_HEADER,
        (b"SAS     SAS     SASLIB  " + _RELEASE).ljust(64) + at,
        at.ljust(RECORD),
        MEMBER_HEADER + f"{0:017d}160000000{NAMESTR:04d}  ".encode("ascii"),
        DESCRIPTOR_HEADER,
        (b"SAS     " + name.encode("ascii").ljust(8) + b"SASDATA " + _RELEASE).ljust(64) + at,
        at + b" " * 16 + label.ljust(40) + b" " * 8,
        NAMESTR_HEADER + f"{len(namestrs):010d}{0:020d}  ".encode("ascii"),
        padded(b"".join(namestrs)),
        OBSERVATION_HEADER,
    )
    return b"".join(records)


def unpack(namestr: bytes, encoding: str) -> Field:
    """The field that a variable record of 136 or 140 bytes describes.

    Raises UnicodeError where its label is not of `encoding`.
    """
    parts = _NAMESTR.unpack(namestr.ljust(NAMESTR)[:NAMESTR])
    number, length = parts[0] == 1, parts[2]
    column = Column(
        _text(parts[4], "latin-1"),
        _text(parts[5], encoding),
        "Num" if number else "Char",
        length=None if number else length,
        width=length if number and length != NUMBER else None,
        format=_format(*parts[6:9]),
        informat=_format(*parts[11:14]),
    )
    return Field(column, length=length, position=parts[14])


def padded(content: bytes) -> bytes:
    """The content filled with blanks to whole records."""
    return content + b" " * (-len(content) % RECORD)


def format_parts(text: str) -> tuple[str, int, int] | None:
    """Name, width and decimals of a SAS format: "DATE9." is ("DATE", 9, 0); None for what is no format."""
    found = _FORMAT.fullmatch(text)
    if not found or len(found[1]) > NAME_LENGTH:
        return None
    return found[1].upper(), int(found[2] or 0), int(found[3] or 0)


def _text(cell: bytes, encoding: str) -> str:
    return cell.decode(encoding).rstrip(" \0")


def _format(name: bytes, width: int, decimals: int) -> str:
    text = _text(name, "latin-1")
    return f"{text}{width or ''}.{decimals or ''}" if text or width or decimals else ""


def _format_cells(text: str) -> tuple[bytes, int, int]:
    name, width, decimals = format_parts(text) or ("", 0, 0)
    return name.encode("ascii").ljust(8), width, decimals


def _namestr(number: int, field: Field, encoding: str) -> bytes:
    column = field.column
    return _NAMESTR.pack(
        1 if column.type == "Num" else 2,
        0,
        field.length,
        number,
        column.name.encode("ascii").ljust(8),
        column.label.encode(encoding).ljust(40),
        *_format_cells(column.format),
        *(0, b"\0\0"),
        *_format_cells(column.informat),
        field.position,
        b"\0" * 52,
    )


def codec_of(encoding: str, *, error: type[InteropError]) -> str:
    """The codec's own name of a text encoding; raises `error` for what is none."""
    try:
        "".encode(encoding)  # base64 is a codec, and none of text
        return codecs.lookup(encoding).name
    except LookupError as unknown:
        raise error(
            f"{encoding!r} is no text encoding, such as 'utf-8', 'cp1252', 'gb18030' or 'euc-cn'"
        ) from unknown
