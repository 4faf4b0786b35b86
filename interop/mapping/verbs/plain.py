"""Verbs that move a value as it is: hardcode, assign, concat, id, usubjid."""

from collections.abc import Mapping

import polars as pl

from interop.mapping.context import Column, Context, column, nothing
from interop.mapping.model import Variable
from interop.mapping.roster import patient_id
from interop.mapping.verbs.registry import names, of_argument, verb


@verb("hardcode", put=None, columns=lambda _: (), inverse="D")
def hardcode(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A literal, or the study file's value when it begins with ``study.``."""
    text = variable.argument
    value = context.setting(text.removeprefix("study.")) if text.startswith("study.") else text
    return Column(pl.repeat(value, rows.height, dtype=pl.String, eager=True))


def _to_first(rows: pl.DataFrame, variable: Variable, _: Context) -> Mapping[str, pl.Series]:
    return {names(variable.argument)[0]: rows[variable.name]}


@verb("assign", put=_to_first, columns=of_argument)
def assign(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A column as it is; of several the first that is not null. Back: into the first."""
    values = nothing(rows)
    for name in names(variable.argument):
        values = values.zip_with(values.is_not_null(), column(rows, name, context).cast(pl.String))
    return Column(values)


@verb("concat", put=None, columns=lambda v: [n for n in names(v.argument) if n != "/"], inverse="C")
def concat(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """Columns joined by a blank, nulls left out; ``/`` stands for itself."""
    parts = [pl.lit("/") if name == "/" else column(rows, name, context) for name in names(variable.argument)]
    joined = pl.select(pl.concat_str(parts, separator=" ", ignore_nulls=True)).to_series()
    return Column(joined if joined.len() == rows.height else joined.new_from_index(0, rows.height))


def _to_identifier(rows: pl.DataFrame, variable: Variable, _: Context) -> Mapping[str, pl.Series]:
    return {variable.argument: rows[variable.name]}


@verb("id", put=_to_identifier, columns=of_argument)
def identifier(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The identifier of the study's own system in a column, else the row's ``Type/id`` (``#element.n``)."""
    sent = column(rows, variable.argument, context)
    return Column(sent.zip_with(sent.is_not_null(), rows["_key"]))


def _to_patient(rows: pl.DataFrame, variable: Variable, _: Context) -> Mapping[str, pl.Series]:
    usubjids = rows[variable.name].unique()
    keys = {usubjid: f"Patient/{patient_id(usubjid)}" for usubjid in usubjids.drop_nulls()}
    references = rows[variable.name].replace_strict(keys, default=None, return_dtype=pl.String)
    also = [name for name, kind in (variable.put or {}).items() if kind == "reference"]
    return dict.fromkeys([variable.argument, *also], references)


@verb("usubjid", put=_to_patient, columns=of_argument, inverse="L")
def usubjid(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The subject that a reference column points to, as the roster's USUBJID.

    Back: the reference to that subject's Patient.
    """
    del variable, context
    return Column(rows["USUBJID"])
