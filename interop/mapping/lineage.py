"""Lineage: where rows and cells came from.

For every row the resources it came from, and what its variables read as it was sent; for every variable with
alternatives the one taken. A cell's lineage is the join of these with the mapping, computed when asked for
(`interop.mapping.cell`). Patient references are hashed.
"""

import hashlib
from collections.abc import Sequence

import polars as pl

from interop.mapping.intervals import SOURCES
from interop.mapping.sent import SENT, as_sent
from interop.mapping.work import Work


def lineage(work: Work) -> pl.DataFrame:
    """One row per record: USUBJID and the resources behind it.

    ``key``, ``version``, ``element`` are of the resource (of an interval the first, and ``members`` lists the
    keys of all in order of time), ``ALIAS.key``, ``ALIAS.version`` of joined ones.
    ``branch`` is the number of the view that the row came from, ``VARIABLE.branch`` that of the alternative
    taken, ``VARIABLE.instant`` the UTC instant behind a local time, ``VARIABLE.assumed`` whether it was sent
    without an offset, ``sent.COLUMN`` what was read (see `interop.mapping.sent`). Columns that no row of any
    batch has are not there.
    """
    frame = work.frame
    columns = {
        "USUBJID": frame["USUBJID"],
        "key": frame["_resource"],
        "version": frame["_version"],
        "element": frame["_element"].cast(pl.UInt32, strict=False),
    }
    if len(work.mapping.branches) > 1:
        columns["branch"] = frame["_branch"]
    if SOURCES in frame.columns:
        columns["members"] = frame[SOURCES]
    for alias in (alias for alias in work.mapping.joins if f"{alias}._key" in frame.columns):
        columns |= {f"{alias}.key": frame[f"{alias}._key"], f"{alias}.version": frame[f"{alias}._version"]}
    for name in work.mapping.columns:
        if f"_{name}.branch" in frame.columns:
            columns[f"{name}.branch"] = frame[f"_{name}.branch"]
        if f"_{name}.instant" in frame.columns:
            columns[f"{name}.instant"] = frame[f"_{name}.instant"]
            columns[f"{name}.assumed"] = frame[f"_{name}.assumed"]
    return _without_patients(pl.DataFrame(columns | as_sent(work.mapping, frame)))


def stacked(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Lineage of several batches as one; the columns stand in the same order whatever the batches were."""
    frame = pl.concat(parts, how="diagonal_relaxed")
    whole = max(parts, key=lambda part: part.width).columns  # a batch without rows has fewer
    names = dict.fromkeys([*whole, *frame.columns])
    return frame.select(
        *(name for name in names if not name.startswith(SENT)),
        *sorted(name for name in frame.columns if name.startswith(SENT)),
    )


def of_rows(columns: Sequence[str]) -> list[str]:
    """Of the columns of lineage those that name resources; the others tell of cells."""
    own = ("key", "version", "element", "members")
    return [name for name in columns if name in own or name.endswith((".key", ".version"))]


def hashed(key: str) -> str:
    """A resource key with its id replaced by a hash, for resources that name a person."""
    kind, _, name = key.rpartition("/")
    return f"{kind.rpartition('/')[2]}/sha256:{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _without_patients(frame: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in frame.columns if name == "key" or name.endswith(".key")]
    made = []
    for name in keys:
        personal = (
            frame[name].filter(frame[name].str.contains(r"(^|/)Patient/").fill_null(value=False)).unique()
        )
        table = {key: hashed(key) for key in personal}
        made.append(frame[name].replace(table).alias(name))
    return frame.with_columns(made)
