"""--DTC text, ISO 8601 as SDTM uses it: partial dates, certain comparison, study day, age (SDTMIG 3.4 4.4).

A partial date stands for every instant that it allows; a comparison is true only if it is so for each one.
Text with an offset keeps its written date, but its time is not compared: it was read from another clock.
Text that is no --DTC (an interval with "/" is none here) gives null, never a guess.

Every function takes column names, expressions or series, and gives an expression.
"""

from typing import TypeAlias

import polars as pl

Column: TypeAlias = str | pl.Expr | pl.Series

# Hyphens stand for parts that are missing: "2003---15", "2020-05--T08:00" (SDTMIG 3.4 4.4.2).
# SDTM has no second 60 and no hour 24; ISO 8601 allows both, we refuse them.
_YEAR = r"\d{3}[1-9]|\d{2}[1-9]\d|\d[1-9]\d{2}|[1-9]\d{3}"
_MONTH, _DAY = r"0[1-9]|1[0-2]", r"0[1-9]|[12]\d|3[01]"
_HOUR, _MINUTE, _SECOND = r"[01]\d|2[0-3]", r"[0-5]\d", r"[0-5]\d(?:\.\d+)?"
_OFFSET = r"Z|[+-](?:0\d|1[0-4]):[0-5]\d"
_PATTERN = (
    rf"^(?<year>{_YEAR}|-)(?:-(?<month>{_MONTH}|-)(?:-(?<day>{_DAY}|-)"
    rf"(?:T(?<hour>{_HOUR}|-)(?::(?<minute>{_MINUTE}|-)(?::(?<second>{_SECOND}))?)?(?<offset>{_OFFSET})?)?)?)?$"
)
_DATE = rf"^(?:{_YEAR})-(?:{_MONTH})-(?:{_DAY})"
_COMPLETE, _TIMED = rf"{_DATE}(?:T|$)", rf"{_DATE}T(?:{_HOUR})"
_KNOWN = r"^(\d{4}(?:-\d\d(?:-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?)?)?)?)"
_LEAST, _MOST = "0001-01-01T00:00:00.000000000", "9999-12-31T23:59:59.999999999"


def is_valid(dtc: Column) -> pl.Expr:
    """True where the text is a --DTC that can exist; 30 February cannot (SDTMIG 4.4.1); null stays null."""
    text = _expression(dtc)
    complete = text.str.contains(_COMPLETE)
    return text.str.contains(_PATTERN) & (~complete | _calendar_date(text).is_not_null())


def is_partial(dtc: Column) -> pl.Expr:
    """True where year, month or day is missing (SDTMIG 4.4.2); null where the text is null or no --DTC."""
    return pl.when(is_valid(dtc)).then(~_expression(dtc).str.contains(_COMPLETE))


def date_part(dtc: Column) -> pl.Expr:
    """The calendar date (Date), null unless year, month and day are known."""
    text = _expression(dtc)
    return pl.when(text.str.contains(_COMPLETE) & text.str.contains(_PATTERN)).then(_calendar_date(text))


def has_time(dtc: Column) -> pl.Expr:
    """True where a complete date has at least an hour; null where the text is null or no --DTC."""
    return pl.when(is_valid(dtc)).then(_expression(dtc).str.contains(_TIMED))


def lower(dtc: Column) -> pl.Expr:
    """The first instant that the text allows, as "YYYY-MM-DDThh:mm:ss.fffffffff"; sorts as text."""
    return _bound(dtc, _LEAST)


def upper(dtc: Column) -> pl.Expr:
    """The last instant that the text allows, as "YYYY-MM-DDThh:mm:ss.fffffffff"; sorts as text."""
    return _bound(dtc, _MOST)


def certainly_before(first: Column, second: Column) -> pl.Expr:
    """True where `first` is before `second` for every instant that both allow.

    "2020-09" is not before "2020-09-15"; on one day times decide, and only when both have one.
    Null where either is null or no --DTC.
    """
    return upper(first) < lower(second)


def study_day(dtc: Column, reference: Column) -> pl.Expr:
    """Study day of `dtc` relative to `reference` (Int64); there is no day 0 (SDTMIG 3.4 4.4.4).

    Counts calendar dates; null unless both dates are complete.
    """
    days = (date_part(dtc) - date_part(reference)).dt.total_days()
    return days + (days >= 0).cast(pl.Int64)


def age_years(birth: Column, reference: Column) -> pl.Expr:
    """Completed years from `birth` to `reference` (Int64).

    Null where partial dates allow more than one age, or the reference can be before the birth. A person born
    on 29 February completes a year on 1 March of a common year.
    """
    least, most = _years(upper(birth), lower(reference)), _years(lower(birth), upper(reference))
    return pl.when((least == most) & (least >= 0)).then(least)


def _expression(column: Column) -> pl.Expr:
    if isinstance(column, pl.Expr):
        return column
    return pl.col(column) if isinstance(column, str) else pl.lit(column)


def _calendar_date(text: pl.Expr) -> pl.Expr:
    return text.str.head(10).str.to_date("%Y-%m-%d", strict=False)


def _years(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    whole = end.str.head(4).cast(pl.Int64) - start.str.head(4).cast(pl.Int64)
    return whole - (end.str.slice(5, 5) < start.str.slice(5, 5)).cast(pl.Int64)


def _bound(dtc: Column, extreme: str) -> pl.Expr:
    """The part of the text that is known without a gap, and the rest taken from `extreme`."""
    text = _expression(dtc)
    before = pl.when(text.str.contains(rf"T.*(?:{_OFFSET})$")).then(text.str.head(10)).otherwise(text)
    known = before.str.extract(_KNOWN).fill_null("")
    if extreme == _MOST:
        month = known.str.len_bytes() == len("YYYY-MM")
        known = pl.when(month).then(known + "-" + _last_day(known)).otherwise(known)
    return pl.when(is_valid(text)).then(known + pl.lit(extreme).str.slice(known.str.len_bytes()))


def _last_day(month: pl.Expr) -> pl.Expr:
    """Last day of a month, "29" of "2020-02"."""
    return (month + "-01").str.to_date("%Y-%m-%d", strict=False).dt.month_end().dt.strftime("%d")
