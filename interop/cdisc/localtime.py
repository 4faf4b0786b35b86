"""Instants and dates as systems send them, shown in the study's zone as --DTC text (SDTMIG 3.4 4.4.1)."""

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from interop.cdisc.iso8601 import is_partial, is_valid
from interop.errors import SpecError

Fraction = Literal["trim", "keep"]
Offset = Literal["drop", "keep"]

_FORMAT = "%Y-%m-%dT%H:%M:%S"
_SENT = (  # what senders may send: an ISO 8601 prefix; no missing part before a known one
    r"^(?<date>\d{4}(?:-\d{2}(?:-\d{2})?)?)"
    r"(?:T(?<clock>\d{2}:\d{2}(?::\d{2})?)(?<fraction>\.\d+)?(?<offset>Z|[+-]\d{2}:\d{2})?)?$"
)


def local(
    text: pl.Series, zone: str, *, fraction: Fraction = "trim", offset: Offset = "drop"
) -> pl.DataFrame:
    """Date, date-time and instant text as --DTC in a time zone.

    `text` is as sent, `zone` an IANA name ("Asia/Shanghai"). A time that comes with an offset is converted;
    one without is taken as read in `zone`; a date, whole or partial, stays as it is. `fraction` of a second
    is trimmed or kept; `offset` of the zone is dropped or kept (both are allowed in SDTM).

    Returns a frame as long as `text`: dtc (null when invalid), instant (UTC text with its fraction; null
    without a time, and where the zone's clock shows the time twice or never), assumed (a time without
    offset), invalid (no date-time that can exist: month 13, hour 24, second 60, 30 February, a year beyond
    0001-9999). Raises `SpecError` for an unknown zone.
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SpecError(f"{zone!r} is no IANA time zone, such as 'Asia/Shanghai'") from error
    distinct = pl.DataFrame({"text": text.unique(maintain_order=True)}, schema={"text": pl.String})
    parts = distinct.with_columns(pl.col("text").str.extract_groups(_SENT).struct.unnest())
    timed = pl.col("clock").is_not_null()
    table = _instants(parts.with_columns(timed=timed), zone).select(
        "text",
        dtc=pl.when(timed).then(_shown(fraction, offset)).otherwise(pl.when("valid").then("date")),
        instant=_written(pl.col("utc"), pl.col("fraction")) + "Z",
        assumed=(timed & pl.col("offset").is_null() & pl.col("valid")).fill_null(value=False),
    )
    invalid = pl.col("text").is_not_null() & pl.col("dtc").is_null()
    table = table.with_columns(instant=pl.when(~invalid).then("instant"), invalid=invalid)
    asked = pl.DataFrame({"text": text}, schema={"text": pl.String})
    return asked.join(table, on="text", how="left", nulls_equal=True, maintain_order="left").drop("text")


def _instants(parts: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Adds valid, utc (Datetime) and wall (the clock of `zone`, Datetime)."""
    seconds = (
        pl.when(pl.col("clock").str.len_bytes() == len("hh:mm")).then(pl.lit(":00")).otherwise(pl.lit(""))
    )
    written = pl.col("date") + "T" + pl.col("clock")
    minutes = (
        pl.col("offset").str.slice(1, 2).cast(pl.Int64, strict=False) * 60
        + pl.col("offset").str.slice(4, 2).cast(pl.Int64, strict=False)
    ) * pl.when(pl.col("offset").str.starts_with("-")).then(-1).otherwise(1)
    shift = pl.when(pl.col("offset") == "Z").then(0).otherwise(minutes)
    parts = parts.with_columns(
        valid=is_valid("text")
        & (pl.col("clock").is_null() | ~is_partial("text"))
        & pl.col("date").is_not_null(),
        clock_read=(written + seconds).str.to_datetime(_FORMAT, strict=False, time_unit="us"),
        shift=shift,
    )
    parts = parts.with_columns(clock_read=pl.when("valid").then("clock_read"))
    in_zone = pl.col("clock_read").dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    assumed = in_zone.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    sent = pl.col("clock_read") - pl.duration(minutes=pl.col("shift"))
    utc = pl.when(pl.col("offset").is_null()).then(assumed).otherwise(sent)
    zoned = utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    wall = pl.when(pl.col("offset").is_null()).then("clock_read").otherwise(zoned.dt.replace_time_zone(None))
    return parts.with_columns(utc=utc, wall=wall, zoned=zoned)


def _shown(fraction: Fraction, offset: Offset) -> pl.Expr:
    """The clock of the zone, to the precision that was sent."""
    kept = pl.col("fraction") if fraction == "keep" else pl.lit(None, dtype=pl.String)
    text = _written(pl.col("wall"), kept)
    if offset == "drop":
        return text
    return text + pl.col("zoned").dt.strftime("%:z").fill_null("")


def _written(moment: pl.Expr, fraction: pl.Expr) -> pl.Expr:
    """Text of a moment; no seconds where none were sent, null outside the years 0001-9999."""
    within = moment.dt.year().is_between(1, 9999)
    text = moment.dt.strftime(_FORMAT)
    short = pl.col("clock").str.len_bytes() == len("hh:mm")
    cut = pl.when(short).then(text.str.head(len("YYYY-MM-DDThh:mm"))).otherwise(text + fraction.fill_null(""))
    return pl.when(within).then(cut)
