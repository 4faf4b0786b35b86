"""FHIR to SDTM in three passes: read and route, convert batches of subjects, reduce."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from sys import maxsize
from typing import Any

import msgspec
import polars as pl

from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.fhir.columns import compile_view
from interop.fhir.lines import Unreadable
from interop.fhir.source import Source
from interop.fhir.view import View
from interop.issues import Issues
from interop.mapping.context import Context
from interop.mapping.convert import Batch, Converted, convert
from interop.mapping.dictionary import told
from interop.mapping.gather import Gathered, Reader, gather
from interop.mapping.ledger import Ledger, ledger, settle_fates
from interop.mapping.lineage import stacked
from interop.mapping.model import DomainMapping
from interop.mapping.plan import Step
from interop.mapping.relrec import RELREC, relrec
from interop.mapping.report import issues_of
from interop.mapping.resolve import Resolved, resolve
from interop.mapping.roster import Roster, enrol, enrol_all
from interop.mapping.route import Routed, batches, noted, route
from interop.mapping.supp import supplemental
from interop.mapping.work import rules


class Plan(msgspec.Struct, frozen=True):
    """What does not depend on the source: mappings, their steps, the roster's views, tables, standard."""

    settings: Mapping[str, Any]
    mappings: Mapping[str, DomainMapping]
    steps: Sequence[Step]
    roster_views: Mapping[str, View]
    enrolled: Mapping[str, Sequence[str]]
    context: Context
    standard: Standard


class Result(msgspec.Struct, frozen=True):
    """What a conversion gives: datasets and lineage by name, issues, the ledger, what is for the quarantine.

    `quarantine` has the ordinals of records by file; `unreadable` the bytes that were no resource; `mappings`
    are those that made it.
    """

    datasets: Mapping[str, Dataset]
    issues: Issues
    ledger: Ledger
    lineage: Mapping[str, pl.DataFrame]
    quarantine: Mapping[str, set[int]]
    unreadable: Sequence[Unreadable]
    source: Source
    mappings: Mapping[str, DomainMapping] = {}


def to_sdtm(
    plan: Plan, source: Source, *, workers: int = 1, batch_count: int | None = None, everyone: bool = False
) -> Result:
    """Convert a source; `everyone` takes every Patient as a subject.

    The result does not depend on `workers` or `batch_count`.
    """
    reader = reader_of(plan)
    # one process reads: files need not be cut into parts, for which their lines would be counted
    gathered = gather(source.parts(bytes_per_part=maxsize), reader)
    resolved = resolve(gathered, source, reader, bases=plan.settings.get("bases", []))
    roster = _roster(plan, resolved, everyone=everyone)
    routed = route(plan.mappings, resolved, roster)
    converted = _convert(plan, routed, roster, workers=workers, count=batch_count or workers)
    return _reduce(plan, source, gathered, resolved, routed, converted)


def reader_of(plan: Plan) -> Reader:
    """What pass 1 looks for: every view of the roster and of the mappings."""
    views = {f"roster.{name}": view for name, view in plan.roster_views.items()}
    views |= {
        f"{domain}.{name}": view for domain, m in plan.mappings.items() for name, view in m.views.items()
    }
    joined = {m.views[join.view].resource for m in plan.mappings.values() for join in m.joins.values()}
    return Reader(
        {name: compile_view(view) for name, view in views.items()},
        targets=frozenset({"Patient", *joined, *(view.resource for view in plan.roster_views.values())}),
        rules=plan.settings.get("implicit_rules", []),
        understood={
            kind: frozenset(
                url for m in plan.mappings.values() if m.main.resource == kind for url in m.understands
            )
            for kind in {m.main.resource for m in plan.mappings.values()}
        },
    )


def _roster(plan: Plan, resolved: Resolved, *, everyone: bool) -> Roster:
    views = {name: resolved.views[f"roster.{name}"] for name in plan.roster_views}
    return enrol_all(views, plan.settings) if everyone else enrol(views, plan.settings, plan.enrolled)


def _convert(plan: Plan, routed: Routed, roster: Roster, *, workers: int, count: int) -> list[Converted]:
    severities = {rule: str(row["severity"]) for rule, row in rules().items()}
    made = [
        Batch(
            views,
            plan.mappings,
            plan.steps,
            msgspec.structs.replace(plan.context, roster=subjects),
            severities,
        )
        for subjects, views in batches(routed, plan.mappings, roster.subjects, count=count)
    ]
    if workers <= 1 or len(made) == 1:
        return [convert(batch) for batch in made]
    # spawn: the same on Linux, macOS and Windows; a forked polars can hang
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(convert, made))


def _reduce(
    plan: Plan,
    source: Source,
    gathered: Gathered,
    resolved: Resolved,
    routed: Routed,
    converted: Sequence[Converted],
) -> Result:
    datasets: dict[str, Dataset] = {}
    lineage: dict[str, pl.DataFrame] = {}
    frames = {
        domain: pl.concat([c.frames[domain] for c in converted], how="diagonal_relaxed")
        for domain in plan.mappings
    }
    for domain, mapping in plan.mappings.items():
        frame = frames[domain]
        dataset = _dataset(plan.standard, mapping, frame)
        datasets[domain] = dataset
        lineage[domain] = stacked([c.lineage[domain] for c in converted])
        extra = supplemental(mapping, frame, plan.standard)
        if extra is not None:
            datasets[extra.name] = extra
    together = relrec(plan.mappings, frames, pl.concat([c.related for c in converted]), plan.standard)
    if together is not None:
        datasets[RELREC], lineage[RELREC] = together
    disposed = settle_fates(
        resolved.index, pl.concat([resolved.fates, routed.fates, *(c.fates for c in converted)])
    )
    problems = pl.concat([routed.problems, _resolution_problems(resolved), *(c.problems for c in converted)])
    held = disposed.filter(pl.col("fate") == "quarantined").select("file", "ordinal")
    quarantine: dict[str, set[int]] = {}
    for file, ordinal in held.iter_rows():
        quarantine.setdefault(file, set()).add(ordinal)
    return Result(
        datasets=datasets,
        issues=Issues(
            [
                *source.issues,
                *gathered.issues,
                *(u.issue() for u in gathered.unreadable),
                *told(plan.context.dictionaries),
                *issues_of(problems, disposed),
            ]
        ),
        ledger=ledger(
            disposed,
            gathered.unreadable,
            {name: {"rows": len(dataset)} for name, dataset in datasets.items()},
        ),
        lineage=lineage,
        quarantine=quarantine,
        unreadable=gathered.unreadable,
        source=source,
        mappings=plan.mappings,
    )


def _dataset(standard: Standard, mapping: DomainMapping, frame: pl.DataFrame) -> Dataset:
    """The dataset of a frame, without permissible variables that no record has (SDTMIG 3.4 4.1.5)."""
    domain = standard.dataset(mapping.domain)
    filled = [n for n in mapping.variables if domain[n].core != "Perm" or frame[n].is_not_null().any()]
    typed = [
        pl.col(name).cast(pl.Float64, strict=False)
        if domain[name].type == "Num" and frame[name].dtype == pl.String
        else pl.col(name)
        for name in filled
    ]
    return Dataset(domain, frame.select(typed)).complete()


def _resolution_problems(resolved: Resolved) -> pl.DataFrame:
    held = resolved.fates.filter(pl.col("fate") == "quarantined").join(
        resolved.index.select("rid", "key"), on="rid"
    )
    found = [
        noted(rule, held.filter(pl.col("reason") == rule)["key"]) for rule in sorted(held["reason"].unique())
    ]
    # subjects are routed, and the roster understands a study that is named by identifier alone
    told = (pl.col("column") != "subject") & (pl.col("view") != "roster.enrolment")
    lost = resolved.unresolved.filter(told)
    absent = pl.col("reason") == "not in source"
    unled = noted("MAP-REFERENCE-001", lost.filter(~absent)["key"])
    return pl.concat([*found, unled, noted("MAP-REFERENCE-002", lost.filter(absent)["key"])])
