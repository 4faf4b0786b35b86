"""Results: --ORRES text -> its parts, --STRESC, --STRESN, --STRESU, ranges in the standard unit, --NRIND.

SDTMIG 3.4 section 4.5.1: a comparator is kept in --STRESC, and then --STRESN is null; a result in its
standard unit keeps its text. Every calculation is decimal, done once per distinct value.
"""

import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

import polars as pl

from interop.mapping.units import Conversion, UnitTables, once_per_distinct, plain_text, raise_superscripts
from interop.tables import normal_text

NO_UNIT = "no unit"
NO_CONVERSION = "no conversion"
UNCONFIRMED = "unconfirmed"
NOT_MAPPED = "not in map"
NOT_A_NUMBER = "not a number"

MOST_DIGITS = 15  # what a 64-bit float holds of any decimal
FEWEST_DIGITS = 3  # a converted value is not rounded below this
MOST_POWERS = 30  # 1e999999 is not a result; it stays text

EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
COMPARATORS = {"≤": "<=", "≥": ">=", "≦": "<=", "≧": ">="}
DASHES = str.maketrans({"−": "-", "–": "-", "—": "-"} | COMPARATORS)
NUMBER = r"[0-9]{1,40}(?:\.[0-9]{1,40})?|\.[0-9]{1,40}"
SINGLE = re.compile(rf"(<=|>=|<|>)?\s*(-?(?:{NUMBER}))(?:[eE]([+-]?[0-9]{{1,6}}))?")
PLAIN = r"^-?[0-9]{1,40}(\.[0-9]{1,40})?$"
RANGE = re.compile(rf"({NUMBER})\s*[-~]\s*({NUMBER})")
RATIO = re.compile(rf"(<=|>=|<|>)?\s*({NUMBER})\s*:\s*({NUMBER})")

PARSED = {
    "comparator": pl.String,
    "number": pl.String,
    "kind": pl.String,
    "text": pl.String,
    "exponent": pl.Boolean,
}
STANDARD = {
    "stresc": pl.String,
    "stresn": pl.Float64,
    "stresu": pl.String,
    "factor": pl.String,
    "problem": pl.String,
}
LIMITS = {
    "low": pl.Float64,
    "high": pl.Float64,
    "low_text": pl.String,
    "high_text": pl.String,
    "problem": pl.String,
}


class Parsed(NamedTuple):
    """A result's parts; `kind` is ``number``, ``range``, ``ratio``, ``text`` or null."""

    comparator: str | None = None
    number: str | None = None
    kind: str | None = None
    text: str | None = None
    exponent: bool = False


class Standard(NamedTuple):
    """A result in its standard form, the factor used, and what stood in the way."""

    stresc: str | None = None
    stresn: float | None = None
    stresu: str | None = None
    factor: str | None = None
    problem: str | None = None


def parse_result(text: pl.Series) -> pl.DataFrame:
    """The parts of result texts: `comparator`, `number`, `kind`, `text` and `exponent`.

    Full-width forms are read as their plain ones (NFKC), ``≤`` as ``<=``. A number with an exponent is
    written out (``1e2`` is ``100``) and flagged in `exponent`. `number` of a ratio is its second part. `text`
    is the form for --ORRES; of kind ``text`` it is as sent.
    """
    return once_per_distinct(text.cast(pl.String).to_frame("result"), _parse, PARSED)


def standardize(
    result: pl.Series,
    unit: pl.Series,
    test: pl.Series,
    standard_unit: pl.Series,
    tables: UnitTables,
    *,
    qualitative: Mapping[str, str],
    max_digits: int = MOST_DIGITS,
    titer_numeric: bool = False,
) -> pl.DataFrame:
    """--STRESC, --STRESN and --STRESU of --ORRES texts (SDTMIG 3.4 section 4.5.1).

    Gives `stresc`, `stresn`, `stresu`, `factor` and `problem`. `unit` and `standard_unit` hold submission
    values, `test` --TESTCD; `qualitative` maps texts in normal form to terms. A factor of 1 keeps the text;
    else the value is rounded half up to the significant digits that were sent, at least 3 and at most
    `max_digits`, and trailing zeros after the point are dropped. A range is converted at both ends, a ratio
    not at all (its second part is --STRESN if `titer_numeric`). A text in no map is copied and named in
    `problem`. Without a unit, or without a confirmed factor, all is null and `problem` says so.
    """

    def one(written: str | None, sent: str | None, testcd: str | None, wanted: str | None) -> Standard:
        parsed = _parse(written)
        if parsed.kind is None:
            return Standard()
        if parsed.kind == "text":
            term = _term(parsed.text or "", qualitative, measured=wanted is not None)
            return Standard(term or parsed.text, problem=None if term else NOT_MAPPED)
        if parsed.kind == "ratio":
            return Standard(parsed.text, _float(parsed.number) if titer_numeric else None, sent)
        conversion = _conversion(testcd, sent, wanted, tables)
        if isinstance(conversion, str):
            return Standard(problem=conversion)
        return _converted(parsed, conversion, wanted or sent, max_digits)

    columns = {"result": result, "unit": unit, "test": test, "standard": standard_unit}
    frame = pl.DataFrame({name: column.cast(pl.String) for name, column in columns.items()})
    # a plain number in its standard unit is what it is; the others are looked at one by one
    is_standard = pl.col("standard").is_null() | (pl.col("unit") == pl.col("standard"))
    as_sent = pl.col("result").str.contains(PLAIN) & is_standard
    given = frame.select(as_sent=as_sent.fill_null(value=False), text="result", unit="unit").with_columns(
        number=pl.when("as_sent").then(pl.col("text").cast(pl.Float64, strict=False))
    )
    done = once_per_distinct(
        frame.with_columns(pl.when(~given["as_sent"]).then("result").alias("result")), one, STANDARD
    )
    return done.hstack(given).select(
        pl.when("as_sent").then("text").otherwise("stresc").alias("stresc"),
        pl.when("as_sent").then("number").otherwise("stresn").alias("stresn"),
        pl.when("as_sent").then("unit").otherwise("stresu").alias("stresu"),
        pl.when("as_sent").then(pl.lit("1")).otherwise("factor").alias("factor"),
        "problem",
    )


def standardize_range(
    low: pl.Series,
    high: pl.Series,
    unit: pl.Series,
    test: pl.Series,
    standard_unit: pl.Series,
    tables: UnitTables,
    *,
    max_digits: int = MOST_DIGITS,
) -> pl.DataFrame:
    """Reference limits in the standard unit, by the factor and rounding of `standardize`.

    `low` and `high` are texts in `unit`, either may be null. Gives `low`, `high` (floats), `low_text`,
    `high_text` and `problem`.
    """

    def one(
        bottom: str | None, top: str | None, sent: str | None, testcd: str | None, wanted: str | None
    ) -> tuple[float | None, float | None, str | None, str | None, str | None]:
        ends = [_parse(bottom), _parse(top)]
        if all(end.kind is None for end in ends):
            return None, None, None, None, None
        if any(end.kind not in (None, "number") or end.comparator for end in ends):
            return None, None, None, None, NOT_A_NUMBER
        conversion = _conversion(testcd, sent, wanted, tables)
        if isinstance(conversion, str):
            return None, None, None, None, conversion
        lower, upper = (_number(end.number, conversion, max_digits) if end.number else None for end in ends)
        return _float(lower), _float(upper), lower, upper, None

    columns = {"low": low, "high": high, "unit": unit, "test": test, "standard": standard_unit}
    frame = pl.DataFrame({name: column.cast(pl.String) for name, column in columns.items()})
    renamed = frame.rename({"low": "bottom", "high": "top"})
    return once_per_distinct(renamed, one, LIMITS)


def nrind(stresc: pl.Series, stresn: pl.Series, low: pl.Series, high: pl.Series) -> pl.Series:
    """LOW, NORMAL or HIGH of a standard result against its standard limits; null where that cannot be proved.

    A result with a comparator is placed only if every value it allows is on one side: ``<0.1`` is LOW of 0.5
    to 2, and null of 0.05 to 2. A missing limit does not limit, and nothing is below a lower limit of 0 or
    less.
    """
    frame = pl.DataFrame({"stresc": stresc, "stresn": stresn, "low": low, "high": high})
    low_, high_, exact = pl.col("low"), pl.col("high"), pl.col("stresn")
    sign = pl.col("stresc").str.extract(r"^(<=|>=|<|>)")
    bound = pl.col("stresc").str.extract(r"^[<>]=?(-?[0-9.]+)$").cast(pl.Float64, strict=False)
    below, above = sign.is_in(["<", "<="]), sign.is_in([">", ">="])
    floor, ceiling = low_.is_null() | (low_ <= 0), high_.is_null()
    within = exact.is_not_null() & (low_.is_null() | (exact >= low_)) & (ceiling | (exact <= high_))
    placed = (
        pl.when(low_.is_null() & high_.is_null())
        .then(None)
        .when((exact < low_) | (below & ((bound < low_) | ((bound == low_) & (sign == "<")))))
        .then(pl.lit("LOW"))
        .when((exact > high_) | (above & ((bound > high_) | ((bound == high_) & (sign == ">")))))
        .then(pl.lit("HIGH"))
        .when(within | (below & floor & (bound <= high_)) | (above & ceiling & (bound >= low_)))
        .then(pl.lit("NORMAL"))
    )
    return frame.select(placed.alias("nrind"))["nrind"]


def _parse(text: str | None) -> Parsed:
    if text is None or not text.strip():
        return Parsed()
    plain = unicodedata.normalize("NFKC", raise_superscripts(text)).translate(DASHES).strip()
    single = SINGLE.fullmatch(plain)
    if single is not None:
        comparator, number, power = single.groups()
        if abs(int(power or 0)) > MOST_POWERS:
            return Parsed(kind="text", text=text)
        number = format(Decimal(f"{number}e{power}"), "f") if power else number
        return Parsed(comparator, number, "number", (comparator or "") + number, exponent=bool(power))
    if (ends := RANGE.fullmatch(plain)) is not None:
        return Parsed(kind="range", text="-".join(ends.groups()))
    if (ratio := RATIO.fullmatch(plain)) is not None:
        comparator, first, second = ratio.groups()
        return Parsed(
            comparator, None if comparator else second, "ratio", f"{comparator or ''}{first}:{second}"
        )
    return Parsed(kind="text", text=text)


def _term(text: str, qualitative: Mapping[str, str], *, measured: bool) -> str | None:
    """The term of a text; a sign alone (``-``) is a result only of a test that has no unit."""
    word = normal_text(text)
    if measured and not any(character.isalnum() for character in word):
        return None
    return qualitative.get(word) or qualitative.get("".join(word.split()))


def _conversion(
    test: str | None, unit: str | None, standard: str | None, tables: UnitTables
) -> Conversion | str | None:
    """The conversion to the standard unit, null where the test has none, or the problem as text."""
    if standard is None:
        return None
    if unit is None:
        return NO_UNIT
    conversion = tables.conversion(test, unit, standard)
    if conversion is None:
        return NO_CONVERSION
    return conversion if conversion.confirmed else UNCONFIRMED


def _converted(parsed: Parsed, conversion: Conversion | None, unit: str | None, max_digits: int) -> Standard:
    factor = conversion.text if conversion else "1"
    if parsed.kind == "range":
        ends = RANGE.fullmatch(parsed.text or "")
        texts = [_number(end, conversion, max_digits) for end in ends.groups()] if ends else []
        return Standard("-".join(texts), None, unit, factor)
    number = _number(parsed.number or "", conversion, max_digits)
    value = None if parsed.comparator else _float(number)
    return Standard((parsed.comparator or "") + number, value, unit, factor)


def _number(text: str, conversion: Conversion | None, max_digits: int) -> str:
    """A number after conversion; its text as it was where nothing changes."""
    if conversion is None or (conversion.factor == 1 and not conversion.offset):
        return text
    moved = EXACT.add(Decimal(text), conversion.offset)
    raised = EXACT.multiply(moved, Decimal(conversion.factor.numerator))
    exact = EXACT.divide(raised, Decimal(conversion.factor.denominator))
    if not exact:
        return "0"
    digits = min(max(_significant(text), FEWEST_DIGITS), max_digits)
    return plain_text(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), context=EXACT))


def _significant(text: str) -> int:
    """How many digits of a number were meant: ``0.10`` has 2, ``98.0`` has 3."""
    return len(text.lstrip("-").replace(".", "").lstrip("0"))


def _float(text: str | None) -> float | None:
    return None if text is None else float(text)
