"""Derivations from lists: what the repeating parts of a resource say, as one value of its record."""

import polars as pl

from interop.mapping.context import Column, Context, nothing
from interop.mapping.derive import derivation, sources
from interop.mapping.model import Variable


@derivation
def summary(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """One value for a list: what all say, else the last of them in `order`, else `many` (SDTMIG 4.2.8.3).

    `setting` names the key of the study file that chooses between ``strongest`` (by `order`, the default) and
    ``multiple``. Values that `order` lacks cannot be compared, so that `many` stands for them.
    """
    (lists,) = sources(rows, variable, context)
    if lists.dtype != pl.List:
        return Column(nothing(rows))
    order = list(variable.options.get("order", ()))
    way = context.setting(variable.options.get("setting", ""), "strongest")
    distinct = lists.list.unique(maintain_order=True)
    one, several = distinct.list.first(), distinct.list.len() > 1
    values = one.zip_with(
        ~several.fill_null(value=False), _last(distinct, order if way == "strongest" else [])
    )
    many = pl.Series([variable.options.get("many")], dtype=pl.String)
    return Column(values.zip_with(values.is_not_null() | ~several.fill_null(value=False), many))


def _last(lists: pl.Series, order: list[str]) -> pl.Series:
    """Of each list the value that comes last in an order; null where one of them is not in it."""
    rank = {value: n for n, value in enumerate(order)}
    ranks = lists.list.eval(pl.element().replace_strict(rank, default=None, return_dtype=pl.Int64))
    known = ranks.list.eval(pl.element().is_not_null()).list.all()
    named = {n: value for value, n in rank.items()}
    found = ranks.list.max().replace_strict(named, default=None, return_dtype=pl.String)
    return found.zip_with(known.fill_null(value=False), pl.Series([None], dtype=pl.String))


@derivation
def listed(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The different values of a list, in their order, with a semicolon between them."""
    (lists,) = sources(rows, variable, context)
    if lists.dtype != pl.List:
        return Column(nothing(rows))
    text = lists.list.unique(maintain_order=True).list.join("; ")
    return Column(text.zip_with(lists.list.len().fill_null(0) > 0, nothing(rows)))
