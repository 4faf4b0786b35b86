"""RELREC: which records belong together, from a mapping's `relations:` (SDTMIG 3.4 8.2, 8.3)."""

from collections.abc import Mapping

import polars as pl

from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.mapping.model import DomainMapping, Relation
from interop.mapping.work import Work

RELREC = "RELREC"
COLUMNS = ("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "RELTYPE", "RELID")
RELATED = {**dict.fromkeys(COLUMNS, pl.String), "_resource": pl.String, "_version": pl.String}


def related(works: Mapping[str, Work]) -> pl.DataFrame:
    """Related records of a batch, with the resource behind each: one RELID for every record that refers."""
    filled = {domain: work for domain, work in works.items() if work.frame.height}
    parts = [
        _records(work, filled[relation.dataset], relation, relation.by)
        for work in filled.values()
        for relation in work.mapping.relations
        if relation.by is not None and relation.dataset in filled
    ]
    return pl.concat([pl.DataFrame(schema=RELATED), *parts])


def _records(work: Work, other: Work, relation: Relation, by: str) -> pl.DataFrame:
    """Records of `work` that refer to resources of `other`, and those: by a column of a child view."""
    alias, _, column = by.partition(".")
    own, theirs = relation.keys[work.domain], relation.keys[other.domain]
    referring = work.frame.select(
        "STUDYID",
        "USUBJID",
        "_at",
        "_resource",
        "_version",
        IDVARVAL=pl.col(own).cast(pl.String),
        RELID=pl.concat_str(pl.lit(f"{relation.id}-"), pl.col(f"{work.domain}SEQ").cast(pl.String)),
    ).drop_nulls("IDVARVAL")
    parts = work.children[alias].select("_at", _of=column).drop_nulls().unique()
    named = other.frame.select(
        "USUBJID", "_version", _of="_resource", IDVARVAL=pl.col(theirs).cast(pl.String)
    )
    pairs = referring.select("STUDYID", "USUBJID", "_at", "RELID").join(parts, on="_at")
    found = pairs.join(named.drop_nulls("IDVARVAL"), on=["USUBJID", "_of"]).rename({"_of": "_resource"})
    ends = (
        (work.domain, own, referring.join(found, on="RELID", how="semi")),
        (other.domain, theirs, found),
    )
    rows = [
        frame.select(
            *("STUDYID", "USUBJID", "IDVARVAL", "RELID", "_resource", "_version"),
            RDOMAIN=pl.lit(domain),
            IDVAR=pl.lit(name),
            RELTYPE=pl.lit(None, dtype=pl.String),
        )
        for domain, name, frame in ends
    ]
    return pl.concat(rows).select(list(RELATED)).unique()


def relrec(
    mappings: Mapping[str, DomainMapping],
    frames: Mapping[str, pl.DataFrame],
    records: pl.DataFrame,
    standard: Standard,
) -> tuple[Dataset, pl.DataFrame] | None:
    """The RELREC dataset of a run and its lineage; null when nothing is related.

    `records` are those of `related`. A relation of datasets stands only where both have records that it
    could relate; its rows name no subject (SDTMIG 3.4 8.3).
    """
    whole = [
        _ends(relation, frames)
        for mapping in mappings.values()
        for relation in mapping.relations
        if relation.by is None and all(_linked(frames, *end) for end in relation.keys.items())
    ]
    order = ["USUBJID", "RELID", "RDOMAIN", "IDVAR", "IDVARVAL"]
    rows = pl.concat([*whole, records]).sort(order, nulls_last=False)
    if not rows.height:
        return None
    lineage = rows.select("USUBJID", key="_resource", version="_version")
    return Dataset(standard.dataset(RELREC), rows.select(COLUMNS)).complete(), lineage


def _linked(frames: Mapping[str, pl.DataFrame], domain: str, name: str) -> bool:
    return domain in frames and name in frames[domain].columns and frames[domain][name].is_not_null().any()


def _ends(relation: Relation, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    study = next(frames[domain]["STUDYID"][0] for domain in relation.keys)
    rows = [
        {
            "STUDYID": study,
            "RDOMAIN": domain,
            "IDVAR": name,
            "RELTYPE": relation.types[domain],
            "RELID": relation.id,
        }
        for domain, name in relation.keys.items()
    ]
    return pl.DataFrame(rows, schema=RELATED)
