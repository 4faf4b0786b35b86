"""Pass 2: one batch of subjects, all domains together; the steps are those of `plan`, in its order."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import polars as pl

from interop.mapping.across import read_through
from interop.mapping.choosers import CHOOSERS, GIVES
from interop.mapping.context import Column, Context, Problem, holds
from interop.mapping.intervals import merge
from interop.mapping.lacking import report_lacking
from interop.mapping.lineage import lineage
from interop.mapping.model import DomainMapping, Variable
from interop.mapping.names import needs
from interop.mapping.plan import Step
from interop.mapping.relrec import related
from interop.mapping.rows import begin
from interop.mapping.sent import kept, parts_as_sent
from interop.mapping.settle import cut, order, settle
from interop.mapping.verbs import VERBS
from interop.mapping.work import FATES, PROBLEMS, Work, apply, fates

Views = Mapping[str, Mapping[str, pl.DataFrame]]


class Batch(msgspec.Struct, frozen=True):
    """The rows of some subjects: frames of every domain's views, and what is the same in every batch."""

    views: Views
    mappings: Mapping[str, DomainMapping]
    steps: Sequence[Step]
    context: Context
    severities: Mapping[str, str]


class Converted(msgspec.Struct, frozen=True):
    """What a batch became: frames (variables, qualifiers) and lineage by domain, problems, fates, RELREC."""

    frames: Mapping[str, pl.DataFrame]
    lineage: Mapping[str, pl.DataFrame]
    problems: pl.DataFrame
    fates: pl.DataFrame
    related: pl.DataFrame


def convert(batch: Batch) -> Converted:
    """Run every step on the batch."""
    works: dict[str, Work] = {}
    frames: dict[str, pl.DataFrame] = {}
    context = msgspec.structs.replace(batch.context, frames=frames)
    for n, step in enumerate(batch.steps):
        if step.kind == "rows":
            works[step.domain] = begin(batch.mappings[step.domain], batch.views[step.domain], context)
            frames[step.domain] = works[step.domain].frame
        work = works[step.domain]
        if step.kind == "rows" or not work.frame.height:  # nothing can be made of no rows
            continue
        RUN[step.kind](work, step.name, context, batch.severities)
        if step.kind == "settle":
            order(work, {*_read_later(batch, step.domain, n), *kept(work.mapping, work.frame.columns)})
        frames[step.domain] = work.frame
    report_lacking(works, context)
    done = works.values()
    return Converted(
        frames={work.domain: _variables(work) for work in done},
        lineage={work.domain: lineage(work) for work in done},
        problems=pl.concat(
            [pl.DataFrame(schema=PROBLEMS), *(p for work in done for p in work.problems)],
            how="vertical_relaxed",
        ),
        fates=pl.concat(
            [pl.DataFrame(schema=FATES), *(f for work in done for f in work.fates), *map(_mapped, done)]
        ),
        related=related(works),
    )


def _read_later(batch: Batch, domain: str, step: int) -> set[str]:
    """Columns of a domain that steps after one read."""
    found: set[str] = set()
    for taker in batch.mappings.values():
        found |= {
            name
            for source in taker.records
            if source.dataset == domain
            for name in read_through(taker, source)
        }
    for later in batch.steps[step + 1 :]:
        if later.kind == "derive":
            variable = batch.mappings[later.domain].columns[later.name]
            names = {name for alternative in variable.alternatives for name in needs(alternative)}
            found |= names if later.domain == domain else {name.removeprefix(f"{domain}.") for name in names}
    return found


def _variables(work: Work) -> pl.DataFrame:
    rest = [name for name in work.frame.columns if name.startswith("_") and name.endswith(".rest")]
    absent = [pl.lit(None).alias(name) for name in work.mapping.columns if name not in work.frame.columns]
    return work.frame.with_columns(absent).select("_key", *work.mapping.columns, *rest)


def _mapped(work: Work) -> pl.DataFrame:
    """Resources that gave a row, or a part of one by a join."""
    sources = [work.frame[name] for name in work.frame.columns if name == "_rid" or name.endswith("._rid")]
    for alias, child in work.mapping.branches[0].children.items():
        if child.join:
            parts = work.children[alias].join(work.frame.select("_at"), on="_at", how="semi")
            sources += [parts[name] for name in parts.columns if name.endswith("._rid")]
    rids = pl.concat([rids.cast(pl.UInt32).alias("rid") for rids in sources]).drop_nulls()
    return fates(rids, fate="mapped", reason="", dataset=work.domain)


def _choose(work: Work, alias: str, context: Context, severities: Mapping[str, str]) -> None:
    del severities
    child = work.mapping.branches[0].children[alias]
    ((name, arguments),) = (child.choose or {}).items()
    parts = work.children[alias].join(work.frame.select("_at"), on="_at", how="semi", maintain_order="left")
    chosen = CHOOSERS[name](work.frame, parts, arguments, context)
    if child.columns or name in GIVES:
        sent = parts_as_sent(alias, child, parts)
        work.frame = work.frame.join(sent, on="_at", how="left", maintain_order="left")
    named = chosen.select(
        "_at",
        *(pl.col(c).alias(f"{alias}.{c}") for c in chosen.columns if c != "_at" and not c.startswith("_")),
    )
    work.frame = work.frame.join(named, on="_at", how="left", maintain_order="left")


def _variable(work: Work, name: str, context: Context, severities: Mapping[str, str]) -> None:
    variable = work.mapping.columns[name]
    columns = [(a, _alternative(work.frame, a, context)) for a in variable.alternatives]
    values, sent = columns[0][1].values, columns[0][1].sent
    branch = pl.select(pl.when(values.is_not_null()).then(pl.lit(0, pl.UInt8))).to_series()
    for n, (_, found) in enumerate(columns[1:], start=1):
        fills = values.is_null() & found.values.is_not_null()
        branch = branch.zip_with(~fills, pl.repeat(n, fills.len(), dtype=pl.UInt8, eager=True))
        sent = _filled(sent, found.sent, fills)
        values = values.zip_with(~fills, found.values.cast(values.dtype))
    disagree = _disagree(variable, [found.values for _, found in columns])
    added = {name: values, **{key: extra for _, found in columns for key, extra in found.extra.items()}}
    if len(columns) > 1:
        added[f"_{name}.branch"] = branch
    if sent is not None and sent.dtype == pl.String:
        added[f"_{name}.sent"] = sent
    work.frame = work.frame.with_columns(**added)
    for n, (_, found) in enumerate(columns):
        for problem in _still(found, n, branch):
            apply(work, problem, severities, variable=name)
    for problem in disagree:
        apply(work, problem, severities, variable=name)


def _disagree(variable: Variable, found: Sequence[pl.Series]) -> list[Problem]:
    """Rows in which the first alternative gives another value than one behind it, where the mapping asks."""
    if variable.agree is None or len(found) == 1:
        return []
    first, *others = found
    says = ~first.is_in(list(variable.agree.but))
    rows = [(first != other.cast(first.dtype)) & says for other in others]
    differs = pl.select(pl.any_horizontal(rows)).to_series()
    return [Problem(variable.agree.rule, differs.fill_null(value=False), first)]


def _still(found: Column, n: int, branch: pl.Series) -> list[Problem]:
    """Problems of an alternative on the rows that it gave, or that no alternative gave."""
    return [
        msgspec.structs.replace(p, rows=p.rows.fill_null(value=False) & ((branch == n) | branch.is_null()))
        for p in found.problems
    ]


def _filled(sent: pl.Series | None, other: pl.Series | None, fills: pl.Series) -> pl.Series | None:
    if other is None or other.dtype != pl.String:
        return sent
    base = (
        sent
        if sent is not None and sent.dtype == pl.String
        else pl.repeat(None, other.len(), dtype=pl.String, eager=True)
    )
    return base.zip_with(~fills, other)


def _alternative(frame: pl.DataFrame, variable: Variable, context: Context) -> Column:
    found = VERBS[variable.verb].get(frame, variable, context)
    if not variable.when and not variable.unless:
        return found
    mask = holds(frame, variable.when, variable.unless, context)
    values = found.values.zip_with(mask, found.values.clear(frame.height))
    problems = tuple(
        msgspec.structs.replace(p, rows=p.rows.fill_null(value=False) & mask) for p in found.problems
    )
    return msgspec.structs.replace(found, values=values, problems=problems)


def _settle(work: Work, name: str, context: Context, severities: Mapping[str, str]) -> None:
    del name
    settle(work, context, severities)
    merge(work, context)
    cut(work)


RUN: Mapping[str, Callable[[Work, str, Context, Mapping[str, str]], None]] = {
    "choose": _choose,
    "variable": _variable,
    "derive": _variable,
    "settle": _settle,
}
