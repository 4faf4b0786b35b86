"""Choosers: how repeating parts of a resource become at most one row.

A mapping file names one as ``choose: {name: [arguments]}``.
"""

from collections.abc import Callable, Sequence

import polars as pl

from interop.cdisc.iso8601 import age_years
from interop.mapping.context import Context, column
from interop.mapping.dictionary import TERM, term
from interop.mapping.results import parse_result
from interop.mapping.units import submission_unit

# Rows of the domain, children with `_at` (row number of their parent) and `_nth`, arguments
# -> children, at most one per `_at`.
Chooser = Callable[[pl.DataFrame, pl.DataFrame, Sequence[str], Context], pl.DataFrame]

_DASH = r"^\s*([<>]?=?\s*[\d.]+)\s*(?:-|~|--|\u2013|\u2014)\s*([\d.]+)\s*$"
_BELOW = r"^\s*(?:<|<=|\u2264)\s*([\d.]+)\s*$"
_ABOVE = r"^\s*(?:>|>=|\u2265)\s*([\d.]+)\s*$"
_AS_SENT = ("index", "written", "unit_sent")
_YEARS = {"a": 1.0, "mo": 1 / 12, "wk": 7 / 365.25, "d": 1 / 365.25}


def first(
    rows: pl.DataFrame, children: pl.DataFrame, arguments: Sequence[str], context: Context
) -> pl.DataFrame:
    """The first part in document order whose first argument column is not null."""
    del rows, context
    there = children.filter(pl.col(arguments[0]).is_not_null()) if arguments else children
    return there.sort("_at", *arguments, "_nth").unique("_at", keep="first", maintain_order=True)


def reference_range(
    rows: pl.DataFrame, children: pl.DataFrame, arguments: Sequence[str], context: Context
) -> pl.DataFrame:
    """The one normal range for the subject's sex and age at the time of the result.

    Arguments: sex, birth date, date. Gives low, high (text), unit (CDISC, null when none was sent), text
    (what is no numeric range) and several (more than one was left: limits are null then); beside them what
    the range was as sent: index (place in the list), written (limits that stood in the text), unit_sent.
    Ranges of another type than ``normal``, such as therapeutic ones, are no normal ranges. FHIR R4
    Observation.referenceRange.
    """
    ranges = _limits(children, context)
    normal = ranges.filter(pl.col("type").is_null() | (pl.col("type") == "normal"))
    if (
        normal["applies"].null_count() < normal.height
        or normal["age_low"].null_count() + normal["age_high"].null_count() < 2 * normal.height
    ):
        normal = _fitting(rows, normal, arguments, context)
    preferred = (pl.col("type") == "normal").any().over("_at").fill_null(value=False)
    normal = normal.filter(~preferred | (pl.col("type") == "normal"))
    several = pl.len().over("_at") > 1
    chosen = normal.with_columns(
        low=pl.when(~several).then("low"),
        high=pl.when(~several).then("high"),
        text=pl.when(~several).then("text"),
        several=several,
        index="_index",
    ).unique("_at", keep="first", maintain_order=True)
    return chosen.select("_at", "low", "high", "unit", "text", "several", *_AS_SENT)


def _limits(children: pl.DataFrame, context: Context) -> pl.DataFrame:
    ucum = pl.coalesce("low_ucum", "high_ucum")
    display = pl.coalesce("low_unit", "high_unit")
    sent = children.select(ucum=ucum, display=display)
    unit = submission_unit(sent["ucum"], sent["display"], context.units).unit
    children = children.with_columns(unit=unit, unit_sent=pl.coalesce(ucum, display))
    distinct = children.select("text").unique().drop_nulls()
    plain = distinct.with_columns(_text=pl.Series(parse_result(distinct["text"])["text"], dtype=pl.String))
    children = children.join(plain, on="text", how="left", maintain_order="left")
    bare = pl.col("low").is_null() & pl.col("high").is_null()
    low = pl.coalesce(pl.col("_text").str.extract(_DASH, 1), pl.col("_text").str.extract(_ABOVE, 1))
    high = pl.coalesce(pl.col("_text").str.extract(_DASH, 2), pl.col("_text").str.extract(_BELOW, 1))
    low, high = pl.when(bare).then(low).otherwise("low"), pl.when(bare).then(high).otherwise("high")
    numeric = low.is_not_null() | high.is_not_null()
    return children.with_columns(
        low=low,
        high=high,
        text=pl.when(~numeric).then("text"),
        written=pl.when(bare & numeric).then("text"),
    )


def _fitting(
    rows: pl.DataFrame, ranges: pl.DataFrame, arguments: Sequence[str], context: Context
) -> pl.DataFrame:
    sex, birth, date = (column(rows, name, context) for name in arguments)
    subject = pl.DataFrame({"_at": rows["_at"], "_sex": sex, "_birth": birth, "_date": date})
    ranges = ranges.join(subject, on="_at", how="left", maintain_order="left")
    bounded = ranges.filter(pl.col("age_low").is_not_null() | pl.col("age_high").is_not_null())
    ages = bounded.select("_birth", "_date").unique().with_columns(_age=age_years("_birth", "_date"))
    ranges = ranges.join(ages, on=["_birth", "_date"], how="left", maintain_order="left")
    low = pl.col("age_low").cast(pl.Float64, strict=False) * pl.col("age_ucum").replace_strict(
        _YEARS, default=1.0, return_dtype=pl.Float64
    )
    high = pl.col("age_high").cast(pl.Float64, strict=False) * pl.col("age_high_ucum").replace_strict(
        _YEARS, default=1.0, return_dtype=pl.Float64
    )
    coded = (
        pl.col("applies")
        .str.to_lowercase()
        .replace({"248153007": "m", "male": "m", "248152002": "f", "female": "f"})
    )
    sexed = coded.is_in(["m", "f"])
    fits_sex = coded.is_null() | (sexed & (coded == pl.col("_sex").str.to_lowercase()).fill_null(value=False))
    fits_low = pl.col("age_low").is_null() | (pl.col("_age") >= low).fill_null(value=False)
    fits_high = pl.col("age_high").is_null() | (pl.col("_age") <= high).fill_null(value=False)
    return ranges.filter(fits_sex & fits_low & fits_high)


def each(
    rows: pl.DataFrame, children: pl.DataFrame, arguments: Sequence[str], context: Context
) -> pl.DataFrame:
    """Lists of what the parts say: of all of them, and of those with each value of the first argument.

    Arguments: the column that tells the parts apart, and columns. Gives ``column`` and ``VALUE.column``.
    """
    del rows, context
    by, *names = arguments
    parts = children.sort("_at", "_nth")
    found = parts.group_by("_at", maintain_order=True).agg(pl.col(name).drop_nulls() for name in names)
    for value in parts[by].drop_nulls().unique().sort():
        own = parts.filter(pl.col(by) == value).group_by("_at", maintain_order=True)
        lists = own.agg(pl.col(name).drop_nulls().alias(f"{value}.{name}") for name in names)
        found = found.join(lists, on="_at", how="left", maintain_order="left")
    return found


CHOOSERS: dict[str, Chooser] = {"first": first, "range": reference_range, "term": term, "each": each}
# The columns that a chooser gives beside those of its view.
GIVES: dict[str, Sequence[str]] = {"term": TERM}
