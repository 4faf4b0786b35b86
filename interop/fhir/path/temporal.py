"""Dates and times compared by their own precision (FHIRPath N1 6.1, 6.2): what is open is no order."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

_DATE = re.compile(
    r"(?:(\d{4})(?:-(\d\d)(?:-(\d\d))?)?)?(?:T?(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?)?(Z|[+-]\d\d:\d\d)?"
)
_DAY, _HOUR, _MINUTE = 2, 3, 5  # places in year, month, day, hour, minute; the last is their number

Parts = tuple[tuple[Decimal, ...], bool]


def compare(left: str, right: str) -> int | None:
    """-1, 0 or 1; None when a text is no date, or a shorter precision or a missing offset leaves it open."""
    one, other = _parts(left), _parts(right)
    if one is None or other is None:
        return None
    for a, b in zip(one[0], other[0], strict=False):
        if a != b:
            return None if one[1] != other[1] and len(one[0]) != len(other[0]) else (a > b) - (a < b)
    same = len(one[0]) == len(other[0]) and one[1] == other[1]
    return 0 if same else None


def _parts(text: str) -> Parts | None:
    match = _DATE.fullmatch(text)
    if match is None or not text:
        return None
    *found, offset = match.groups()
    if found[_HOUR] is not None and found[_DAY] is None and (found[0] is not None or offset is not None):
        return None  # a time of day follows a whole date, or stands alone without an offset
    if offset is None or found[_MINUTE - 1] is None:
        return tuple(Decimal(part) for part in found if part is not None), False
    year, month, day, hour, minute = (int(part) for part in found[:_MINUTE])
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=_zone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    shown = [moment.year, moment.month, moment.day, moment.hour, moment.minute]
    return (*map(Decimal, shown), *(Decimal(part) for part in found[_MINUTE:] if part is not None)), True


def _zone(offset: str) -> timezone:
    if offset == "Z":
        return UTC
    span = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
    return timezone(-span if offset[0] == "-" else span)
