"""Intervals: records that follow each other in time and say the same, as one record (SDTMIG 3.4 6.1.3).

A date is never guessed. Records without a complete date, and those that end before they start, have no
certain place in the order, and how far those without an end go is not known: each stays an interval of its
own.
"""

import polars as pl

from interop.cdisc import iso8601
from interop.errors import MappingError
from interop.mapping.context import Context, Problem, holds
from interop.mapping.model import Intervals
from interop.mapping.work import Work

MEMBERS, SOURCES = "_members", "_sources"  # keys of the records behind an interval, and of their resources
_INSTANT, _SHOWN = "%Y-%m-%dT%H:%M:%S%.f", len("YYYY-MM-DDThh:mm:ss.ffffff")
_BREAK = ["_new", "_far"]


def merge(work: Work, context: Context) -> None:
    """Make intervals of the records that were taken from other datasets; other rows stay as they are.

    Reports partial dates (``MAP-INTERVAL-001``) and records that overlap (``MAP-INTERVAL-002``).
    """
    rule = work.mapping.intervals
    if rule is None:
        return
    taken = work.frame.filter(pl.col("_dataset").is_not_null())
    own = work.frame.filter(pl.col("_dataset").is_null())
    placed = _placed(taken.with_columns(_apart=_apart(taken, rule, context)), rule)
    sure = _in_order(placed.filter("_sure"), rule)
    alone = placed.filter(~pl.col("_sure") & ~pl.col("_apart"))
    _report(work, rule, partial=alone.filter("_partial"), overlapping=sure.filter("_overlaps"))
    numbered = _numbered(sure, rule, context)
    alone = alone.with_columns(_interval=pl.int_range(pl.len(), dtype=pl.Int64) + numbered.height + 1)
    made = pl.concat([numbered, alone], how="diagonal_relaxed").group_by("_interval", maintain_order=True)
    intervals = made.agg(_value(name, rule, work) for name in (*taken.columns, MEMBERS, SOURCES))
    work.frame = pl.concat([own, intervals], how="diagonal_relaxed")


def _apart(frame: pl.DataFrame, rule: Intervals, context: Context) -> pl.Series:
    if not rule.apart:
        return pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
    return holds(frame, rule.apart, {}, context)


def _moment(bound: pl.Expr) -> pl.Expr:
    return bound.str.head(_SHOWN).str.to_datetime(_INSTANT, strict=False, time_unit="us")


def _placed(frame: pl.DataFrame, rule: Intervals) -> pl.DataFrame:
    """Where each record lies: ``_from`` to ``_until``, at most ``_to``; whether that is ``_sure``."""
    start, end = pl.col(rule.start), pl.col(rule.end)
    frame = frame.with_columns(
        _from=_moment(iso8601.lower(start)),
        _most=_moment(iso8601.upper(start)),
        _until=_moment(iso8601.lower(end)),
        _to=_moment(iso8601.upper(end)),
        _timed=iso8601.has_time(start).fill_null(value=False),
        _day=iso8601.date_part(start),
        _last=iso8601.date_part(end),
    )
    backwards = iso8601.certainly_before(end, start).fill_null(value=False)
    whole = pl.col("_day").is_not_null() & (end.is_null() | pl.col("_last").is_not_null())
    some = pl.any_horizontal(iso8601.is_partial(date).fill_null(value=False) for date in (start, end))
    return frame.with_columns(_sure=whole & ~backwards, _partial=some)


def _in_order(frame: pl.DataFrame, rule: Intervals) -> pl.DataFrame:
    """Records in order of time; ``_cut`` counts those apart before each, ``_overlaps`` marks overlaps."""
    within = list(rule.within)
    ordered = frame.sort(*within, "_from", pl.col(rule.start).str.len_bytes(), "_until", "_key")
    ordered = ordered.with_columns(_cut=pl.col("_apart").cum_sum().over(within)).filter(~pl.col("_apart"))
    before = pl.col("_until").cum_max().shift(1).over(within)
    at_once = pl.col("_timed") & pl.col("_timed").shift(1).over(within)
    same_time = at_once & (pl.col("_from") == pl.col("_from").shift(1).over(within))
    return ordered.with_columns(
        _overlaps=((pl.col("_most") < before) | same_time).fill_null(value=False),
        _first=pl.int_range(pl.len()).over(within) == 0,
    )


def _numbered(frame: pl.DataFrame, rule: Intervals, context: Context) -> pl.DataFrame:
    """Ordered records with the number of their interval, and with the reason of a change that begins one."""
    within = list(rule.within)
    changed = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(name).shift(1).over(within)) for name in rule.same
    )
    going_on = pl.col(rule.end).is_null()
    apart = (
        going_on | going_on.shift(1).over(within) | (pl.col("_cut") != pl.col("_cut").shift(1).over(within))
    )
    frame = frame.with_columns(_changed=changed & ~pl.col("_first"))
    frame = frame.with_columns(_new=pl.col("_first") | pl.col("_changed") | apart.fill_null(value=False))
    frame = frame.with_columns(_run=pl.col("_new").cum_sum(), _allowed=_allowed(frame, rule, context))
    reached = pl.col("_last").cum_max().shift(1).over("_run")
    days = (pl.col("_day") - reached).dt.total_days()
    far = (days > pl.col("_allowed")) | (pl.col("_allowed") == 0)
    frame = frame.with_columns(_far=far.fill_null(value=False) & ~pl.col("_new"))
    frame = frame.with_columns(_run=pl.any_horizontal(_BREAK).cum_sum())
    told = [
        pl.col(name).is_not_null()
        & pl.col(name).ne_missing(pl.col(name).forward_fill().shift(1).over("_run"))
        for name in rule.begins
    ]
    begun = pl.any_horizontal(*_BREAK, *told)
    frame = frame.with_columns(_begun=begun, _interval=begun.cum_sum().cast(pl.Int64))
    why = pl.col("_begun") & pl.col("_changed")
    reasons = {name: other for name, other in rule.begins.items() if other in frame.columns}
    return frame.with_columns(
        pl.coalesce(name, pl.when(why).then(pl.col(str(other)))).alias(name)
        for name, other in reasons.items()
    )


def _allowed(frame: pl.DataFrame, rule: Intervals, context: Context) -> pl.Series:
    """Most days from one record to the next; 0 where records of this frequency are never one interval."""
    most = int(context.setting(rule.gap, "1")) if rule.gap else 1
    days = pl.repeat(1.0, frame.height, dtype=pl.Float64, eager=True)
    for name, target in rule.nominal.items():
        days = frame[name].replace_strict(_nominal(target, context), default=1.0, return_dtype=pl.Float64)
    return pl.select(pl.when(days > 0).then(days.ceil().clip(1) * most).otherwise(0.0)).to_series()


def _nominal(target: str, context: Context) -> dict[str, float]:
    """Days by code of ``TABLE.column``; MappingError for one that is no number."""
    name, _, column = target.partition(".")
    table = context.tables[name]
    found = table.forward(column)
    for (_, code), text in found.items():
        if not text.replace(".", "", 1).isdecimal():
            raise MappingError(
                f"{column} of {code} is {text}, which is no number of days", file=table.files[-1]
            )
    return {code: float(text) for (_, code), text in found.items()}


def _value(name: str, rule: Intervals, work: Work) -> pl.Expr:
    """The interval's value of a column: of what is not compared, the one that all its records have."""
    keys = {MEMBERS: "_key", SOURCES: "_resource"}
    if name in keys:
        return pl.col(keys[name]).alias(name)
    value = pl.col(name)
    if name == rule.end:
        return value.sort_by("_to", -value.str.len_bytes().cast(pl.Int64), nulls_last=False).last()
    compared = {*rule.within, rule.start, *rule.same, *rule.begins}
    if name in work.mapping.columns and name not in compared:
        return pl.when(value.n_unique() == 1).then(value.first()).alias(name)
    return value.first()


def _report(work: Work, rule: Intervals, *, partial: pl.DataFrame, overlapping: pl.DataFrame) -> None:
    for name, found in (("MAP-INTERVAL-001", partial), ("MAP-INTERVAL-002", overlapping)):
        rows = work.frame["_at"].is_in(found["_at"].to_list())
        work.report(Problem(name, rows), variable=rule.start)
