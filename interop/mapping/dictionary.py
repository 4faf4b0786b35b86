"""A study's dictionaries: the coding of a record looked up by its code, never by a text that looks alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from interop.cdisc.meddra import FILES, LEVELS, Release, read_meddra
from interop.errors import StudyError
from interop.issues import Issue
from interop.mapping.context import Context
from interop.mapping.verbs.coded import normal
from interop.mapping.work import rules
from interop.tables import Tree

READERS: Mapping[str, tuple[Callable[[Path], Release], Sequence[str]]] = {
    "meddra": (read_meddra, tuple(FILES))
}

_NAMES = tuple(name for level in LEVELS for name in (level, f"{level}_code"))
_STATES = ("unverified", "unknown", "renamed", "old", "several")
TERM = (*_NAMES, *_STATES)  # the columns that the chooser `term` gives


def read_dictionaries(study: Tree, home: Path) -> Mapping[str, Release]:
    """The dictionaries that a study file names: ``dictionaries: {meddra: FOLDER}``, relative to its folder.

    Raises StudyError with file:line when the folder or one of its files is not there.
    """
    found: dict[str, Release] = {}
    for name, place in study.data.get("dictionaries", {}).items():
        read, files = READERS[name]
        folder = home / place
        missing = [file for file in files if not (folder / file).is_file()]
        if missing:
            raise StudyError(
                f"{name}: no {missing[0]} in the folder {place} (there must be {', '.join(files)})",
                file=study.file,
                line=study.line(("dictionaries", name)),
            )
        found[name] = read(folder)
    return found


def told(dictionaries: Mapping[str, Release]) -> Iterator[Issue]:
    """Which release of each dictionary a run has looked into, as an issue of severity information."""
    row = rules()["MAP-TERM-007"]
    for name, release in dictionaries.items():
        said = f"{row['message']}: {name} {release.version}"
        yield Issue("MAP-TERM-007", "information", str(row["code"]), said, value=release.version)


def term(
    rows: pl.DataFrame, children: pl.DataFrame, arguments: Sequence[str], context: Context
) -> pl.DataFrame:
    """The term of a dictionary that codings name, on all its levels by the primary path.

    Arguments: the dictionary. The codings have `code`, `display` and `level` (null, or what the sender says
    that it is). Without the study's dictionary a coding is taken as a preferred term and is `unverified`; of
    several that do not say their level none is. With it a code is `unknown`, `renamed` (another name than was
    sent), `old` (no longer current), and codings of different terms are `several`: then there is no term. Of
    codings of one term the lowest counts.
    """
    del rows
    release = context.dictionaries.get(arguments[0])
    there = children.filter(pl.any_horizontal(pl.col("code", "display").is_not_null())).sort("_at", "_nth")
    found = _unverified(there) if release is None else _verified(there, release)
    return found.select("_at", *TERM)


def _unverified(parts: pl.DataFrame) -> pl.DataFrame:
    def of(level: str) -> pl.DataFrame:
        # a code without a name or a level cannot be the term: it would be a code without a term
        named = pl.when(pl.col("display").is_not_null()).then(pl.lit("pt"))
        kept = pl.coalesce("level", named) == level
        return (
            parts.filter(kept)
            .unique("_at", keep="first", maintain_order=True)
            .select(
                "_at", pl.col("display").alias(level), pl.col("code").alias(f"{level}_code"), said="level"
            )
        )

    unsaid = parts.filter(pl.col("level").is_null())
    several = unsaid.group_by("_at").agg(several=pl.struct("code", "display").n_unique() > 1)
    rows = parts.select(pl.col("_at").unique(maintain_order=True)).join(
        several, on="_at", how="left", maintain_order="left"
    )
    rows = rows.with_columns(pl.col("several").fill_null(value=False))
    parts = parts.join(rows, on="_at", maintain_order="left").filter(
        pl.col("level").is_not_null() | ~pl.col("several")
    )
    found = rows.join(of("pt"), on="_at", how="left", maintain_order="left").with_columns(
        unverified=pl.col("said").is_null() & pl.any_horizontal(pl.col("pt", "pt_code").is_not_null())
    )
    found = found.join(of("llt").drop("said"), on="_at", how="left", maintain_order="left")
    return _with(found, {**dict.fromkeys(_NAMES), **dict.fromkeys(_STATES, False)})


def _with(frame: pl.DataFrame, missing: Mapping[str, bool | None]) -> pl.DataFrame:
    """The frame with the columns that it lacks; null ones are text."""
    return frame.with_columns(
        pl.lit(value, dtype=pl.String if value is None else pl.Boolean).alias(name)
        for name, value in missing.items()
        if name not in frame.columns
    )


def _verified(parts: pl.DataFrame, release: Release) -> pl.DataFrame:
    known = parts.select("_at", "code", "display").join(
        release.terms, on="code", how="left", maintain_order="left"
    )
    known = known.with_columns(
        known=pl.col("pt_code").is_not_null(),
        renamed=(normal(known["display"]) != normal(known["name"])).fill_null(value=False),
        lowest=pl.col("llt_code") != pl.col("pt_code"),
    )
    known = known.with_columns(
        several=pl.col("pt_code").n_unique().over("_at") - (~pl.col("known")).any().over("_at") > 1
    )
    ordered = known.sort("_at", "known", "lowest", descending=[False, True, True], maintain_order=True)
    one = ordered.unique("_at", keep="first", maintain_order=True)
    stands = pl.col("known") & ~pl.col("several")
    return one.with_columns(
        *(pl.when(stands).then(pl.col(name)).alias(name) for name in _NAMES),
        unverified=pl.lit(value=False),
        unknown=~pl.col("known"),
        renamed=stands & pl.col("renamed"),
        old=stands & ~pl.col("current").fill_null(value=True),
    )
