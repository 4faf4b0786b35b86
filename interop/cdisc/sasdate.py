"""Dates and times as SAS counts them: days or seconds since 1 January 1960, seconds since midnight."""

from collections.abc import Mapping

import polars as pl

from interop.cdisc.xpt_records import format_parts

_DAYS = 3653  # from 1 January 1960 to 1 January 1970
_DAY = 86_400  # seconds
_FIRST, _LAST = -138_061, 2_936_549  # days of 1 January 1582 and 31 December 9999, the dates of SAS

#: SAS formats that show a number as a date, datetime or time, as Dataset-JSON 1.1 names these.
_FORMATS: Mapping[str, tuple[str, ...]] = {
    "date": (
        *("DATE", "E8601DA", "B8601DA", "IS8601DA", "MONYY", "WEEKDATE", "WORDDATE"),
        *("YYMMDD", "YYMMDDD", "YYMMDDN", "DDMMYY", "DDMMYYN", "MMDDYY", "MMDDYYN"),
    ),
    "datetime": ("DATETIME", "E8601DT", "B8601DT", "IS8601DT", "DATEAMPM", "MDYAMPM"),
    "time": ("TIME", "E8601TM", "B8601TM", "IS8601TM", "HHMM", "TOD", "TIMEAMPM"),
}
_KINDS = {name: kind for kind, names in _FORMATS.items() for name in names}
_SHAPES: Mapping[str, tuple[str, ...]] = {
    "date": ("%Y-%m-%d",),
    "datetime": ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"),
    "time": ("%H:%M:%S", "%H:%M"),
}


def kind_of(text: str) -> str | None:
    """What a SAS format shows a number as: "date", "datetime", "time", or None for a number."""
    parts = format_parts(text)
    return _KINDS.get(parts[0]) if parts else None


def as_text(numbers: pl.Series, kind: str) -> pl.Series | None:
    """SAS dates or times as ISO 8601 text; None where one has a fraction or is no date or time of SAS."""
    first, last = {"date": (_FIRST, _LAST), "time": (0, _DAY - 1)}.get(kind, (_FIRST * _DAY, _LAST * _DAY))
    known = numbers.drop_nulls()
    if not ((known == known.round()) & known.is_between(first, last)).all():
        return None
    whole = numbers.cast(pl.Int64)
    if kind == "date":
        return (whole - _DAYS).cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d")
    if kind == "time":
        return (whole * 1_000_000_000).cast(pl.Time).dt.to_string("%H:%M:%S")
    moments = ((whole - _DAYS * _DAY) * 1_000_000).cast(pl.Datetime("us"))
    return moments.dt.to_string("%Y-%m-%dT%H:%M:%S")


def as_numbers(text: pl.Series, kind: str) -> pl.Series | None:
    """SAS numbers of complete ISO 8601 dates or times without zone; None where one is of another shape."""
    due = {"date": pl.Date(), "datetime": pl.Datetime("us"), "time": pl.Time()}[kind]
    read = [text.str.strptime(due, shape, strict=False) for shape in _SHAPES[kind]]
    found = read[0] if len(read) == 1 else read[0].zip_with(read[0].is_not_null(), read[1])
    if found.null_count() > text.null_count():
        return None
    whole = found.cast(pl.Int64)
    if kind == "date":
        return whole + _DAYS
    return whole // 1_000_000_000 if kind == "time" else whole // 1_000_000 + _DAYS * _DAY
