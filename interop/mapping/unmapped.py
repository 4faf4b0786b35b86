"""The codes and units of a source that no table knows, counted, whoever the patients are."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import polars as pl

from interop.fhir.source import Source
from interop.mapping.context import Context, column, holds
from interop.mapping.gather import gather
from interop.mapping.lineage import hashed
from interop.mapping.model import Conditions, DomainMapping, Gate, Variable
from interop.mapping.resolve import resolve
from interop.mapping.roster import enrol_all
from interop.mapping.route import route
from interop.mapping.rows import begin
from interop.mapping.to_sdtm import Plan, reader_of
from interop.mapping.verbs import VERBS
from interop.mapping.verbs.coded import normal, table_target
from interop.mapping.work import Work

UCUM = "http://unitsofmeasure.org"
TEXT = "text"  # the system of exact texts in code tables
EXAMPLES = 3

_FOUND = {
    "table": pl.String,
    "variable": pl.String,
    "effect": pl.String,
    "system": pl.String,
    "code": pl.String,
    "display": pl.String,
    "key": pl.String,
}


class Unmapped(msgspec.Struct, frozen=True):
    """A code (of a system), text or unit without a mapping; `table` is where a row for it belongs.

    `count` is the records that have it, `effect` what becomes of them, `examples` are resource keys (those of
    patients hashed).
    """

    table: str
    variable: str
    effect: str
    system: str | None
    code: str | None
    display: str | None
    count: int
    examples: Sequence[str]


def unmapped(plan: Plan, source: Source) -> list[Unmapped]:
    """Codes and units that nothing maps, by table, most frequent first; every Patient counts as a subject."""
    reader = reader_of(plan)
    resolved = resolve(gather(source.parts(), reader), source, reader, bases=plan.settings.get("bases", []))
    roster = enrol_all({n: resolved.views[f"roster.{n}"] for n in plan.roster_views}, plan.settings)
    context = msgspec.structs.replace(plan.context, roster=roster.subjects)
    routed = route(plan.mappings, resolved, roster)
    found = [pl.DataFrame(schema=_FOUND)]
    for domain, mapping in plan.mappings.items():
        work = begin(msgspec.structs.replace(mapping, gate=None), routed.views[domain], context)
        if mapping.gate is not None:
            found.append(_codes(work, mapping, mapping.gate, context))
        found += _values(work, mapping, context)
    return _counted(pl.concat(found))


def _counted(found: pl.DataFrame) -> list[Unmapped]:
    keys = ["table", "variable", "effect", "system", "code"]
    rows = found.sort(*keys, "key", nulls_last=True).group_by(keys, maintain_order=True)
    counted = rows.agg(
        pl.col("display").drop_nulls().sort().first(),
        pl.col("key").n_unique().alias("count"),
        pl.col("key").unique(maintain_order=True).head(EXAMPLES).alias("examples"),
    ).sort("table", "variable", "count", "system", "code", descending=[False, False, True, False, False])
    made = (Unmapped(**row) for row in counted.iter_rows(named=True))
    return [msgspec.structs.replace(one, examples=[_public(key) for key in one.examples]) for one in made]


def _public(key: str) -> str:
    return hashed(key) if "Patient/" in key else key


def _codes(work: Work, mapping: DomainMapping, gate: Gate, context: Context) -> pl.DataFrame:
    """What rows are called whose names the gate's table does not know: their codes, or else their texts."""
    table = context.tables[gate.table].frame
    sent = pl.concat(_candidates(work, gate, context))
    passed = sent.join(table.select("system", "code"), on=["system", "code"], how="semi")["_at"]
    missed = work.frame.select("_at", key="_key").join(passed.to_frame(), on="_at", how="anti")
    codes = sent.filter(pl.col("system") != TEXT)
    texts = sent.filter(pl.col("system") == TEXT).join(codes, on="_at", how="anti")
    named = missed.join(pl.concat([codes, texts]), on="_at", how="left", maintain_order="left")
    effect = "quarantined" if gate.miss == "quarantine" else "out of scope"
    return named.select(
        pl.lit(gate.table).alias("table"),
        pl.lit(mapping.domain).alias("variable"),
        pl.lit(effect).alias("effect"),
        *("system", "code", "display", "key"),
    )


def _candidates(work: Work, gate: Gate, context: Context) -> Iterator[pl.DataFrame]:
    for name in gate.candidates:
        if name in work.children:
            coded = work.children[name].with_columns(pl.col("code").cast(pl.String))
            shown = "display" if "display" in coded.columns else pl.lit(None, pl.String).alias("display")
            yield coded.select("_at", "system", "code", shown).drop_nulls("code")
        else:
            text = column(work.frame, name, context).cast(pl.String)
            said = pl.DataFrame({"_at": work.frame["_at"], "code": normal(text), "display": text})
            yield said.select("_at", pl.lit(TEXT).alias("system"), "code", "display").drop_nulls("code")


def _values(work: Work, mapping: DomainMapping, context: Context) -> Iterator[pl.DataFrame]:
    """What verbs with tables find in their columns and do not know, for each alternative of each variable."""
    for variable in mapping.columns.values():
        for alternative in variable.alternatives:
            if alternative.verb not in SENT:
                continue
            made = VERBS[alternative.verb].get(work.frame, alternative, context)
            lacking = made.values.is_null() & _holds(work, mapping, alternative, context)
            for table, system, values in SENT[alternative.verb](work, alternative, context):
                rows = work.frame.select(key="_key").with_columns(code=values).filter(lacking)
                rows = rows.explode("code") if values.dtype == pl.List else rows
                yield rows.drop_nulls("code").select(
                    pl.lit(table).alias("table"),
                    pl.lit(f"{mapping.domain}.{variable.name}").alias("variable"),
                    pl.lit("null").alias("effect"),
                    pl.lit(system).alias("system"),
                    *("code", pl.lit(None, pl.String).alias("display"), "key"),
                )


def _holds(work: Work, mapping: DomainMapping, variable: Variable, context: Context) -> pl.Series:
    """The rows for which an alternative's conditions hold, as far as they are about the source alone."""

    def of_source(conditions: Conditions) -> Conditions:
        return {name: wanted for name, wanted in conditions.items() if name not in mapping.columns}

    return holds(work.frame, of_source(variable.when), of_source(variable.unless), context)


Sent = tuple[str, str, pl.Series]


def _recoded(work: Work, variable: Variable, context: Context) -> Iterator[Sent]:
    """Codes that the table of a `recode` has no row for; a row without a target is a decision."""
    source = variable.options["from"]
    if not isinstance(source, Mapping):
        return
    table = table_target(variable.argument)[0]
    for name, system in source.items():
        frame = context.tables[table].frame
        known = frame.filter(pl.col("system") == system)["code"].to_list()
        codes = column(work.frame, name, context)
        if codes.dtype == pl.List:
            left = codes.list.eval(pl.element().filter(~pl.element().is_in(known)))
        else:
            codes = normal(codes) if system == TEXT else codes
            left = codes.set(codes.is_in(known), None)
        yield table, system, left


def _terms(work: Work, variable: Variable, context: Context) -> Iterator[Sent]:
    yield str(variable.codelist), TEXT, column(work.frame, variable.argument, context)


def _units(work: Work, variable: Variable, context: Context) -> Iterator[Sent]:
    ucum, text = variable.argument.get("ucum"), variable.argument.get("text")
    codes = column(work.frame, ucum, context) if ucum else None
    if codes is not None:
        yield "ucum", UCUM, codes
    if text:
        texts = column(work.frame, text, context)
        yield "aliases", TEXT, texts if codes is None else texts.set(codes.is_not_null(), None)


#: Verbs that read through a table, and what they were sent: table, system, values per row.
SENT: Mapping[str, Callable[[Work, Variable, Context], Iterator[Sent]]] = {
    "recode": _recoded,
    "ct": _terms,
    "unit": _units,
}
