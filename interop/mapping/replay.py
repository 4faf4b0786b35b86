"""Records made once more, from what lineage keeps of them: the same steps on the text as sent.

Whatever a cell's story says can so be held against the cell, without the source.
"""

from collections.abc import Mapping

import msgspec
import polars as pl

from interop.mapping.context import Context
from interop.mapping.convert import RUN
from interop.mapping.intervals import merge
from interop.mapping.model import DomainMapping
from interop.mapping.rows import take_records
from interop.mapping.sent import read_again
from interop.mapping.settle import order
from interop.mapping.to_sdtm import Plan
from interop.mapping.work import Work, rules

Frames = Mapping[str, pl.DataFrame]


def replay(plan: Plan, datasets: Frames, lineage: Frames) -> dict[str, pl.DataFrame]:
    """The rows of every domain with all that its variables read and give, by domain, in the datasets' order.

    `datasets` are the records with their qualifiers, `lineage` their unpacked lineage, row by row, both by
    domain. Nothing is reported, and no row leaves.
    """
    roster = _roster(plan.mappings, datasets)
    severities = {rule: str(row["severity"]) for rule, row in rules().items()}
    works: dict[str, Work] = {}
    frames: dict[str, pl.DataFrame] = {}
    context = msgspec.structs.replace(plan.context, frames=frames)
    for step in plan.steps:
        if step.domain not in lineage:
            continue
        if step.kind == "rows":
            works[step.domain] = _begun(plan.mappings[step.domain], lineage[step.domain], roster, context)
        elif step.kind in ("variable", "derive"):
            RUN[step.kind](works[step.domain], step.name, context, severities)
        elif step.kind == "settle":
            _ordered(works[step.domain], context)
        frames[step.domain] = works[step.domain].frame
    return frames


def _begun(mapping: DomainMapping, lineage: pl.DataFrame, roster: pl.DataFrame, context: Context) -> Work:
    """A domain's rows as its views, joins, choosers and gate gave them."""
    if "members" in lineage.columns:  # intervals are made again, of the records behind them
        lineage = lineage.filter(pl.col("members").is_null())
    element = lineage["element"].cast(pl.Int64)
    branch = (
        lineage["branch"] if "branch" in lineage.columns else pl.zeros(lineage.height, pl.UInt8, eager=True)
    )
    elements = {n: part.element for n, part in enumerate(mapping.branches) if part.element}
    name = branch.replace_strict(elements, default=None, return_dtype=pl.String)
    frame = lineage.select(
        "USUBJID",
        _rid=pl.lit(0, pl.UInt32),
        _at=pl.int_range(pl.len(), dtype=pl.UInt32),
        _key=pl.coalesce(pl.concat_str("key", pl.lit("#"), name, pl.lit("."), element + 1), "key"),
        _resource="key",
        _version="version",
        _index=element,
        _element=element.cast(pl.String),
        _branch=branch,
        _parent=pl.when(name.is_not_null()).then("key"),
        **{f"{alias}._key": f"{alias}.key" for alias in mapping.joins},
        **{f"{alias}._version": f"{alias}.version" for alias in mapping.joins},
        **read_again(lineage),
    )
    frame = frame.join(roster, on="USUBJID", how="left", maintain_order="left")
    work = Work(mapping, _with_gate(mapping, frame, context), {}, [], [])
    take_records(work, context)
    return work


def _with_gate(mapping: DomainMapping, frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if mapping.gate is None or "gate.code" not in frame.columns:
        return frame
    entries = context.tables[mapping.gate.table].frame.drop("reverse", strict=False)
    named = entries.rename({name: f"gate.{name}" for name in entries.columns})
    return frame.join(named, on=["gate.system", "gate.code"], how="left", maintain_order="left")


def _roster(mappings: Mapping[str, DomainMapping], datasets: Frames) -> pl.DataFrame:
    """What the roster knew of each subject, from the variables that are assigned it."""
    frames = []
    for domain, mapping in mappings.items():
        named = {
            str(variable.argument): name
            for name, variable in mapping.columns.items()
            if variable.verb == "assign" and str(variable.argument).startswith("roster.")
        }
        if mapping.rows == "roster" and domain in datasets:
            frames.append(datasets[domain].select("USUBJID", **named))
    return frames[0] if frames else pl.DataFrame(schema={"USUBJID": pl.String})


def _ordered(work: Work, context: Context) -> None:
    """Intervals, and their order; other records stand in the order of their dataset."""
    if work.mapping.intervals is not None:
        merge(work, context)
        order(work, work.frame.columns)
