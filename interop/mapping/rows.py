"""The rows of a domain: its main view and unions, their subjects, status, joins, children and gate."""

from collections.abc import Mapping

import polars as pl

from interop.mapping.context import Context, Problem, column, holds, nothing
from interop.mapping.model import Branch, Child, DomainMapping, Gate
from interop.mapping.parts import completed, joined, sent
from interop.mapping.supp import whole_text
from interop.mapping.verbs.coded import normal
from interop.mapping.work import Work

Views = Mapping[str, pl.DataFrame]

# Columns that the gathering adds to every view: record id, resource key, its version, index of a forEach.
OWN = ("_rid", "_key", "_version", "_index")


def begin(mapping: DomainMapping, views: Views, context: Context) -> Work:
    """The rows of one domain, with everything that variables can read but what a chooser gives."""
    work = Work(mapping, pl.DataFrame(), {}, [], [])
    _branches(work, views, context)
    _subjects(work, views, context)
    if work.frame.height:
        for step in (_status, _joins, _omit, _gate, _instead):
            step(work, views, context)
    _taken_over(work, views, context)
    if work.frame.height:
        completed(work, views, context)
    return work


def _branches(work: Work, views: Views, context: Context) -> None:
    frames: list[pl.DataFrame] = []
    children: dict[str, list[pl.DataFrame]] = {}
    at = 0
    for n, branch in enumerate(work.mapping.branches):
        frame = _main(work.mapping, branch, views, context).with_columns(_branch=pl.lit(n, pl.UInt8))
        frame = frame.with_columns(_at=pl.int_range(at, at + frame.height, dtype=pl.UInt32, eager=True))
        at += frame.height
        if branch.instead:
            frame = frame.with_columns(_instead=pl.lit(value=True))
        frames.append(frame)
        for alias, child in branch.children.items():
            children.setdefault(alias, []).append(_parts(frame, views[child.view], child))
    work.frame = sent(pl.concat(frames, how="diagonal_relaxed"))
    work.children = {alias: pl.concat(parts, how="diagonal_relaxed") for alias, parts in children.items()}


def _beside(frame: pl.DataFrame, name: str, table: pl.DataFrame) -> pl.DataFrame:
    """A table's other columns for each row of the frame, by its column `name` and the table's first."""
    asked = frame.select(pl.col(name).alias(table.columns[0]))
    found = asked.join(table, on=table.columns[0], how="left", maintain_order="left")
    return found.drop(table.columns[0])


def _main(mapping: DomainMapping, branch: Branch, views: Views, context: Context) -> pl.DataFrame:
    frame = views[branch.view]
    if mapping.rows == "roster":
        subjects = context.roster.select(_patient="patient", _enrolment="enrolment")
        frame = subjects.join(
            frame, left_on="_enrolment", right_on="_key", how="left", maintain_order="left", coalesce=False
        )
        frame = frame.with_columns(subject="_patient", _key=pl.coalesce("_key", "_patient")).drop(
            "_patient", "_enrolment"
        )
    frame = frame.with_columns(_resource=pl.col("_key"), _element=pl.col("_index").cast(pl.String))
    if branch.element is None:
        return frame.with_columns(_parent=pl.lit(None, pl.String))
    number = (pl.col("_index").cast(pl.Int64) + 1).cast(pl.String)
    return frame.with_columns(
        _parent=pl.col("_key"), _key=pl.concat_str("_key", pl.lit(f"#{branch.element}."), number)
    )


def _parts(frame: pl.DataFrame, parts: pl.DataFrame, child: Child) -> pl.DataFrame:
    left, right = list(child.on), list(child.on.values())
    keyed = frame.select("_at", *(pl.col(name).alias(f"_on{n}") for n, name in enumerate(left)))
    numbered = parts.with_row_index("_nth").with_columns(
        pl.col(name).alias(f"_on{n}") for n, name in enumerate(right)
    )
    return keyed.join(numbered, on=[f"_on{n}" for n in range(len(left))], how="inner").drop(
        f"_on{n}" for n in range(len(left))
    )


def _subjects(work: Work, views: Views, context: Context) -> None:
    del views
    roster = context.roster.select(
        _subject="patient", USUBJID="USUBJID", **{f"roster.{c}": c for c in ("subjid", "siteid", "earlier")}
    )
    if "subject" not in work.frame.columns:
        work.frame = work.frame.with_columns(subject=nothing(work.frame))
    work.frame = work.frame.hstack(_beside(work.frame, "subject", roster))
    if work.frame["USUBJID"].null_count():
        work.frame = work.frame.filter(pl.col("USUBJID").is_not_null())


def _status(work: Work, views: Views, context: Context) -> None:
    del views
    status = work.mapping.status
    if status is None:
        return
    table = context.tables[status.table].forward("policy")
    policies = {code: policy for (_, code), policy in table.items()}
    sent = pl.select(pl.coalesce(column(work.frame, name, context) for name in status.columns)).to_series()
    policy = sent.replace_strict(policies, default="quarantine", return_dtype=pl.String)
    policy = policy.zip_with(sent.is_not_null(), pl.Series([status.absent]))
    work.quarantine(Problem("MAP-STATUS-001", policy == "quarantine", sent))
    sent, policy = (part.filter(policy != "quarantine") for part in (sent, policy))
    work.drop(policy == "remove", fate="removed", reason="entered-in-error")
    sent, policy = (part.filter(policy != "remove") for part in (sent, policy))
    skipped = policy == "skip"
    work.report(Problem("MAP-STATUS-002", skipped, sent))
    work.drop(skipped, fate="out of scope", reason="status")


def _joins(work: Work, views: Views, context: Context) -> None:
    for join in work.mapping.joins.values():
        work.frame = joined(work.frame, views[join.view], join, work.mapping, context)


def _omit(work: Work, views: Views, context: Context) -> None:
    del views
    for omission in work.mapping.omit:
        rows = holds(work.frame, omission.when, omission.unless, context)
        if omission.rule is not None:
            work.report(Problem(omission.rule, rows))
        work.drop(rows, fate="out of scope", reason=omission.reason)


def _gate(work: Work, views: Views, context: Context) -> None:
    del views
    gate = work.mapping.gate
    if gate is None:
        return
    table = context.tables[gate.table].frame
    entries = table.drop("reverse", strict=False)
    found = _admitted(work, gate, entries, context)
    if gate.agree is not None:
        said = entries.select(pl.col(gate.agree).rank("dense").fill_null(0)).to_series()
        heard = found.select("_at", said=said.gather(found["_entry"])).group_by("_at")
        clash = heard.agg(pl.col("said").min() != pl.col("said").max()).filter("said")["_at"]
        work.quarantine(Problem("MAP-CODE-004", work.frame["_at"].is_in(clash.implode())))
    chosen = found.sort("_at", "_nth", "_entry").unique("_at", keep="first", maintain_order=True)
    entry = _beside(work.frame, "_at", chosen.select("_at", "_entry"))["_entry"]
    missed = entry.is_null()
    work.frame = work.frame.hstack(
        [entries[name].gather(entry).alias(f"gate.{name}") for name in entries.columns]
    )
    if gate.miss == "quarantine":
        shown = _shown_codes(work, gate) if missed.any() else None
        work.quarantine(Problem("MAP-CODE-001", missed, shown))
    else:
        work.drop(missed, fate="out of scope", reason="no domain takes this code")
    for name, values in gate.keep.items():
        elsewhere = ~column(work.frame, f"gate.{name}", context).is_in(list(values)).fill_null(value=False)
        work.drop(elsewhere, fate="out of scope", reason="belongs to another domain")


def _instead(work: Work, views: Views, context: Context) -> None:
    """Leave out rows that stand in for other views' where their subject has a row of those."""
    del views, context
    if "_instead" not in work.frame.columns:
        return
    spare = work.frame["_instead"].fill_null(value=False)
    served = work.frame["USUBJID"].filter(~spare).unique()
    work.drop(
        spare & work.frame["USUBJID"].is_in(served.implode()),
        fate="out of scope",
        reason="other records of the subject are taken",
    )


def _taken_over(work: Work, views: Views, context: Context) -> None:
    del views
    take_records(work, context)


def take_records(work: Work, context: Context) -> None:
    """Add a row for each record of another dataset that is to be one here too."""
    if not work.mapping.records:
        return
    frames = [work.frame.with_columns(_dataset=pl.lit(None, pl.String))]
    for source in work.mapping.records:
        frame = context.frames.get(source.dataset)
        if frame is None:
            continue
        kept = [
            name for name in frame.columns if name in (*OWN, "_resource", "_element", "_parent", "USUBJID")
        ]
        named = {
            f"{source.alias}.{n}": whole_text(frame, n)
            for n in frame.columns
            if not n.startswith("_") and "._" not in n
        }
        rows = frame.select(*kept, **named, _dataset=pl.lit(source.dataset))
        frames.append(rows.filter(holds(rows, source.when, source.unless, context)))
    together = pl.concat(frames, how="diagonal_relaxed")
    last = together["_at"].max() if together["_at"].len() else None
    free = pl.int_range(pl.len(), dtype=pl.UInt32) + (0 if last is None else int(str(last)) + 1)
    work.frame = together.with_columns(_at=pl.coalesce("_at", free))


def _admitted(work: Work, gate: Gate, entries: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Entries for the codes of each row, of the first system that has one: `_at`, `_nth`, `_entry`."""
    rank = {system: n for n, system in enumerate(gate.order)}
    ranked = (
        entries.select("system", "code")
        .with_row_index("_entry")
        .with_columns(_rank=pl.col("system").replace_strict(rank, default=len(rank), return_dtype=pl.Int64))
    )
    found = _candidates(work, gate, context).join(ranked, on=["system", "code"], how="inner")
    found = found.select("_at", "_nth", "_entry", "_rank")
    return found.filter(pl.col("_rank") == pl.col("_rank").min().over("_at")).drop("_rank")


def _candidates(work: Work, gate: Gate, context: Context) -> pl.DataFrame:
    """Every code that may name what a row is: coded children in document order, then texts."""
    kept = work.frame.select("_at")
    parts = []
    for n, name in enumerate(gate.candidates):
        if name in work.children:
            coded = work.children[name].select(
                "_at", "system", "code", (pl.col("_nth").cast(pl.Int64) + n * 2**32).alias("_nth")
            )
            parts.append(coded.join(kept, on="_at", how="semi"))
        else:
            texts = normal(column(work.frame, name, context))
            whole = pl.DataFrame({"_at": work.frame["_at"], "code": texts}).with_columns(
                system=pl.lit("text"), _nth=pl.lit(n * 2**32)
            )
            parts.append(
                whole.drop_nulls("code").select("_at", "system", "code", pl.col("_nth").cast(pl.Int64))
            )
    return pl.concat(parts)


def _shown_codes(work: Work, gate: Gate) -> pl.Series:
    """The codes of each row as ``system|code``, for the report of what is not mapped."""
    coded = [name for name in gate.candidates if name in work.children]
    if not coded:
        return nothing(work.frame)
    codes = pl.concat([work.children[name].select("_at", "_nth", "system", "code") for name in coded]).sort(
        "_at", "_nth"
    )
    shown = pl.concat_str(pl.col("system").fill_null(""), pl.lit("|"), "code")
    listed = codes.group_by("_at", maintain_order=True).agg(shown=shown.drop_nulls().str.join(", "))
    return work.frame.join(listed, on="_at", how="left", maintain_order="left")["shown"]
