"""Exposure: the dose given, from what was collected; the numbers of dosing intervals (SDTMIG 3.4 6.1.3).

Arithmetic is exact (`fractions`). Where a unit, a strength or a duration does not fit, there is no dose.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Context as Digits
from decimal import Decimal
from fractions import Fraction

import polars as pl

from interop.cdisc.localtime import local
from interop.mapping.context import Column, Context, Problem, nothing
from interop.mapping.derive import derivation, sources
from interop.mapping.intervals import MEMBERS
from interop.mapping.model import Variable
from interop.mapping.units import UnitTables, once_per_distinct, plain_text, submission_unit

_AMOUNT = r"(?P<amount>\d{1,20}(?:\.\d{1,20})?)\s*(?P<unit>[^\s/]+)"
_RATE = re.compile(rf"{_AMOUNT}\s*/\s*(?:(?P<per>\d{{1,20}}(?:\.\d{{1,20}})?)\s*)?(?P<time>[^\s/]+)")
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,20})?")
_DIGITS = Digits(prec=15)  # what a 64-bit float holds of any decimal
_SECOND, _TIME = "s", "time"

Given = tuple[str | None, str | None]


@derivation
def dose(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The dose given: as collected, times the strength of one of its units, or a rate times its duration.

    From: dose, its unit, strength, its unit, rate as text, start, end; `give`: number or unit. Two capsules
    of 10 mg are 20 mg; 10 mg / 1 h for two hours are 20 mg; 50 mL/h of 0.1 mg/mL for two hours are 10 mg. A
    rate without a duration in minutes, or in a volume without a strength, gives none, and is reported.
    """
    amount, unit, strength, strength_unit, rate, start, end = sources(rows, variable, context)
    zone = context.setting("zone")
    times = [local(date, zone)["instant"] for date in (start, end)]
    collected = (amount, unit, strength, strength_unit, rate, *times)
    asked = pl.DataFrame([values.alias(str(n)) for n, values in enumerate(collected)])
    tables = context.units
    found = once_per_distinct(
        asked, lambda *known: given_dose(*known, tables=tables), {"number": pl.String, "unit": pl.String}
    )
    if variable.options.get("give") == "unit":
        return Column(found["unit"])
    unknown = found["number"].is_null() & rate.is_not_null() & amount.is_null()
    return Column(found["number"], problems=(Problem("MAP-DOSE-001", unknown, rate),))


def given_dose(
    amount: str | None,
    unit: str | None,
    strength: str | None,
    strength_unit: str | None,
    rate: str | None,
    start: str | None,
    end: str | None,
    *,
    tables: UnitTables,
) -> Given:
    """Number and unit of one dose, as text; numbers and units as collected, `start` and `end` as UTC text."""
    if amount is not None:
        known = _fraction(amount)
        return (
            _of_strength(known, unit, strength, strength_unit, tables)
            if known is not None
            else (amount, unit)
        )
    if rate is None or start is None or end is None:
        return None, None
    flow = _RATE.fullmatch(rate.strip())
    seconds = Fraction((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    per = _seconds(flow["time"], tables) if flow else None
    of = _unit(flow["unit"], tables) if flow else None
    if (
        flow is None
        or per is None
        or of is None
        or seconds <= 0
        or (flow["per"] and not Fraction(flow["per"]))
    ):
        return None, None
    whole = Fraction(flow["amount"]) / Fraction(flow["per"] or "1") * seconds / per
    number, found = _of_strength(whole, of, strength, strength_unit, tables)
    return (None, None) if "volume" in tables.scales.get(found or "", {}) else (number, found)


def told_dose(collected: Sequence[str | None], context: Context) -> str | None:
    """How the dose of one record came about, in words; `collected` is what `dose` reads, in its order."""
    amount, unit, strength, strength_unit, rate, start, end = collected
    times = local(pl.Series([start, end], dtype=pl.String), context.setting("zone"))["instant"]
    number, found = given_dose(amount, unit, strength, strength_unit, rate, *times, tables=context.units)
    if number is None:
        return None
    if amount is not None and found == unit:
        return f"{amount} {unit or ''}".strip() + ", as collected"
    of = f" x {strength} {strength_unit}" if found == (strength_unit or "").partition("/")[0] else ""
    told = f"{amount} {unit}" if amount is not None else f"{rate} from {start} to {end}"
    return f"{told}{of} = {number} {found}"


def _of_strength(
    amount: Fraction, unit: str | None, strength: str | None, strength_unit: str | None, tables: UnitTables
) -> Given:
    """An amount times the strength, where that is per such a unit; else the amount."""
    top, _, bottom = (strength_unit or "").partition("/")
    each = _fraction(strength)
    fits = tables.conversion(None, unit, bottom) if each is not None and unit and bottom else None
    if each is None or fits is None:
        return _text(amount), unit
    return _text(amount * fits.factor * each), top


def _fraction(text: str | None) -> Fraction | None:
    return Fraction(text) if text is not None and _NUMBER.fullmatch(text) else None


def _text(value: Fraction) -> str:
    return plain_text(_DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator)))


def _unit(code: str, tables: UnitTables) -> str | None:
    found: str | None = submission_unit(pl.Series([code]), pl.Series([code]), tables).unit.item()
    return found


def _seconds(code: str, tables: UnitTables) -> Fraction | None:
    unit = _unit(code, tables)
    known = tables.scales.get(unit or "", {}).get(_TIME)
    return known / (tables.scales[_SECOND][_TIME] or 1) if known is not None else None


@derivation
def numbered(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The text of `from` and the number of the record among the subject's with that text (``DRUG-2``)."""
    (text,) = sources(rows, variable, context)
    frame = rows.select("USUBJID").with_columns(text=text)
    number = (pl.int_range(pl.len()).over("USUBJID", "text") + 1).cast(pl.String)
    return Column(frame.select(label=pl.concat_str("text", number, separator="-"))["label"])


@derivation
def member(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A value of the interval that the record is a member of.

    From: ``DOMAIN.VARIABLE`` of the domain whose mapping makes intervals of these records.
    """
    (name,) = variable.options["from"]
    domain, _, value = name.partition(".")
    frame = context.frames.get(domain)
    if frame is None or not {MEMBERS, value} <= {*frame.columns}:
        return Column(nothing(rows))
    named = frame.select(pl.col(MEMBERS).alias("_key"), pl.col(value).alias("_value")).explode("_key")
    found = rows.select("_key").join(named.drop_nulls("_key"), on="_key", how="left", maintain_order="left")
    return Column(found["_value"])
