"""The roster: which Patients are subjects of the study, and their USUBJID.

It is read from ResearchSubject before anything is mapped.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec
import polars as pl

ROSTER = {
    "patient": pl.String,
    "enrolment": pl.String,
    "USUBJID": pl.String,
    "subjid": pl.String,
    "siteid": pl.String,
    "earlier": pl.String,
}


ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")  # FHIR R4 2.24.0.1


class Roster(msgspec.Struct, frozen=True):
    """Who is in the study.

    `subjects`: one row per subject (see `ROSTER`); `superseded`: keys of earlier enrolments; `outside`: keys
    of enrolments in other studies; `problems`: (rule, key).
    """

    subjects: pl.DataFrame
    superseded: Sequence[str] = ()
    outside: Sequence[str] = ()
    problems: Sequence[tuple[str, str]] = ()


def enrol(
    views: Mapping[str, pl.DataFrame], settings: Mapping[str, Any], status: Mapping[str, Sequence[str]]
) -> Roster:
    """Subjects from the views enrolment, study, patient and organization (keys resolved).

    A ResearchSubject is of the study when its study has the study's id as identifier, or, where the source
    holds no ResearchStudy for it, when it bears a SUBJID or USUBJID of the study's systems. Of several of one
    patient the enrolled one counts.
    """
    found = _of_study(views, settings["id"])
    outside = views["enrolment"].filter(~pl.col("_key").is_in(found["_key"].to_list()))["_key"].to_list()
    usable = found.filter(pl.col("patient").is_not_null() & pl.coalesce("subjid", "usubjid").is_not_null())
    lacking = found.filter(~pl.col("_key").is_in(usable["_key"].to_list()))["_key"].to_list()
    rank = {state: n for n, group in enumerate(("enrolled", "screened")) for state in status[group]}
    ranked = usable.with_columns(
        _rank=pl.col("status").replace_strict(rank, default=2, return_dtype=pl.Int64)
    )
    ranked = ranked.sort(
        "patient", "_rank", pl.col("start").fill_null(""), "_key", descending=[False, False, True, False]
    )
    first = ranked.unique("patient", keep="first", maintain_order=True)
    rest = ranked.filter(~pl.col("_key").is_in(first["_key"].to_list()))
    both = rest.filter(pl.col("_rank") == 0)["patient"].unique().to_list()
    earlier = rest.group_by("patient", maintain_order=True).agg(
        earlier=pl.col("subjid").sort().str.join(", ")
    )
    subjects = _named(first.join(earlier, on="patient", how="left", maintain_order="left"), views, settings)
    clash = first.filter(pl.col("patient").is_in(both))["_key"].to_list()
    problems = [
        *(("MAP-SUBJECT-004", key) for key in sorted(lacking)),
        *(
            ("MAP-SUBJECT-006", key)
            for key in sorted([*clash, *rest.filter(pl.col("patient").is_in(both))["_key"]])
        ),
        *(
            ("MAP-SUBJECT-005", key)
            for key in sorted(rest.filter(~pl.col("patient").is_in(both))["_key"].to_list())
        ),
    ]
    kept = subjects.filter(~pl.col("patient").is_in(both))
    return Roster(kept, sorted(rest["_key"].to_list()), sorted(outside), problems)


def enrol_all(views: Mapping[str, pl.DataFrame], settings: Mapping[str, Any]) -> Roster:
    """Every Patient as a subject of a throw-away study, numbered in the order of their keys.

    No hospital identifier is used.
    """
    patients = views["patient"].select(patient="_key").unique().sort("patient").with_row_index("n", offset=1)
    subjects = patients.with_columns(
        enrolment=pl.lit(None, pl.String),
        subjid=pl.col("n").cast(pl.String).str.zfill(4),
        siteid=pl.lit(settings["site"]),
        earlier=pl.lit(None, pl.String),
    ).with_columns(USUBJID=pl.concat_str(pl.lit(settings["id"]), "siteid", "subjid", separator="-"))
    return Roster(subjects.select(list(ROSTER)))


def _of_study(views: Mapping[str, pl.DataFrame], study_id: str) -> pl.DataFrame:
    enrolments = views["enrolment"].unique("_key", keep="first", maintain_order=True)
    studies = views["study"]
    ours = studies.filter(pl.col("value") == study_id)["_key"].to_list()
    known = studies["_key"].to_list()
    ours_by_reference = pl.col("study").is_in(ours)
    ours_by_identifier = pl.col("study_id") == study_id
    unknown = ~pl.col("study").is_in(known) & pl.col("study_id").is_null()
    bears_ours = pl.coalesce("subjid", "usubjid").is_not_null()
    member = ours_by_reference.fill_null(value=False) | ours_by_identifier.fill_null(value=False)
    return enrolments.filter(member | (unknown.fill_null(value=True) & bears_ours))


def _named(
    first: pl.DataFrame, views: Mapping[str, pl.DataFrame], settings: Mapping[str, Any]
) -> pl.DataFrame:
    patients = (
        views["patient"].select(patient="_key", _site="site", organization="organization").unique("patient")
    )
    organizations = (
        views["organization"].select(organization="_key", _organization_site="site").unique("organization")
    )
    joined = first.join(patients, on="patient", how="left", maintain_order="left")
    joined = joined.join(organizations, on="organization", how="left", maintain_order="left")
    siteid = pl.coalesce("_site", "_organization_site", pl.lit(settings["site"]))
    joined = joined.with_columns(
        siteid=siteid, subjid=pl.coalesce("subjid", pl.col("usubjid").str.split("-").list.last())
    )
    made = pl.concat_str(pl.lit(settings["id"]), "siteid", "subjid", separator="-")
    return (
        joined.with_columns(USUBJID=pl.coalesce("usubjid", made), enrolment="_key")
        .select(list(ROSTER))
        .sort("USUBJID")
    )


def patient_id(usubjid: str) -> str:
    """The stable FHIR id of a subject on the way back: USUBJID where it is a legal id, else a hash of it."""
    return usubjid if ID.fullmatch(usubjid) else sha256(usubjid.encode()).hexdigest()[:32]
