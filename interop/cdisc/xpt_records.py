"""The header records of a SAS Transport v5 file: 80 bytes each, described in SAS technical note TS-140."""

import struct
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
import polars as pl

from interop.cdisc.standard import Variable

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
_RELEASE = b"9.4".ljust(8) + b"X64".ljust(8)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_EPOCH = datetime(1960, 1, 1)  # noqa: DTZ001  SAS time has no zone; day 0 stands for "no clock was read"


class Field(msgspec.Struct, frozen=True):
    """Where a variable stands in an observation: `position` and `length` in bytes."""

    variable: Variable
    length: int
    position: int


class Member(msgspec.Struct, frozen=True, eq=False):
    """A dataset as a transport file holds it.

    `frame` has String and Float64 columns; missing is null, and `special` keeps the letter of each special
    missing value (variable -> row -> letter). `lengths` are the bytes of each variable.
    """

    name: str
    label: str
    variables: tuple[Variable, ...]
    frame: pl.DataFrame
    lengths: Mapping[str, int]
    special: Mapping[str, Mapping[int, str]] = {}


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
    """The field that a variable record of 136 or 140 bytes describes."""
    parts = _NAMESTR.unpack(namestr.ljust(NAMESTR)[:NAMESTR])
    name, label = (part.decode(encoding, errors="replace").rstrip(" \0") for part in parts[4:6])
    variable = Variable(name, label, "Num" if parts[0] == 1 else "Char")
    return Field(variable, length=parts[2], position=parts[14])


def padded(content: bytes) -> bytes:
    """The content filled with blanks to whole records."""
    return content + b" " * (-len(content) % RECORD)


def _namestr(number: int, field: Field, encoding: str) -> bytes:
    variable = field.variable
    return _NAMESTR.pack(
        1 if variable.type == "Num" else 2,
        0,
        field.length,
        number,
        variable.name.encode("ascii").ljust(8),
        variable.label.encode(encoding).ljust(40),
        *(b" " * 8, 0, 0, 0, b"\0\0"),
        *(b" " * 8, 0, 0),
        field.position,
        b"\0" * 52,
    )
