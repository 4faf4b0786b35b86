"""What a verb or derivation may look at besides its rows: the study, tables, the batch's other domains."""

from collections.abc import Mapping
from typing import Any

import msgspec
import polars as pl

from interop.cdisc.ct import Terminology
from interop.cdisc.meddra import Release
from interop.mapping.concepts import CodeTable
from interop.mapping.model import Conditions
from interop.mapping.units import UnitTables


class Context(msgspec.Struct, frozen=True):
    """State that travels in arguments: the study's settings, the tables, and the batch's frames by domain."""

    settings: Mapping[str, Any]
    tables: Mapping[str, CodeTable]
    units: UnitTables
    terminology: Terminology
    roster: pl.DataFrame
    frames: Mapping[str, pl.DataFrame] = {}
    dictionaries: Mapping[str, Release] = {}

    def setting(self, path: str, default: Any = None) -> Any:
        """Value of the study file at a dotted path."""
        value: Any = self.settings
        for key in path.split("."):
            value = value.get(key, default) if isinstance(value, Mapping) else default
        return value


class Problem(msgspec.Struct, frozen=True):
    """Rows (a boolean mask) that break a rule of ``mappings/findings.csv``.

    `value` is the offending value, where it is not personal.
    """

    rule: str
    rows: pl.Series
    value: pl.Series | None = None


class Column(msgspec.Struct, frozen=True):
    """What a verb gives: one value per row, and what goes with it.

    `sent` is the text as sent where it differs, `extra` columns for the verbs that follow.
    """

    values: pl.Series
    sent: pl.Series | None = None
    problems: tuple[Problem, ...] = ()
    extra: Mapping[str, pl.Series] = {}


def nothing(rows: pl.DataFrame) -> pl.Series:
    """A text column of nulls."""
    return pl.Series("", [None], dtype=pl.String).new_from_index(0, rows.height)


def column(rows: pl.DataFrame, name: str, context: Context) -> pl.Series:
    """A column by name.

    A name of these rows; ``DOMAIN.VARIABLE``, of the subject's one record in another domain; or ``a/b``,
    joined by a slash. A column that no row has (an alias without rows, a target no code has) is null.
    """
    if name in rows.columns:
        return rows[name]
    if "/" in name:
        parts = [column(rows, part, context).cast(pl.String) for part in name.split("/")]
        return pl.select(pl.concat_str(parts, separator="/")).to_series()
    domain, _, variable = name.partition(".")
    frame = context.frames.get(domain)
    if frame is None or variable not in frame.columns:
        return nothing(rows)
    one = frame.select(pl.col("USUBJID"), pl.col(variable).alias("_found")).unique(
        "USUBJID", keep="first", maintain_order=True
    )
    return rows.select("USUBJID").join(one, on="USUBJID", how="left", maintain_order="left")["_found"]


def holds(rows: pl.DataFrame, when: Conditions, unless: Conditions, context: Context) -> pl.Series:
    """Mask of the rows for which all of `when` hold and not all of `unless`."""
    mask = _all(rows, when, context)
    return mask & ~_all(rows, unless, context) if unless else mask


def _all(rows: pl.DataFrame, conditions: Conditions, context: Context) -> pl.Series:
    mask = pl.repeat(value=True, n=rows.height, dtype=pl.Boolean, eager=True)
    for name, wanted in conditions.items():
        found = column(rows, name, context)
        if wanted == "present":
            mask &= found.is_not_null()
        elif wanted == "absent":
            mask &= found.is_null()
        elif isinstance(wanted, Mapping):
            mask &= ~found.cast(pl.String).is_in(list(wanted["not"])).fill_null(value=False)
        else:
            mask &= found.cast(pl.String).is_in(list(wanted)).fill_null(value=False)
    return mask
