"""Verbs for coded values: recode (a code map), ct (a submission value as it is), unit (UCUM to CDISC)."""

from collections.abc import Mapping

import polars as pl

from interop.errors import MappingError
from interop.mapping.context import Column, Context, Problem, column, nothing
from interop.mapping.model import Variable
from interop.mapping.units import submission_unit, ucum_code
from interop.mapping.verbs.registry import of_argument, of_from, verb
from interop.tables import normal_text

ANY = "coded"  # in place of a system: codes of any, as ``system|code``


def table_target(argument: str) -> tuple[str, str]:
    """``TABLE.column`` as its parts; the column is ``target`` when none is named."""
    table, _, target = argument.partition(".")
    return table, target or "target"


def normal(values: pl.Series) -> pl.Series:
    """Texts in the form in which they are compared, once per distinct value."""
    distinct = values.drop_nulls().unique()
    return values.replace_strict(
        distinct, pl.Series([normal_text(t) for t in distinct], dtype=pl.String), default=None
    )


def submission(values: pl.Series, codelist: str | None, context: Context) -> pl.Series:
    """The codelist's own spelling of texts that are submission values of it, else null."""
    if codelist is None or codelist not in context.terminology:
        return values
    terms = {normal_text(value): value for value in context.terminology[codelist].by_value}
    return normal(values).replace_strict(terms, default=None, return_dtype=pl.String)


def look_up(values: pl.Series, system: str, entries: Mapping[tuple[str, str], str]) -> pl.Series:
    """Targets of the codes of one system; of a list column the first that has one.

    System ``coded`` stands for codes of any system, written ``system|code``.
    """
    if system == ANY:
        own = {f"{s}|{code}": target for (s, code), target in entries.items()}
    else:
        own = {code: target for (s, code), target in entries.items() if s == system}
    if values.dtype == pl.List:
        return _first_of(values, own)
    keys = normal(values) if system == "text" else values
    return keys.replace_strict(own, default=None, return_dtype=pl.String)


def _first_of(values: pl.Series, own: Mapping[str, str]) -> pl.Series:
    """Of each list the first code's target that is there."""
    found = values.list.first().replace_strict(own, default=None, return_dtype=pl.String)
    longer = (found.is_null() & (values.list.len() > 1)).fill_null(value=False).arg_true()
    targets = [next((own[code] for code in codes if code in own), None) for codes in values.gather(longer)]
    return found.scatter(longer, pl.Series(targets, dtype=pl.String)) if targets else found


def listed(values: pl.Series, between: str) -> pl.Series:
    """Lists of codes as text; most have one item, for which that is quick."""
    found = values.list.first().cast(pl.String)
    longer = (values.list.len() > 1).fill_null(value=False).arg_true()
    return found.scatter(longer, values.gather(longer).list.join(between)) if longer.len() else found


def _reverse(rows: pl.DataFrame, variable: Variable, context: Context) -> Mapping[str, pl.Series]:
    source = variable.options["from"]
    if not isinstance(source, Mapping):
        return {}
    table, target = table_target(variable.argument)
    back = context.tables[table].reverse(target)
    given: dict[str, pl.Series] = {}
    for name, system in source.items():
        codes = {value: code for value, (s, code) in back.items() if s == system}
        values = rows[variable.name]
        texts = values.replace_strict(codes, default=None, return_dtype=pl.String)
        if system == "text" and variable.options.get("accept"):
            texts = texts.zip_with(texts.is_not_null(), values)
        given |= _split(name, texts)
    return given


def _split(name: str, texts: pl.Series) -> dict[str, pl.Series]:
    parts = name.split("/")
    if len(parts) == 1:
        return {name: texts}
    split = texts.str.split_exact("/", len(parts) - 1).struct
    return {part: split.field(f"field_{n}") for n, part in enumerate(parts)}


@verb("recode", put=_reverse, columns=of_from, options=("from", "accept"), inverse="L")
def recode(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A code map's target, looked up by system and code in the columns of `from`, in their order.

    ``from: gate`` takes the gate's row; ``accept: codelist`` also takes a text that is itself a submission
    value. A code without a row stays null and is reported. Back: the row marked ``reverse``, into the column
    of its system.
    """
    table, target = table_target(variable.argument)
    source = variable.options.get("from")
    if source == "gate":
        return Column(column(rows, f"gate.{target}", context))
    if not isinstance(source, Mapping):
        raise MappingError(
            f"{variable.name}: recode needs from: gate or {{column: system}}",
            file=variable.file,
            line=variable.line,
        )
    entries = context.tables[table].forward(target)
    values = nothing(rows)
    there = pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
    sent = nothing(rows)
    for name, system in source.items():
        codes = column(rows, name, context)
        found = look_up(codes, system, entries)
        if variable.options.get("accept") and system == "text":
            accepted = submission(codes, variable.codelist, context)
            found = accepted.zip_with(accepted.is_not_null(), found)
        values = values.zip_with(values.is_not_null(), found)
        plain = listed(codes, ",") if codes.dtype == pl.List else codes
        sent = sent.zip_with(sent.is_not_null(), plain)
        sent_any = codes.list.len() > 0 if codes.dtype == pl.List else codes.is_not_null()
        there |= sent_any.fill_null(value=False) & _unknown(codes, system, context.tables[table].frame)
    return Column(values, sent, (Problem("MAP-CODE-002", values.is_null() & there, sent),))


def _unknown(codes: pl.Series, system: str, frame: pl.DataFrame) -> pl.Series:
    known = frame.filter(pl.col("system") == system)["code"]
    if system == ANY:
        known = frame.select(pl.concat_str("system", "code", separator="|")).to_series()
    if codes.dtype == pl.List:
        return _first_of(codes, dict.fromkeys(known, "")).is_null()
    return ~(normal(codes) if system == "text" else codes).is_in(known.to_list())


def _to_column(rows: pl.DataFrame, variable: Variable, _: Context) -> Mapping[str, pl.Series]:
    return {variable.argument: rows[variable.name]}


@verb("ct", put=_to_column, columns=of_argument, inverse="L")
def ct(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A text that is a submission value of the codelist; anything else stays null and is reported."""
    sent = column(rows, variable.argument, context)
    values = submission(sent, variable.codelist, context)
    return Column(values, sent, (Problem("MAP-CT-001", values.is_null() & sent.is_not_null(), sent),))


def _to_ucum(rows: pl.DataFrame, variable: Variable, context: Context) -> Mapping[str, pl.Series]:
    given: dict[str, pl.Series] = {}
    values = rows[variable.name]
    measured, carrier = variable.options.get("of"), variable.argument.get("cdisc")
    if measured is not None:  # a unit without a number has no Quantity to stand in
        number = rows[measured].str.contains(r"^[<>]?=?\s*[-+]?\d+(\.\d+)?$").fill_null(value=False)
        said = number & ucum_code(values, context.units).is_not_null()
        given |= {carrier: values.zip_with(~said, nothing(rows))} if carrier else {}
        values = values.zip_with(number, nothing(rows))
    ucum = variable.argument.get("ucum")
    if ucum is not None:
        parts = _split(ucum, values)
        given |= {name: ucum_code(part, context.units) for name, part in parts.items()}
    text = variable.argument.get("text")
    return given | ({text: values} if text else {})


@verb("unit", put=_to_ucum, columns=of_argument, options=("of",), inverse="L")
def unit(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The CDISC unit of a UCUM code, else of a unit's display text by alias (reported).

    An unknown unit stays null and is reported. ``{ucum: a/b}`` is a unit over a unit; ``cdisc`` names a
    carrier that holds the submission value; `of` the result it belongs to. Back: the preferred UCUM code, and
    the submission value as display.
    """
    ucum = variable.argument.get("ucum", "")
    parts = [column(rows, name, context) for name in ucum.split("/")] if ucum else [nothing(rows)]
    text_column = variable.argument.get("text")
    text = column(rows, text_column, context) if text_column else nothing(rows)
    units = [
        submission_unit(part, text if n == 0 else nothing(rows), context.units)
        for n, part in enumerate(parts)
    ]
    values = units[0].unit
    for over in units[1:]:
        joined = pl.select(pl.concat_str([values, over.unit], separator="/")).to_series()
        values = joined.zip_with(over.unit.is_not_null(), values)
    carrier = variable.argument.get("cdisc")
    exact = column(rows, carrier, context) if carrier else nothing(rows)
    values = exact.zip_with(exact.is_not_null(), values)
    sent = parts[0].zip_with(parts[0].is_not_null(), text)
    from_text = (units[0].source == "alias").fill_null(value=False) & exact.is_null()
    unknown = values.is_null() & sent.is_not_null()
    return Column(
        values, sent, (Problem("MAP-UNIT-001", from_text, sent), Problem("MAP-UNIT-002", unknown, sent))
    )
