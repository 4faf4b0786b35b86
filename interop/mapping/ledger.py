"""The ledger: every resource read has exactly one disposition, and their sum is what was read."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from interop.fhir.lines import Unreadable

# When a resource has several fates, the first of these is its disposition:
# what needs a person comes before what is done.
DISPOSITIONS = ("quarantined", "mapped", "merged", "removed", "not in study", "out of scope")


class Ledger(msgspec.Struct, frozen=True):
    """Counts of resources by disposition, reason, file and type, and of rows by dataset.

    `elements` are those not carried, when counted. The field names are those of ``ledger.json``.
    """

    read: int
    dispositions: Mapping[str, int]
    reasons: Mapping[str, int]
    by: Sequence[Mapping[str, Any]]
    rows: Mapping[str, Mapping[str, int]]
    elements: Mapping[str, Mapping[str, Any]] = {}

    @property
    def adds_up(self) -> bool:
        """True when the dispositions sum to what was read."""
        return sum(self.dispositions.values()) == self.read


def settle_fates(index: pl.DataFrame, fates: pl.DataFrame) -> pl.DataFrame:
    """The one disposition of every resource: rid, fate, reason (``FATES`` may hold several per resource)."""
    rank = {fate: n for n, fate in enumerate(DISPOSITIONS)}
    ranked = fates.with_columns(_rank=pl.col("fate").replace_strict(rank, return_dtype=pl.Int8)).sort(
        "rid", "_rank", "reason", "dataset"
    )
    one = ranked.unique("rid", keep="first", maintain_order=True).select("rid", "fate", "reason")
    joined = index.select("rid", "file", "ordinal", "type", "key").join(
        one, on="rid", how="left", maintain_order="left"
    )
    return joined.with_columns(
        pl.col("fate").fill_null("out of scope"), pl.col("reason").fill_null("not asked for by any domain")
    )


def ledger(
    disposed: pl.DataFrame, unreadable: Sequence[Unreadable], rows: Mapping[str, Mapping[str, int]]
) -> Ledger:
    """The ledger of a run, from the disposition of each resource and what could not be read."""
    broken = pl.DataFrame(
        {"file": [u.file for u in unreadable], "reason": [u.reason for u in unreadable]},
        schema={"file": pl.String, "reason": pl.String},
    )
    broken = broken.with_columns(type=pl.lit(""), fate=pl.lit("unreadable"))
    every = pl.concat(
        [disposed.select("file", "type", "fate", "reason"), broken.select("file", "type", "fate", "reason")]
    )
    counts = dict(every.group_by("fate").len().iter_rows())
    reasons = every.filter(pl.col("reason") != "").group_by("fate", "reason").len().sort("fate", "reason")
    groups = every.group_by("file", "type", "fate").len().sort("file", "type", "fate")
    by: dict[tuple[str, str], dict[str, Any]] = {}
    for file, kind, fate, n in groups.iter_rows():
        entry = by.setdefault((file, kind), {"file": file, "type": kind, "read": 0, "dispositions": {}})
        entry["read"] += n
        entry["dispositions"][fate] = n
    return Ledger(
        read=every.height,
        dispositions={
            fate: counts.get(fate, 0)
            for fate in (
                "mapped",
                "merged",
                "removed",
                "not in study",
                "out of scope",
                "quarantined",
                "unreadable",
            )
        },
        reasons={f"{fate}: {reason}": n for fate, reason, n in reasons.iter_rows()},
        by=list(by.values()),
        rows=rows,
    )
