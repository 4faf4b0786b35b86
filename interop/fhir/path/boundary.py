"""The least and the greatest value that a decimal, date or time of its precision may stand for.

``lowBoundary`` and ``highBoundary`` of FHIRPath 2.0 (5.9, trial use), which SQL-on-FHIR v2 takes over. A
precision is a number of decimal places, or of digits of a date or time: 4 to the year, 8 to the day, 17 to
the millisecond; 2 to the hour and 9 to the millisecond of a time.
"""

import re
from calendar import monthrange
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from types import MappingProxyType
from typing import Any

from interop.fhir.path.nodes import Temporal
from interop.fhir.path.values import is_number

MOST_PLACES = 28  # decimal places of a boundary; FHIR R4 2.24.0.1 asks for 18 digits
DECIMAL_PLACES = 8  # when no precision is asked for
_EXACT = Context(prec=1000)  # more digits than a number that was read can have
_HALF = Decimal("0.5")

_DATE = re.compile(
    r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?"
    r"(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_TIME = re.compile(r"(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?")
_MARKS = ("", "-", "-", "T", ":", ":", ".")  # before year, month, day, hour, minute, second, millisecond
_LOW = ("", "01", "01", "00", "00", "00", "000")
_HIGH = ("", "12", "", "23", "59", "59", "999")  # the last day depends on the month
_PARTS = MappingProxyType({4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 14: 6, 17: 7})  # precision -> parts of a date
_CLOCK_PARTS = MappingProxyType({2: 1, 4: 2, 6: 3, 9: 4})
_MOST = MappingProxyType({"date": 8, "dateTime": 17, "instant": 17, "time": 9})
_DAY, _HOUR = 3, 3


def boundary(
    value: Any, type_: str | None, precision: int | None, *, high: bool
) -> Temporal | Decimal | None:
    """The boundary of a value, or None for a precision it cannot have and for what has no boundaries.

    `type_` is the FHIR type of a date or time, None to take it from the form of the text; `precision` is the
    one asked for, None for the greatest of the type.
    """
    if is_number(value):
        return _of_decimal(Decimal(value), DECIMAL_PLACES if precision is None else precision, high=high)
    if not isinstance(value, str):
        return None
    named = type_ if type_ is not None and type_ in _MOST else form(value)
    asked = _MOST[named] if precision is None else precision
    if asked > _MOST[named]:
        return None
    return _of_time(value, asked, high=high) if named == "time" else _of_date(value, asked, high=high)


def form(text: str) -> str:
    """The FHIR type that a date or time has by its form: date, dateTime or time."""
    return "dateTime" if "T" in text else "time" if ":" in text or len(text) == len("hh") else "date"


def _of_decimal(value: Decimal, places: int, *, high: bool) -> Decimal | None:
    exponent = value.as_tuple().exponent
    if not 0 <= places <= MOST_PLACES or not isinstance(exponent, int) or abs(value.adjusted()) > MOST_PLACES:
        return None
    half = _HALF.scaleb(exponent, _EXACT)
    bound = _EXACT.add(value, half) if high else _EXACT.subtract(value, half)
    rounding = ROUND_CEILING if high else ROUND_FLOOR
    return bound.quantize(Decimal(1).scaleb(-places), rounding=rounding, context=_EXACT)


def _of_date(text: str, precision: int, *, high: bool) -> Temporal | None:
    match, count = _DATE.fullmatch(text), _PARTS.get(precision)
    if match is None or count is None:
        return None
    *found, offset = match.groups()
    parts = _filled(found, 0, high=high)
    if not parts[_DAY - 1]:
        parts[_DAY - 1] = str(monthrange(int(parts[0]) or 4, int(parts[1]))[1])
    shown = "".join(mark + part for mark, part in zip(_MARKS, parts[:count], strict=False))
    # FHIR has no time without an offset; what none was sent for may be anywhere on earth.
    return Temporal(shown + (offset or ("-12:00" if high else "+14:00")) if count > _DAY else shown)


def _of_time(text: str, precision: int, *, high: bool) -> Temporal | None:
    match, count = _TIME.fullmatch(text), _CLOCK_PARTS.get(precision)
    if match is None or count is None:
        return None
    parts = _filled(match.groups(), _HOUR, high=high)
    marks = ("", *_MARKS[_HOUR + 1 :])
    return Temporal("".join(mark + part for mark, part in zip(marks, parts[:count], strict=False)))


def _filled(found: Any, first: int, *, high: bool) -> list[str]:
    """Parts with the missing ones at their end of the range; a fraction has three digits."""
    ends = (_HIGH if high else _LOW)[first:]
    parts = [part or end for part, end in zip(found, ends, strict=True)]
    parts[-1] = parts[-1][:3].ljust(3, "9" if high else "0")
    return parts
