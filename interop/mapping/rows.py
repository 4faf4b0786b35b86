"""The rows of a domain: its main view and unions, their subjects, status, joins, children and gate."""

from collections.abc import Mapping

import polars as pl

from interop.errors import MappingError
from interop.mapping.context import Context, Problem, column, holds, nothing
from interop.mapping.model import Branch, Child, DomainMapping, Gate, Join
from interop.mapping.verbs.coded import normal
from interop.mapping.work import Work

Views = Mapping[str, pl.DataFrame]

# Columns that the gathering adds to every view: record id, resource key, its version, index of a forEach.
OWN = ("_rid", "_key", "_version", "_index")


def begin(mapping: DomainMapping, views: Views, context: Context) -> Work:
    """The rows of one domain, with everything that variables can read but what a chooser gives."""
    work = Work(mapping, pl.DataFrame(), {}, [], [])
    _branches(work, views, context)
    for step in (_subjects, _status, _joins, _omit, _gate):
        step(work, views, context)
    return work


def _branches(work: Work, views: Views, context: Context) -> None:
    frames: list[pl.DataFrame] = []
    children: dict[str, list[pl.DataFrame]] = {}
    at = 0
    for branch in work.mapping.branches:
        frame = _main(work.mapping, branch, views, context)
        frame = frame.with_columns(_at=pl.int_range(at, at + frame.height, dtype=pl.UInt32, eager=True))
        at += frame.height
        frames.append(frame)
        for alias, child in branch.children.items():
            children.setdefault(alias, []).append(_parts(frame, views[child.view], child))
    work.frame = pl.concat(frames, how="diagonal_relaxed")
    work.children = {alias: pl.concat(parts, how="diagonal_relaxed") for alias, parts in children.items()}


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
    work.frame = work.frame.join(
        roster, left_on="subject", right_on="_subject", how="inner", maintain_order="left"
    )


def _status(work: Work, views: Views, context: Context) -> None:
    del views
    if work.mapping.status is None:
        return
    table = context.tables[work.mapping.status["recode"]].forward("policy")
    policies = {code: policy for (_, code), policy in table.items()}
    sent = work.frame[work.mapping.status["from"]]
    policy = sent.replace_strict(policies, default="quarantine", return_dtype=pl.String).fill_null(
        "quarantine"
    )
    work.quarantine(Problem("MAP-STATUS-001", policy == "quarantine", sent))
    policy = policy.filter(policy != "quarantine")
    work.drop(policy == "remove", fate="removed", reason="entered-in-error")
    policy = policy.filter(policy != "remove")
    skipped = policy == "skip"
    work.report(Problem("MAP-STATUS-002", skipped, work.frame[work.mapping.status["from"]]))
    work.drop(skipped, fate="out of scope", reason="status")


def _joins(work: Work, views: Views, context: Context) -> None:
    del context
    for join in work.mapping.joins.values():
        work.frame = _join(work.frame, views[join.view], join, work.mapping)


def _join(frame: pl.DataFrame, other: pl.DataFrame, join: Join, mapping: DomainMapping) -> pl.DataFrame:
    keys = list(join.on.values())
    other = other.filter(pl.all_horizontal(pl.col(keys).is_not_null()))
    if join.choose is not None:
        other = other.sort(*next(iter(join.choose.values())), "_index").unique(
            keys, keep="first", maintain_order=True
        )
    elif other.select(keys).is_duplicated().any():
        raise MappingError(f"join {join.alias} finds two rows for one", file=mapping.file, line=join.line)
    named = other.select(
        *(pl.col(key).alias(f"_on{n}") for n, key in enumerate(keys)),
        *(pl.col(name).alias(f"{join.alias}.{name}") for name in other.columns),
    )
    return frame.join(
        named,
        left_on=list(join.on),
        right_on=[f"_on{n}" for n in range(len(keys))],
        how="left",
        maintain_order="left",
    )


def _omit(work: Work, views: Views, context: Context) -> None:
    del views
    for omission in work.mapping.omit:
        work.drop(
            holds(work.frame, omission.when, omission.unless, context),
            fate="out of scope",
            reason=omission.reason,
        )


def _gate(work: Work, views: Views, context: Context) -> None:
    del views
    gate = work.mapping.gate
    if gate is None:
        return
    table = context.tables[gate.table].frame
    entries = pl.concat([table.drop("reverse", strict=False), *_also(table, gate.also)], how="diagonal")
    found = _candidates(work, gate, context).join(
        entries, on=["system", "code"], how="inner", maintain_order="left"
    )
    rank = {system: n for n, system in enumerate(gate.order)}
    found = found.with_columns(
        _rank=pl.col("system").replace_strict(rank, default=len(rank), return_dtype=pl.Int64)
    )
    found = found.sort("_at", "_rank", "_nth").filter(pl.col("_rank") == pl.col("_rank").min().over("_at"))
    if gate.agree is not None:
        clash = found.filter(pl.col(gate.agree).n_unique().over("_at") > 1)["_at"].unique().to_list()
        work.quarantine(Problem("MAP-CODE-004", work.frame["_at"].is_in(clash)))
    chosen = found.unique("_at", keep="first", maintain_order=True)
    named = chosen.select("_at", *(pl.col(name).alias(f"gate.{name}") for name in entries.columns))
    work.frame = work.frame.join(named, on="_at", how="left", maintain_order="left")
    missed = work.frame["gate.code"].is_null()
    if gate.miss == "quarantine":
        work.quarantine(Problem("MAP-CODE-001", missed, _shown_codes(work, gate)))
    else:
        work.drop(missed, fate="out of scope", reason="no domain takes this code")
    for name, values in gate.keep.items():
        elsewhere = ~column(work.frame, f"gate.{name}", context).is_in(list(values)).fill_null(value=False)
        work.drop(elsewhere, fate="out of scope", reason="belongs to another domain")


def _also(table: pl.DataFrame, also: Mapping[str, str]) -> list[pl.DataFrame]:
    """The table keyed by another of its columns, such as NCI codes; a target in which rows differ is null."""
    made = []
    for name, system in also.items():
        keyed = table.filter(pl.col(name).is_not_null()).drop("system", "code", "reverse", strict=False)
        agreed = [
            pl.when(pl.col(c).n_unique() == 1).then(pl.col(c).first()).alias(c)
            for c in keyed.columns
            if c not in (name, "loinc")
        ]
        made.append(
            keyed.group_by(name, maintain_order=True)
            .agg(agreed)
            .with_columns(system=pl.lit(system), code=pl.col(name))
        )
    return made


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
