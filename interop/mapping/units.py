"""Units of measure: UCUM codes and hospital spellings -> submission values, conversions, dimensions.

The facts are in ``mappings/units/*.csv``. A unit that is not there is null, never guessed; arithmetic is
exact (`decimal`, `fractions`) and done once per distinct value.
"""

import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from interop.errors import MappingError
from interop.tables import Row, read_table, suggestion

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))


class Conversion(msgspec.Struct, frozen=True):
    """How a value changes between two units: (value + `offset`) * `factor`; `confirmed` unless marked U."""

    factor: Fraction
    offset: Decimal = Decimal(0)
    confirmed: bool = True

    @property
    def text(self) -> str:
        """The factor as text: a plain decimal, or ``5/9`` where none is exact."""
        return _factor_text(self.factor)


UNCHANGED = Conversion(Fraction(1))


class UnitTables(msgspec.Struct, frozen=True):
    """What is known of units.

    `units` is UCUM -> unit, `aliases` spelling -> unit, `preferred` unit -> UCUM. A unit is always a CDISC
    submission value. `scales` holds, for every unit, its dimensions and its size in each (null where sizes
    are not comparable, as of equivalents).
    """

    units: Mapping[str, str]
    aliases: Mapping[str, str]
    preferred: Mapping[str, str]
    conversions: Mapping[tuple[str, str, str], Conversion]
    scales: Mapping[str, Mapping[str, Fraction | None]]

    @classmethod
    def load(cls, folder: Path) -> "UnitTables":
        """Read ``ucum.csv``, ``aliases.csv``, ``conversions.csv`` and ``dimensions.csv`` of a folder.

        Raises MappingError with file:line on a repeated key, an unknown unit or a factor that is not a
        number.
        """
        units, preferred = _read_ucum(folder / "ucum.csv")
        known = frozenset(units.values())
        return cls(
            units=units,
            aliases=_read_aliases(folder / "aliases.csv", units),
            preferred=preferred,
            conversions=_read_conversions(folder / "conversions.csv", known),
            scales=_read_scales(folder / "dimensions.csv", known),
        )

    def conversion(self, test: str | None, source: str, target: str) -> Conversion | None:
        """How a test's value in unit `source` becomes one in `target`; null when that is not known.

        The test's own row wins; else the ratio of the sizes where both units have one in the same dimension.
        """
        if source == target:
            return UNCHANGED
        own = self.conversions.get((test or "", source, target))
        if own is not None:
            return own
        ends = self.scales.get(target, {})
        for dimension, size in self.scales.get(source, {}).items():
            end = ends.get(dimension)
            if size is not None and end is not None:
                return Conversion(size / end)
        return None


class Units(NamedTuple):
    """Submission values; `source` is ``ucum``, ``alias`` or null; `conflict`: code and text disagree."""

    unit: pl.Series
    source: pl.Series
    conflict: pl.Series


def submission_unit(ucum: pl.Series, display: pl.Series, tables: UnitTables) -> Units:
    """CDISC submission value of each unit: by its UCUM code, else by its text, else null.

    `ucum` and `display` are text columns of equal length (Quantity.code and Quantity.unit). `source` is null
    where nothing was found or nothing was sent. UCUM codes are case-sensitive, so are the spellings.
    """

    def find(code: str | None, text: str | None) -> tuple[str | None, str | None, bool]:
        written = _spelled(text, tables)
        if code is not None and code.strip() in tables.units:
            unit = tables.units[code.strip()]
            return unit, "ucum", written is not None and written != unit
        spelled = tables.aliases.get(unit_text(code)) if code is not None else None
        found = spelled or written
        return found, "alias" if found is not None else None, False

    schema = {"unit": pl.String, "source": pl.String, "conflict": pl.Boolean}
    frame = once_per_distinct(_frame(ucum=ucum, display=display), find, schema)
    return Units(frame["unit"], frame["source"], frame["conflict"])


def ucum_code(unit: pl.Series, tables: UnitTables) -> pl.Series:
    """Preferred UCUM code of each submission value; null where there is none."""
    return unit.cast(pl.String).replace_strict(tables.preferred, default=None, return_dtype=pl.String)


def dimension_conflict(unit: pl.Series, property: pl.Series, tables: UnitTables) -> pl.Series:  # noqa: A002
    """True where a unit cannot measure a property, such as g/L for a substance concentration.

    `unit` holds submission values, `property` the words of ``dimensions.csv``. Where either is unknown,
    nothing is shown and the answer is False.
    """

    def conflicts(name: str | None, wanted: str | None) -> tuple[bool]:
        dimensions = tables.scales.get(name or "")
        return (dimensions is not None and wanted is not None and wanted not in dimensions,)

    return once_per_distinct(_frame(unit=unit, property=property), conflicts, {"conflict": pl.Boolean})[
        "conflict"
    ]


def unit_text(text: str) -> str:
    """Form in which spellings of units are compared.

    Superscripts as ``^9``, NFKC (which has one mu sign), no outer blanks, case kept. Superscripts come first,
    since NFKC alone would turn 10⁹ into 109.
    """
    return unicodedata.normalize("NFKC", raise_superscripts(text)).strip()


def raise_superscripts(text: str) -> str:
    """The text with superscript digits written as powers: ``10⁹`` becomes ``10^9``."""
    if text.isascii():
        return text
    written: list[str] = []
    for before, character in zip(" " + text, text, strict=False):
        digit = SUPERSCRIPTS.get(character)
        written.append(character if digit is None else digit if before in SUPERSCRIPTS else f"^{digit}")
    return "".join(written)


@cache
def _factor_text(factor: Fraction) -> str:
    plain = Decimal(factor.numerator) / Decimal(factor.denominator)
    return plain_text(plain) if Fraction(plain) == factor else str(factor)


def plain_text(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros after the point."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def once_per_distinct(
    frame: pl.DataFrame, function: Callable[..., tuple[object, ...]], schema: Mapping[str, type[pl.DataType]]
) -> pl.DataFrame:
    """A function of a row, computed once per distinct row: columns of `schema`, as many rows as `frame`."""
    distinct = frame.unique(maintain_order=True)
    answers = pl.DataFrame(
        [function(*row) for row in distinct.iter_rows()], schema=dict(schema), orient="row"
    )
    table = pl.concat([distinct, answers], how="horizontal")
    joined = frame.join(table, on=frame.columns, how="left", nulls_equal=True, maintain_order="left")
    return joined.select(list(schema))


def _frame(**columns: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({name: column.cast(pl.String) for name, column in columns.items()})


def _spelled(text: str | None, tables: UnitTables) -> str | None:
    """The unit a text names: a submission value, a UCUM code or a listed spelling."""
    if text is None:
        return None
    word = unit_text(text)
    return word if word in tables.preferred else tables.units.get(word) or tables.aliases.get(word)


def _read_ucum(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    units: dict[str, str] = {}
    preferred: dict[str, str] = {}
    for row in read_table(file, required=("ucum", "unit", "nci", "reverse", "mark"), optional=()):
        code, unit = _given(row, "ucum", file), _given(row, "unit", file)
        if code in units:
            raise MappingError(f"{code} stands here twice", file=file, line=row.line)
        units[code] = unit
        if row["reverse"] == "Y" and preferred.setdefault(unit, code) != code:
            raise MappingError(
                f"two reverse rows for {unit}: {preferred[unit]}, {code}", file=file, line=row.line
            )
    return units, preferred


def _read_aliases(file: Path, units: Mapping[str, str]) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for row in read_table(file, required=("text", "ucum", "mark"), optional=()):
        word, code = unit_text(_given(row, "text", file)), _given(row, "ucum", file)
        if code not in units:
            raise MappingError(
                f"no UCUM code {code} in ucum.csv{suggestion(code, units)}", file=file, line=row.line
            )
        if word in aliases or word in units:
            raise MappingError(f"{word} is given twice, here or in ucum.csv", file=file, line=row.line)
        aliases[word] = units[code]
    return aliases


def _read_conversions(file: Path, known: frozenset[str]) -> dict[tuple[str, str, str], Conversion]:
    conversions: dict[tuple[str, str, str], Conversion] = {}
    columns = ("testcd", "from_unit", "to_unit", "factor", "offset", "basis", "mark")
    for row in read_table(file, required=columns, optional=()):
        key = (
            _given(row, "testcd", file),
            _unit(row, "from_unit", file, known),
            _unit(row, "to_unit", file, known),
        )
        if key in conversions:
            raise MappingError(f"{key[0]} {key[1]} to {key[2]} stands here twice", file=file, line=row.line)
        offset = _number(row, "offset", file) if row["offset"] else Fraction(0)
        conversions[key] = Conversion(
            factor=_number(row, "factor", file),
            offset=Decimal(offset.numerator) / Decimal(offset.denominator),
            confirmed=row["mark"] != "U",
        )
    return conversions


def _read_scales(file: Path, known: frozenset[str]) -> dict[str, dict[str, Fraction | None]]:
    scales: dict[str, dict[str, Fraction | None]] = {}
    for row in read_table(file, required=("unit", "dimension", "scale"), optional=()):
        unit, dimension = _unit(row, "unit", file, known), _given(row, "dimension", file)
        if dimension in scales.setdefault(unit, {}):
            raise MappingError(f"{unit} stands twice under {dimension}", file=file, line=row.line)
        scales[unit][dimension] = _number(row, "scale", file) if row["scale"] else None
    return scales


def _given(row: Row, column: str, file: Path) -> str:
    value = row[column]
    if value is None:
        raise MappingError(f"{column} must be given", file=file, line=row.line)
    return value


def _unit(row: Row, column: str, file: Path, known: frozenset[str]) -> str:
    unit = _given(row, column, file)
    if unit not in known:
        raise MappingError(f"no unit {unit} in ucum.csv{suggestion(unit, known)}", file=file, line=row.line)
    return unit


def _number(row: Row, column: str, file: Path) -> Fraction:
    """An exact number: a decimal, or a ratio of two (``5/9``)."""
    text = _given(row, column, file)
    top, _, bottom = text.partition("/")
    try:
        return Fraction(Decimal(top)) / Fraction(Decimal(bottom or "1"))
    except (InvalidOperation, ZeroDivisionError, ValueError, OverflowError):
        raise MappingError(f"{column} {text} is not a number", file=file, line=row.line) from None
