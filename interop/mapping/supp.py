"""Supplemental qualifiers: a mapping's `supp:`, and text that goes on (SDTMIG 3.4 8.4, 4.5.3.2)."""

from collections.abc import Collection, Iterator, Sequence
from itertools import count, takewhile

import polars as pl

from interop.cdisc.dataset import Dataset
from interop.cdisc.longtext import join, numbered
from interop.cdisc.standard import Domain, Standard
from interop.mapping.model import DomainMapping

# Verbs that pass on text as it was sent; what they give may be cut, a code or an identifier may not.
TEXT = frozenset({"assign", "concat", "result", "std"})


def supplemental(mapping: DomainMapping, frame: pl.DataFrame, standard: Standard) -> Dataset | None:
    """The SUPP-- dataset of a domain's frame; null when no record has a qualifier or text that goes on.

    Records refer to their parent by --SEQ, those of a domain with one record per subject by USUBJID alone.
    """
    parts = [
        _records(mapping, frame, qnam, label, qorig, values)
        for qnam, label, qorig, values in _qualifiers(mapping, frame, standard[mapping.domain])
    ]
    if not parts:
        return None
    rows = pl.concat(parts, how="vertical_relaxed").sort("USUBJID", "_seq", "QNAM").drop("_seq")
    return Dataset(standard.dataset(f"SUPP{mapping.domain}"), rows).complete() if rows.height else None


def _qualifiers(
    mapping: DomainMapping, frame: pl.DataFrame, domain: Domain
) -> Iterator[tuple[str, str | None, str | None, pl.Series]]:
    """QNAM, QLABEL, QORIG and the values of every qualifier, declared ones first."""
    for name, qualifier in mapping.supp.items():
        yield name, qualifier.label, qualifier.qorig, frame[name].cast(pl.String)
    for name, variable in mapping.columns.items():
        if f"_{name}.rest" not in frame.columns:
            continue
        rest = frame[f"_{name}.rest"]
        label = variable.label or domain[name].label
        origin = variable.qorig or (variable.origin or "").partition("/")[0] or None
        for n in range(int(str(rest.list.len().max()))):
            yield numbered(name, n + 1), label, origin, rest.list.get(n, null_on_oob=True)


def _records(
    mapping: DomainMapping,
    frame: pl.DataFrame,
    qnam: str,
    label: str | None,
    qorig: str | None,
    values: pl.Series,
) -> pl.DataFrame:
    seq = f"{mapping.domain}SEQ"
    own = seq in mapping.variables
    there = frame.with_columns(values.alias("_qval")).filter(pl.col("_qval").is_not_null())
    return there.select(
        STUDYID="STUDYID",
        RDOMAIN=pl.lit(mapping.domain),
        USUBJID="USUBJID",
        IDVAR=pl.lit(seq if own else None, dtype=pl.String),
        IDVARVAL=pl.col(seq).cast(pl.String) if own else pl.lit(None, dtype=pl.String),
        _seq=pl.col(seq) if own else pl.lit(0),
        QNAM=pl.lit(qnam),
        QLABEL=pl.lit(label),
        QVAL="_qval",
        QORIG=pl.lit(qorig),
    )


def is_text(mapping: DomainMapping, name: str) -> bool:
    """Whether a variable is free text, which may go on in SUPP-- (SDTMIG 3.4 4.5.3.2), and no key."""
    keys = {*mapping.keys, *(mapping.duplicate.keys if mapping.duplicate else ())}
    return name not in keys and all(a.verb in TEXT for a in mapping.columns[name].alternatives)


def whole_text(frame: pl.DataFrame, name: str) -> pl.Series:
    """The values of a settled variable as they were before `cut` shortened long text."""
    rest = f"_{name}.rest"
    if rest not in frame.columns:
        return frame[name]
    pieces = frame.select(name, rest).iter_rows()
    return pl.Series(name, [join([text, *more]) if more else text for text, more in pieces], dtype=pl.String)


def with_qualifiers(
    mapping: DomainMapping, frame: pl.DataFrame, extra: Dataset | None
) -> tuple[pl.DataFrame, list[tuple[str, str]]]:
    """Rows with the values of their SUPP-- records, and USUBJID and QNAM of those without a parent."""
    if extra is None:
        return frame, []
    seq = f"{mapping.domain}SEQ"
    keys = ["USUBJID", *([seq] if seq in frame.columns else [])]
    parts = extra.frame.select("USUBJID", pl.col("IDVARVAL").alias(seq), "QNAM", "QVAL")
    lost = parts.join(frame, on=keys, how="anti").sort("USUBJID", "QNAM").select("USUBJID", "QNAM").rows()
    for qnam in mapping.supp:
        frame = frame.drop(qnam).join(_values(parts, qnam, keys), on=keys, how="left", maintain_order="left")
    there = set(extra.frame["QNAM"].unique())
    for name in mapping.columns:
        frame = _whole(frame, name, parts, keys, there - set(mapping.supp))
    return frame, lost


def _values(parts: pl.DataFrame, qnam: str, keys: Sequence[str]) -> pl.DataFrame:
    values = parts.filter(pl.col("QNAM") == qnam).unique(keys, keep="first", maintain_order=True)
    return values.select(*keys, pl.col("QVAL").alias(qnam))


def _whole(
    frame: pl.DataFrame, name: str, parts: pl.DataFrame, keys: Sequence[str], there: Collection[str]
) -> pl.DataFrame:
    """The frame with text that goes on in SUPP-- put together again (SDTMIG 3.4 4.5.3.2)."""
    further = list(takewhile(there.__contains__, (numbered(name, n) for n in count(1))))
    if not further:
        return frame
    for qnam in further:
        frame = frame.join(_values(parts, qnam, keys), on=keys, how="left", maintain_order="left")
    pieces = [name, *further]
    cut = frame.filter(pl.any_horizontal(pl.col(further).is_not_null())).select(pieces).unique()
    texts = [join([piece for piece in row if piece is not None]) for row in cut.iter_rows()]
    whole = cut.with_columns(_text=pl.Series(texts, dtype=pl.String))
    found = frame.join(whole, on=pieces, how="left", nulls_equal=True, maintain_order="left")
    return found.with_columns(pl.coalesce("_text", name).alias(name)).drop("_text", *further)
