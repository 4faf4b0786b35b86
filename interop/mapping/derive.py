"""Derivations: named functions of columns, within a subject; a mapping's `from` names what each needs."""

from collections.abc import Callable, Sequence
from typing import Literal

import polars as pl

from interop.cdisc import iso8601
from interop.cdisc.localtime import local
from interop.mapping import results
from interop.mapping.context import Column, Context, Problem, column, holds, nothing
from interop.mapping.model import Variable

Derivation = Callable[[pl.DataFrame, Variable, Context], Column]
DERIVATIONS: dict[str, Derivation] = {}


def derivation(function: Derivation) -> Derivation:
    """Register a function under its name; its docstring is its manual page."""
    DERIVATIONS[function.__name__] = function
    return function


def sources(rows: pl.DataFrame, variable: Variable, context: Context) -> Sequence[pl.Series]:
    """The columns that `from` names, in its order."""
    return [column(rows, name, context) for name in variable.options["from"]]


def _once(frame: pl.DataFrame, **functions: pl.Expr) -> pl.DataFrame:
    """Functions of the frame's columns, computed once per distinct row; as many rows as the frame."""
    table = frame.unique().with_columns(**functions)
    joined = frame.join(table, on=frame.columns, how="left", nulls_equal=True, maintain_order="left")
    return joined.select(list(functions))


@derivation
def seq(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """--SEQ: number of the record within the subject (SDTMIG 4.1.5).

    Records stand in the order of the domain's keys, then of resource keys.
    """
    del variable, context
    return Column(
        rows.select(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("USUBJID").alias("seq"))["seq"]
    )


@derivation
def study_day(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """--DY of a date against a reference date; no day 0, null unless both are complete (SDTMIG 4.4.4)."""
    date, reference = sources(rows, variable, context)
    frame = pl.DataFrame({"date": date, "reference": reference})
    return Column(_once(frame, day=iso8601.study_day("date", "reference"))["day"])


@derivation
def age(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """Completed years from birth to the first reference date that is there.

    Where partial dates leave two ages it is null, and reported.
    """
    birth, *references = sources(rows, variable, context)
    frame = pl.DataFrame({"birth": birth, "reference": pl.select(pl.coalesce(references)).to_series()})
    years = frame.select(age=iso8601.age_years("birth", "reference"))["age"]
    uncertain = years.is_null() & birth.is_not_null() & frame["reference"].is_not_null()
    return Column(years.cast(pl.Float64), problems=(Problem("MAP-DATE-004", uncertain),))


@derivation
def nrind(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """--NRIND of a standardized result against its range, only where it is proved.

    From: --STRESC, --STRESN, --STNRLO, --STNRHI.
    """
    stresc, stresn, low, high = sources(rows, variable, context)
    return Column(results.nrind(stresc, stresn.cast(pl.Float64), low.cast(pl.Float64), high.cast(pl.Float64)))


@derivation
def lobxfl(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """--LOBXFL: Y on the last record with a result certainly before first exposure (SDTMIG 4.5.9).

    From: --DTC, first exposure, --ORRES; `within` names what each last record is of. On the day of first
    exposure times decide; without them a record counts only where the study sets `same_day_predose`. Of equal
    times the last in the dataset's order is taken.
    """
    date, exposure, orres = sources(rows, variable, context)
    keys = ["USUBJID", *variable.options["within"]]
    frame = rows.select(keys).with_columns(_date=date, _exposure=exposure, _there=orres.is_not_null())
    before = iso8601.certainly_before("_date", "_exposure")
    if context.setting("same_day_predose", "false") == "true":
        untimed = ~(iso8601.has_time("_date") & iso8601.has_time("_exposure"))
        before |= untimed & (iso8601.date_part("_date") == iso8601.date_part("_exposure"))
    known = _once(frame.select("_date", "_exposure"), _before=before, _from=iso8601.lower("_date"))
    frame = frame.hstack(known).with_row_index("_at")
    candidates = frame.filter(pl.col("_before") & pl.col("_there")).sort("_from", "_at")
    last = candidates.unique(keys, keep="last", maintain_order=True)["_at"]
    flags = frame.select(flag=pl.when(pl.col("_at").is_in(last.implode())).then(pl.lit("Y")))
    return Column(flags["flag"].cast(pl.String))


def _dates(rows: pl.DataFrame, variable: Variable, context: Context) -> pl.DataFrame:
    """Every date of `from`, of this domain and others, by subject; rows that `exclude` names are left out."""
    found = []
    for name in variable.options["from"]:
        domain, _, other = name.partition(".")
        frame = context.frames.get(domain, rows) if other else rows
        kept = (
            frame.filter(~holds(frame, _own(variable, domain), {}, context))
            if _own(variable, domain)
            else frame
        )
        if (other or name) in kept.columns:
            dates = kept[other or name]
            shown = dates if name.isupper() else local(dates, context.setting("zone"))["dtc"]
            found.append(pl.DataFrame({"USUBJID": kept["USUBJID"], "date": shown}))
    dates = pl.concat(found) if found else pl.DataFrame(schema={"USUBJID": pl.String, "date": pl.String})
    dates = dates.drop_nulls().unique()
    return dates.hstack(_once(dates.select("date"), _from=iso8601.lower("date"))).drop_nulls()


def _own(variable: Variable, domain: str) -> dict[str, Sequence[str]]:
    excluded = variable.options.get("exclude", {})
    return {
        name.partition(".")[2]: values
        for name, values in excluded.items()
        if name.partition(".")[0] == domain
    }


def _extreme(
    rows: pl.DataFrame, variable: Variable, context: Context, *, keep: Literal["first", "last"]
) -> Column:
    longer = [False, False, keep == "last", False]  # of equal dates the one that says least
    keys = ["USUBJID", pl.col("_from"), pl.col("date").str.len_bytes(), pl.col("date")]
    dates = _dates(rows, variable, context).sort(keys, descending=longer)
    one = dates.unique("USUBJID", keep=keep, maintain_order=True)
    return Column(rows.select("USUBJID").join(one, on="USUBJID", how="left", maintain_order="left")["date"])


@derivation
def earliest(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The subject's earliest date over the columns of `from`.

    A partial date counts from its first possible day.
    """
    return _extreme(rows, variable, context, keep="first")


@derivation
def latest(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The subject's latest date over the columns of `from`; a partial date counts from its first day."""
    return _extreme(rows, variable, context, keep="last")


@derivation
def arm(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """Planned and actual arm, or why there is none (SDTMIG 5.2 assumption 4).

    From: arm as sent, enrolment status, first exposure; `give`: code, name, actual_code, actual_name, reason.
    A subject who failed screening has no arm; a study of one arm plans it for everyone enrolled; the actual
    arm is that of a subject who was dosed.
    """
    sent, status, exposed = sources(rows, variable, context)
    arms = context.setting("arms", {})
    known = {**{name: code for code, name in arms.items()}, **{code: code for code in arms}}
    reasons = context.tables["rs-status"].forward("reason")
    frame = pl.DataFrame({"sent": sent, "status": status, "exposed": exposed}).with_columns(
        why=pl.col("status").replace_strict(
            {c: r for (_, c), r in reasons.items()}, default=None, return_dtype=pl.String
        ),
        code=pl.col("sent").replace_strict(known, default=None, return_dtype=pl.String),
    )
    only = pl.lit(next(iter(arms)) if len(arms) == 1 else None, dtype=pl.String)
    may = pl.col("why").is_null() | (pl.col("why") == "NOT ASSIGNED")
    enrolled = pl.col("why").is_null() | pl.col("exposed").is_not_null()
    planned = pl.coalesce("code", pl.when(enrolled).then(only))
    frame = frame.with_columns(planned=pl.when(may).then(planned), may=may)
    frame = frame.with_columns(actual=pl.when(pl.col("exposed").is_not_null()).then("planned"))
    untreated = (
        pl.when(pl.col("planned").is_null())
        .then(pl.lit("NOT ASSIGNED"))
        .when(pl.col("actual").is_null())
        .then(pl.lit("ASSIGNED, NOT TREATED"))
    )
    names = dict(arms)
    given = {
        "code": pl.col("planned"),
        "name": pl.col("planned").replace_strict(names, default=None, return_dtype=pl.String),
        "actual_code": pl.col("actual"),
        "actual_name": pl.col("actual").replace_strict(names, default=None, return_dtype=pl.String),
        "reason": pl.when("may").then(untreated).otherwise("why"),
    }
    return Column(frame.select(given=given[variable.options["give"]].cast(pl.String))["given"])


@derivation
def several(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The target of a list of codes by a code map; `many` when they give several values (SDTMIG 4.2.8.3).

    `give` asks for one of the several instead, by its number; nothing where there is only one.
    """
    (codes,) = sources(rows, variable, context)
    if codes.dtype != pl.List:
        return Column(nothing(rows))
    table = {
        code: target
        for (_, code), target in context.tables[variable.options["map"]].forward("target").items()
    }
    mapped = (
        codes.list.eval(pl.element().replace_strict(table, default=None, return_dtype=pl.String))
        .list.drop_nulls()
        .list.unique(maintain_order=True)
    )
    one, many = mapped.list.first(), mapped.list.len() > 1
    if "give" in variable.options:
        nth = mapped.list.get(int(variable.options["give"]) - 1, null_on_oob=True)
        return Column(nth.zip_with(many, nothing(rows)))
    return Column(pl.select(pl.when(many).then(pl.lit(variable.options["many"])).otherwise(one)).to_series())
