"""The verb for dates: dtc shows what was sent in the study's zone.

The way back has a carrier for what FHIR cannot say.
"""

from collections.abc import Mapping

import polars as pl

from interop.cdisc.localtime import local
from interop.mapping.context import Column, Context, Problem, column, nothing
from interop.mapping.model import Variable
from interop.mapping.verbs.registry import names, of_argument, verb

_DATE = r"^\d{4}(-\d{2}(-\d{2})?)?"
_MIDNIGHT = r"T00:00:00([+-]\d{2}:\d{2})?$"
_TIME = r"^\d{4}-\d{2}-\d{2}T(\d{2}:\d{2})(:\d{2})?(\.\d+)?$"


def date_columns(rows: pl.DataFrame, variable: Variable, context: Context) -> Mapping[str, pl.Series]:
    """The columns of a date on the way back: ``dateTime`` or ``date``, ``exact`` where FHIR cannot say it."""
    put = variable.put or {names(variable.argument)[0]: "dateTime"}
    dtc = rows[variable.name]
    kinds = {name: kind for name, kind in put.items() if kind in ("dateTime", "date")}
    written = {
        name: fhir_date(dtc, context) if kind == "dateTime" else dtc.str.extract(f"({_DATE})")
        for name, kind in kinds.items()
    }
    exact = [name for name, kind in put.items() if kind == "exact"]
    for sent in written.values():
        same = (shown(sent, context)["dtc"] == dtc).fill_null(value=False)
        return {**written, **{name: dtc.zip_with(~same, nothing(rows)) for name in exact}}
    return {name: dtc for name, kind in put.items() if kind == "value"}


def fhir_date(dtc: pl.Series, context: Context) -> pl.Series:
    """--DTC text as a legal FHIR dateTime.

    A time gets seconds and the zone's offset; a date without its day loses the time.
    """
    frame = pl.DataFrame({"dtc": dtc})
    timed = pl.col("dtc").str.contains(_TIME)
    text = (
        pl.when(pl.col("dtc").str.count_matches(":") == 1)
        .then(pl.col("dtc") + ":00")
        .otherwise(pl.col("dtc"))
    )
    frame = frame.with_columns(sent=pl.when(timed).then(text))
    with_offset = local(frame["sent"], context.setting("zone"), fraction="keep", offset="keep")["dtc"]
    date = dtc.str.extract(f"({_DATE})")
    return with_offset.zip_with(with_offset.is_not_null(), date)


def shown(sent: pl.Series, context: Context) -> pl.DataFrame:
    """FHIR date text in the study's zone: dtc, instant, assumed, invalid (of `interop.cdisc.localtime`)."""
    fraction, offset = context.setting("fractions", "trim"), context.setting("offsets", "drop")
    return local(sent, context.setting("zone"), fraction=fraction, offset=offset)


@verb("dtc", put=date_columns, columns=of_argument, inverse="C")
def dtc(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The first date column that is not null, in the study's zone (SDTMIG 4.4.1); partial dates stay partial.

    Columns named ``*dtc`` are carriers of exact --DTC text and are taken as they are. A time without an
    offset is read in the study's zone and reported; a text that is no date is null and reported; midnight
    sharp is reported, or a date by study setting.
    """
    exact, sent = nothing(rows), nothing(rows)
    for name in names(variable.argument):
        found = column(rows, name, context)
        carrier = name.rpartition(".")[2].endswith("dtc")
        if carrier:
            exact = exact.zip_with(exact.is_not_null(), found)
        else:
            sent = sent.zip_with(sent.is_not_null(), found)
    clock = shown(sent, context)
    midnight = (clock["dtc"].str.contains(_MIDNIGHT) & exact.is_null()).fill_null(value=False)
    values = clock["dtc"]
    if context.setting("midnight", "time") == "date":
        values = values.str.head(10).zip_with(midnight, values)
        midnight = midnight & False
    values = exact.zip_with(exact.is_not_null(), values)
    uncertain = exact.is_null()
    return Column(
        values,
        sent,
        (
            Problem("MAP-DATE-001", clock["invalid"] & uncertain, sent),
            Problem("MAP-DATE-002", clock["assumed"] & uncertain),
            Problem("MAP-DATE-003", midnight),
        ),
        {
            f"_{variable.name}.instant": clock["instant"],
            f"_{variable.name}.assumed": clock["assumed"] & uncertain,
        },
    )
