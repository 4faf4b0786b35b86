"""Of several records of one resource, which one counts (FHIR R4 Resource.meta: versionId, lastUpdated)."""

from hashlib import sha256

import polars as pl

from interop.fhir.json import canonical, dump, parse

_DIGITS = r"^[0-9]{1,64}$"
_ZULU = r"[Zz]$"


def current_versions(index: pl.DataFrame) -> pl.DataFrame:
    """Disposition of each record of an index: columns rid and disposition.

    `index` has the columns rid (of any type, unique), key, version_id and last_updated as sent, and once the
    bytes of the undecided were compared, digest (of their canonical form; null elsewhere). The higher version
    is `current` and the others are `superseded`: by version_id as integers where all records of the key have
    one, else by last_updated as instants where all have one. Of several highest, equal digests leave the
    one with the lowest version text current and the others `identical`; different digests make all of them
    `conflict`; without digests they are `undecided`.
    """
    if "digest" not in index.columns:
        index = index.with_columns(digest=pl.lit(None, pl.String))
    several = index.filter(pl.col("key").is_duplicated() & pl.col("key").is_not_null())
    ranked = several.with_columns(_rank=_rank()).with_columns(_top=_is_top())
    tops = pl.col("_top").sum().over("key")
    top_digests = pl.col("digest").filter(pl.col("_top")).n_unique().over("key")
    undigested = pl.col("digest").filter(pl.col("_top")).has_nulls().over("key")
    order = [pl.col(name).filter("_top") for name in ("version_id", "last_updated", "rid")]
    first = pl.col("rid") == pl.col("rid").filter("_top").sort_by(order, nulls_last=True).first().over("key")
    disposition = (
        pl.when(~pl.col("_top"))
        .then(pl.lit("superseded"))
        .when(tops == 1)
        .then(pl.lit("current"))
        .when(undigested)
        .then(pl.lit("undecided"))
        .when(top_digests > 1)
        .then(pl.lit("conflict"))
        .when(first)
        .then(pl.lit("current"))
        .otherwise(pl.lit("identical"))
    )
    decided = ranked.select("rid", disposition=disposition)
    joined = index.select("rid").join(decided, on="rid", how="left", maintain_order="left")
    return joined.with_columns(pl.col("disposition").fill_null("current"))


def digest(raw: bytes) -> str:
    """What a resource says, as a digest: its members in any order, without `meta` and a generated narrative.

    A narrative that is generated from the data (R4 2.4.0 Narrative.status) adds nothing to it.
    """
    resource = parse(raw)
    narrative = resource.get("text")
    generated = isinstance(narrative, dict) and narrative.get("status") in (
        "generated",
        "extensions",
        "empty",
    )
    left_out = {"meta", "text"} if generated else {"meta"}
    said = {name: resource[name] for name in sorted(resource) if name not in left_out}
    return sha256(canonical(dump(said))).hexdigest()


def _rank() -> pl.Expr:
    """Text that sorts as the versions of a key do; null for the whole key where they cannot be told."""
    version = pl.col("version_id").cast(pl.String)
    number = pl.when(version.str.contains(_DIGITS)).then(version.str.zfill(64))
    instant = _instant(pl.col("last_updated").cast(pl.String)).dt.to_string("%Y-%m-%dT%H:%M:%S%.9f")
    return (
        pl.when(number.is_not_null().all().over("key"))
        .then(number)
        .when(instant.is_not_null().all().over("key"))
        .then(instant)
    )


def _instant(text: pl.Expr) -> pl.Expr:
    """A FHIR instant (R4 2.24) as UTC; null where it is none (an offset is part of it)."""
    zoned = text.str.replace(_ZULU, "+00:00")
    return zoned.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="ns", time_zone="UTC", strict=False)


def _is_top() -> pl.Expr:
    rank = pl.col("_rank")
    return (rank == rank.max().over("key")).fill_null(value=True)
