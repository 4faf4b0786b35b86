"""Verbs for results: result (value[x] as --ORRES), limit (reference range as sent), std (standard units)."""

from collections.abc import Mapping

import polars as pl

from interop.mapping import results
from interop.mapping.context import Column, Context, Problem, column, nothing
from interop.mapping.model import Variable
from interop.mapping.results import parse_result, standardize, standardize_range
from interop.mapping.units import dimension_conflict
from interop.mapping.verbs.registry import names, of_argument, of_from, verb

_JSON_NUMBER = r"^(?:<|<=|>|>=)?-?(?:0|[1-9]\d*)(?:\.\d+)?$"
# What stood between a result and its standard form -> rule of mappings/findings.csv.
PROBLEMS = {
    results.NO_UNIT: "MAP-UNIT-004",
    results.NO_CONVERSION: "MAP-UNIT-005",
    results.UNCONFIRMED: "MAP-UNIT-006",
    results.NOT_MAPPED: "MAP-CODE-003",
    results.NOT_A_NUMBER: "MAP-RANGE-003",
}


def _value(rows: pl.DataFrame, variable: Variable, _: Context) -> Mapping[str, pl.Series]:
    argument = variable.argument
    text = rows[variable.name]
    parsed = parse_result(text)
    same = parsed["text"] == text
    number = same & (parsed["kind"] == "number") & text.str.contains(_JSON_NUMBER)
    pair = {
        kind: same & (parsed["kind"] == kind) & text.str.contains(r"^\d+(\.\d+)?[-:]\d+(\.\d+)?$")
        for kind in ("ratio", "range")
    }
    none = nothing(rows)
    given = {
        argument["comparator"]: parsed["comparator"].zip_with(number, none),
        argument["number"]: parsed["number"].zip_with(number, none),
        names(argument["text"])[0]: text.zip_with(~(number | pair["ratio"] | pair["range"]), none),
    }
    for kind, separator in (("ratio", ":"), ("range", "-")):
        ends = text.zip_with(pair[kind], none).str.split_exact(separator, 1).struct
        given |= {name: ends.field(f"field_{n}") for n, name in enumerate(argument[kind])}
    return given


@verb("result", put=_value, columns=of_argument)
def result(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """value[x] as the text of --ORRES (SDTMIG 4.5.1).

    Comparator and number as written, ratio ``1:160``, range ``2-5``, text. Full-width forms become plain; an
    exponent is written out and reported; a boolean is POSITIVE or NEGATIVE.
    """
    take = {kind: [column(rows, n, context) for n in names(name)] for kind, name in variable.argument.items()}
    frame = pl.DataFrame({f"{kind}{n}": s for kind, series in take.items() for n, s in enumerate(series)})
    text = [name for name in frame.columns if name.startswith("text")]
    frame = frame.select(
        pl.coalesce(
            pl.concat_str(pl.col("comparator0").fill_null(""), pl.col("number0")),
            pl.concat_str("ratio0", "ratio1", separator=":"),
            pl.concat_str("range0", "range1", separator="-"),
            pl.col("integer0"),
            pl.col("boolean0").replace_strict(
                {"true": "POSITIVE", "false": "NEGATIVE"}, default=None, return_dtype=pl.String
            ),
            *text,
        ).alias("sent")
    )
    parsed = parse_result(frame["sent"])
    return Column(
        parsed["text"], frame["sent"], (Problem("MAP-VALUE-004", parsed["exponent"].fill_null(value=False)),)
    )


def _range(rows: pl.DataFrame, variable: Variable, context: Context, name: str) -> pl.Series:
    return column(rows, f"{names(variable.options['from'])[0]}.{name}", context)


def _to_range(rows: pl.DataFrame, variable: Variable, _: Context) -> Mapping[str, pl.Series]:
    alias = names(variable.options["from"])[0]
    return {f"{alias}.{variable.argument}": rows[variable.name]}


@verb("limit", put=_to_range, columns=of_from, options=("from",))
def limit(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """A limit of the chosen reference range, as sent: low, high or text.

    `from` names the range's alias and the result's unit. A limit in another unit of the same dimension is
    converted to the result's; in a unit that only an analyte's own factor relates, or none, it is left out.
    Both are reported, as are the limits of ranges between which sex and age cannot choose.
    """
    values = _range(rows, variable, context, variable.argument)
    if variable.argument not in ("low", "high"):
        return Column(values)
    unit, own = _range(rows, variable, context, "unit"), column(rows, variable.options["from"][1], context)
    other = (values.is_not_null() & unit.is_not_null() & own.is_not_null() & (unit != own)).fill_null(
        value=False
    )
    if not other.any():
        converted = nothing(rows)
    else:
        none = nothing(rows)
        converted = standardize_range(values, none, unit, none, own, context.units)["low_text"]
    found = converted.zip_with(other, values)
    if variable.argument == "high":
        return Column(found)
    problems = [
        Problem("MAP-RANGE-002", other & converted.is_null()),
        Problem("MAP-RANGE-005", other & converted.is_not_null()),
    ]
    several = _range(rows, variable, context, "several")
    if several.dtype == pl.Boolean:
        problems.append(Problem("MAP-RANGE-001", several.fill_null(value=False)))
    return Column(found, problems=tuple(problems))


@verb(
    "std",
    put=None,
    columns=lambda v: [*of_from(v), *names(v.options.get("qualitative"))],
    options=("from", "map", "qualitative", "property"),
    inverse="D",
)
def std(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    """The result or range in the test's standard unit (SDTMIG 4.5.1): result, number, unit; low, high.

    ``result`` computes (from: result, unit, test, standard unit), and ``low`` (from: range, result, its unit,
    test, standard unit); ``number``, ``unit`` and ``high`` read what the variable named in `from` computed.
    The study's `standard_units` win.
    """
    part = variable.argument
    if part in ("number", "unit", "high"):
        return Column(rows[f"_{variable.options['from'][0]}.{part}"])
    return (
        _range_in_standard_unit(rows, variable, context)
        if part == "low"
        else _result_in_standard_unit(rows, variable, context)
    )


def _standard_unit(rows: pl.DataFrame, test: pl.Series, name: str, context: Context) -> pl.Series:
    own = test.replace_strict(context.setting("standard_units", {}), default=None, return_dtype=pl.String)
    return own.zip_with(own.is_not_null(), column(rows, name, context))


def _problems(found: pl.Series) -> tuple[Problem, ...]:
    return tuple(Problem(rule, (found == word).fill_null(value=False)) for word, rule in PROBLEMS.items())


def _result_in_standard_unit(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    orres, unit, test, standard = variable.options["from"]
    table = context.tables[variable.options["map"]].forward("target")
    texts = {code: term for (system, code), term in table.items() if system == "text"}
    sent_unit = column(rows, unit, context)
    done = standardize(
        column(rows, orres, context),
        sent_unit,
        column(rows, test, context),
        _standard_unit(rows, column(rows, test, context), standard, context),
        context.units,
        qualitative=texts,
        titer_numeric=context.setting("titer_numeric", "false") == "true",
    )
    stresc = done["stresc"]
    coded = variable.options.get("qualitative")
    problem = done["problem"]
    if coded is not None:
        codes = {code: term for (system, code), term in table.items() if system != "text"}
        terms = column(rows, coded, context).replace_strict(codes, default=None, return_dtype=pl.String)
        stresc = terms.zip_with(terms.is_not_null(), stresc)
        problem = nothing(rows).zip_with(terms.is_not_null(), problem)
    conflict = dimension_conflict(
        sent_unit, column(rows, variable.options.get("property", ""), context), context.units
    )
    problems = (*_problems(problem), Problem("MAP-UNIT-003", conflict, sent_unit))
    extra = {"number": done["stresn"], "unit": done["stresu"]}
    return Column(
        stresc, None, problems, {f"_{variable.name}.{key}": values for key, values in extra.items()}
    )


def _range_in_standard_unit(rows: pl.DataFrame, variable: Variable, context: Context) -> Column:
    alias, orres, unit, test, standard = variable.options["from"]
    own = column(rows, f"{alias}.unit", context)
    unit_of_range = own.zip_with(own.is_not_null(), column(rows, unit, context))
    measured = column(rows, orres, context).is_not_null()
    low, high = (column(rows, f"{alias}.{end}", context) for end in ("low", "high"))
    done = standardize_range(
        low.zip_with(measured, nothing(rows)),
        high.zip_with(measured, nothing(rows)),
        unit_of_range,
        column(rows, test, context),
        _standard_unit(rows, column(rows, test, context), standard, context),
        context.units,
    )
    problem = done["problem"].zip_with(
        own.is_not_null() | (done["problem"] == results.NOT_A_NUMBER), nothing(rows)
    )
    return Column(done["low"], None, _problems(problem), {f"_{variable.name}.high": done["high"]})
