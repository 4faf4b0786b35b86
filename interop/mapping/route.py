"""Between resolving and pass 2: rows to subjects, subjects to batches; strangers are listed, not invented."""

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from interop.mapping.model import DomainMapping
from interop.mapping.resolve import Resolved
from interop.mapping.roster import Roster
from interop.mapping.work import FATES, PROBLEMS, fates


class Routed(msgspec.Struct, frozen=True):
    """Views of each domain with the rows of subjects only, and what became of the others."""

    views: Mapping[str, Mapping[str, pl.DataFrame]]
    fates: pl.DataFrame
    problems: pl.DataFrame


def route(mappings: Mapping[str, DomainMapping], resolved: Resolved, roster: Roster) -> Routed:
    """Keep the rows whose subject is on the roster; every other row gets a reason."""
    views: dict[str, dict[str, pl.DataFrame]] = {}
    gone: list[pl.DataFrame] = [pl.DataFrame(schema=FATES), _enrolments(resolved, roster)]
    problems: list[pl.DataFrame] = [pl.DataFrame(schema=PROBLEMS), *_roster_problems(roster)]
    patients = roster.subjects["patient"]
    gone.append(_patients(resolved, patients))
    people = resolved.views["roster.patient"]["_key"]
    for domain, mapping in mappings.items():
        views[domain] = {name: resolved.views[f"{domain}.{name}"] for name in mapping.views}
        if mapping.rows == "roster":
            continue
        for branch in mapping.branches:
            frame = views[domain][branch.view]
            inside = frame["subject"].is_in(patients.to_list()).fill_null(value=False)
            views[domain][branch.view] = frame.filter(inside)
            nowhere = resolved.unresolved.filter(
                (pl.col("view") == f"{domain}.{branch.view}")
                & (pl.col("column") == "subject")
                & (pl.col("reason") == "unresolved contained")
            )
            lost, said = _outside(frame.filter(~inside), domain, people, nowhere["key"])
            gone.extend(lost)
            problems.extend(said)
    return Routed(views, pl.concat(gone), pl.concat(problems))


def _outside(
    rows: pl.DataFrame, domain: str, people: pl.Series, dangling: pl.Series
) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Fates of rows of no subject; `people` are Patients, `dangling` rows (by key) lack their #subject."""
    is_lost = pl.col("subject").is_null() | pl.col("_key").is_in(dangling.implode())
    nowhere, rows = rows.filter(is_lost), rows.filter(~is_lost)
    patient = pl.col("subject").str.contains(r"(^|/)Patient/[^#]*$") | pl.col("subject").is_in(
        people.implode()
    )
    strangers, things = rows.filter(patient), rows.filter(~patient)
    lost = [
        fates(nowhere["_rid"], fate="quarantined", reason="MAP-SUBJECT-002", dataset=domain),
        fates(
            strangers["_rid"],
            fate="not in study",
            reason="patient in no ResearchSubject of the study",
            dataset=domain,
        ),
        fates(things["_rid"], fate="out of scope", reason="subject is not a Patient", dataset=domain),
    ]
    said = [
        noted("MAP-SUBJECT-002", nowhere["_key"], domain),
        noted("MAP-SUBJECT-003", things["_key"], domain),
    ]
    return lost, said


def noted(rule: str, keys: pl.Series | Sequence[str], domain: str | None = None) -> pl.DataFrame:
    """Problems of whole resources, once each."""
    frame = pl.DataFrame({"resource": pl.Series(list(keys), dtype=pl.String).unique(maintain_order=True)})
    added = {name: pl.lit(None, pl.String) for name in PROBLEMS if name != "resource"}
    return frame.with_columns(
        **{**added, "rule": pl.lit(rule), "dataset": pl.lit(domain, dtype=pl.String)}
    ).select(list(PROBLEMS))


def _patients(resolved: Resolved, patients: pl.Series) -> pl.DataFrame:
    others = resolved.index.filter((pl.col("type") == "Patient") & ~pl.col("key").is_in(patients.to_list()))
    standing = pl.col("key").is_in(resolved.views["roster.patient"]["_key"].to_list())
    strangers, replaced = others.filter(standing), others.filter(~standing)
    why = "patient in no ResearchSubject of the study"
    return pl.concat([
        fates(strangers["rid"], fate="not in study", reason=why, dataset=None),
        fates(replaced["rid"], fate="merged", reason="replaced by another Patient", dataset=None),
    ])  # fmt: skip


def _enrolments(resolved: Resolved, roster: Roster) -> pl.DataFrame:
    index = resolved.index

    def of(keys: Sequence[str], fate: str, reason: str) -> pl.DataFrame:
        return fates(
            index.filter(pl.col("key").is_in(list(keys)))["rid"], fate=fate, reason=reason, dataset=None
        )

    bad = [key for rule, key in roster.problems if rule in ("MAP-SUBJECT-004", "MAP-SUBJECT-006")]
    return pl.concat([
        of(roster.superseded, "merged", "earlier enrolment of the same patient"),
        of(roster.outside, "not in study", "ResearchSubject of another study"),
        of(bad, "quarantined", "ResearchSubject not usable"),
    ])  # fmt: skip


def _roster_problems(roster: Roster) -> list[pl.DataFrame]:
    return [noted(rule, [key]) for rule, key in roster.problems]


def batches(
    routed: Routed, mappings: Mapping[str, DomainMapping], subjects: pl.DataFrame, *, count: int
) -> list[tuple[pl.DataFrame, Mapping[str, Mapping[str, pl.DataFrame]]]]:
    """Subjects in order of USUBJID, cut into at most `count` batches, each with its rows in every view."""
    if count <= 1 or subjects.height <= 1:
        return [(subjects, routed.views)]
    size = -(-subjects.height // count)
    return [(part, _of(part, routed, mappings)) for part in subjects.sort("USUBJID").iter_slices(size)]


def _of(
    part: pl.DataFrame, routed: Routed, mappings: Mapping[str, DomainMapping]
) -> Mapping[str, Mapping[str, pl.DataFrame]]:
    chosen: dict[str, dict[str, pl.DataFrame]] = {}
    for domain, mapping in mappings.items():
        chosen[domain] = dict(routed.views[domain])
        if mapping.rows == "roster":
            continue
        for branch in mapping.branches:
            main = routed.views[domain][branch.view].filter(
                pl.col("subject").is_in(part["patient"].to_list())
            )
            chosen[domain][branch.view] = main
            for child in branch.children.values():
                parts = routed.views[domain][child.view]
                if child.on.get("id") == "id":
                    chosen[domain][child.view] = parts.filter(
                        pl.col("_rid").is_in(main["_rid"].unique().to_list())
                    )
    return chosen
