"""Supplemental qualifiers: the columns of a mapping's `supp:` as a SUPP-- dataset (SDTMIG 3.4, 8.4)."""

import polars as pl

from interop.cdisc.dataset import Dataset
from interop.cdisc.standard import Standard
from interop.mapping.model import DomainMapping


def supplemental(mapping: DomainMapping, frame: pl.DataFrame, standard: Standard) -> Dataset | None:
    """The SUPP-- dataset of a domain's frame; null when the mapping has no qualifiers or no record has one.

    Records refer to their parent by --SEQ, those of a domain with one record per subject by USUBJID alone.
    """
    seq = f"{mapping.domain}SEQ"
    numbered = seq in mapping.variables
    parts = [
        frame.filter(pl.col(name).is_not_null()).select(
            STUDYID="STUDYID",
            RDOMAIN=pl.lit(mapping.domain),
            USUBJID="USUBJID",
            IDVAR=pl.lit(seq if numbered else None, dtype=pl.String),
            IDVARVAL=pl.col(seq).cast(pl.String) if numbered else pl.lit(None, dtype=pl.String),
            _seq=pl.col(seq) if numbered else pl.lit(0),
            QNAM=pl.lit(name),
            QLABEL=pl.lit(qualifier.label),
            QVAL=pl.col(name).cast(pl.String),
            QORIG=pl.lit(qualifier.qorig),
        )
        for name, qualifier in mapping.supp.items()
    ]
    if not parts:
        return None
    rows = pl.concat(parts, how="vertical_relaxed").sort("USUBJID", "_seq", "QNAM").drop("_seq")
    return Dataset(standard.dataset(f"SUPP{mapping.domain}"), rows).complete() if rows.height else None
