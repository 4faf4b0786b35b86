"""Lineage: where rows and cells came from.

For every row the resources it came from; for every variable with alternatives the one taken; what was sent
where it differs. A cell's lineage is the join of these with the mapping, computed when asked for. Patient
references are hashed.
"""

import hashlib

import polars as pl

from interop.mapping.work import Work


def lineage(work: Work) -> pl.DataFrame:
    """One row per record: USUBJID and the resources behind it.

    ``key``, ``version``, ``element`` are of the resource, ``ALIAS.key``, ``ALIAS.version`` of joined ones.
    ``VARIABLE.branch`` is the number of the alternative taken, ``VARIABLE.sent`` the text as sent where it is
    not the value, ``VARIABLE.instant`` the UTC instant behind a local time, and ``VARIABLE.assumed`` whether
    it was sent without an offset.
    """
    frame = work.frame
    columns = {
        "USUBJID": frame["USUBJID"],
        "key": frame["_resource"],
        "version": frame["_version"],
        "element": frame["_element"].cast(pl.UInt32, strict=False),
    }
    for alias in work.mapping.joins:
        columns |= {f"{alias}.key": frame[f"{alias}._key"], f"{alias}.version": frame[f"{alias}._version"]}
    for name in work.mapping.columns:
        if f"_{name}.branch" in frame.columns:
            columns[f"{name}.branch"] = frame[f"_{name}.branch"]
        if f"_{name}.instant" in frame.columns:
            columns[f"{name}.instant"] = frame[f"_{name}.instant"]
            columns[f"{name}.assumed"] = frame[f"_{name}.assumed"]
        if f"_{name}.sent" in frame.columns:
            sent = frame[f"_{name}.sent"]
            differs = (sent != frame[name].cast(pl.String)).fill_null(value=True)
            columns[f"{name}.sent"] = pl.select(pl.when(differs).then(sent)).to_series()
    return _without_patients(pl.DataFrame(columns))


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
