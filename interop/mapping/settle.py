"""The end of row changes in a domain: declared findings, lengths, duplicates, and the order of records."""

from collections.abc import Collection, Mapping

import polars as pl

from interop.cdisc import iso8601
from interop.cdisc.longtext import MOST_BYTES, split
from interop.mapping.characters import control_characters
from interop.mapping.context import Context, Problem, column, holds
from interop.mapping.supp import is_text
from interop.mapping.work import Work, apply


def settle(work: Work, context: Context, severities: Mapping[str, str]) -> None:
    """Report findings, quarantine what cannot be a record, keep one of each duplicate.

    Intervals are made of what is left, and then `cut` shortens long text.
    """
    for finding in (finding for finding in work.mapping.findings if not finding.lacks):
        rows = holds(work.frame, finding.when, finding.unless, context)
        if finding.before:
            first, second = (column(work.frame, name, context) for name in finding.before)
            rows &= pl.select(iso8601.certainly_before(first, second).fill_null(value=False)).to_series()
        apply(work, Problem(finding.rule, rows), severities, variable=finding.variable)
    for name, problem in control_characters(work):
        apply(work, problem, severities, variable=name)
    for name, parts in _long(work).items():
        whole = [text for text, pieces in parts.items() if len(pieces) == 1]
        apply(work, Problem("MAP-VALUE-005", work.frame[name].is_in(whole)), severities, variable=name)
    work.drop_marked()
    _duplicates(work)


def cut(work: Work) -> None:
    """Keep the first part of text above 200 bytes; the rest goes on in SUPP-- (SDTMIG 3.4 4.5.3.2)."""
    for name, parts in _long(work).items():
        _cut(work, name, parts)


def _long(work: Work) -> dict[str, dict[str, list[str]]]:
    """Variables with text above 200 bytes: each text and its parts, a single one where it may not be cut."""
    frame = work.frame
    texts = [n for n in work.mapping.columns if n in frame.columns and frame[n].dtype == pl.String]
    longest = frame.select(pl.col(texts).str.len_bytes().max()).row(0) if texts else ()
    found: dict[str, dict[str, list[str]]] = {}
    for name, most in zip(texts, longest, strict=True):
        if (most or 0) > MOST_BYTES:
            long = frame[name].filter(frame[name].str.len_bytes() > MOST_BYTES).unique().sort()
            free = is_text(work.mapping, name)
            found[name] = {text: split(text) if free else [text] for text in long}
    return found


def _cut(work: Work, name: str, parts: Mapping[str, list[str]]) -> None:
    """Keep the first part of long texts, and the others for SUPP-- in a list column ``_NAME.rest``."""
    values = work.frame[name]
    first = {text: pieces[0] for text, pieces in parts.items()}
    rest = {text: pieces[1:] for text, pieces in parts.items()}
    work.report(Problem("MAP-VALUE-010", values.is_in(list(parts))), variable=name)
    tail = values.replace_strict(rest, default=None, return_dtype=pl.List(pl.String))
    work.frame = work.frame.with_columns(values.replace(first), tail.alias(f"_{name}.rest"))


def order(work: Work, read: Collection[str]) -> None:
    """Sort the records by the domain's keys, and let go of view columns that no later step reads.

    `read` names the columns that later steps read.
    """
    frame = work.frame
    own = [n for n in frame.columns if (n.startswith("_") and not n.endswith(".sent")) or "._" in n]
    wanted = {*work.mapping.columns, *read, *own}
    frame = frame.select(name for name in frame.columns if name in wanted)
    keys = [key for key in work.mapping.keys if key in frame.columns]
    work.frame = frame.sort(*keys, "_key", "_index", nulls_last=False)


def _duplicates(work: Work) -> None:
    rule = work.mapping.duplicate
    if rule is None or not work.frame.height:
        return
    keys = [key for key in rule.keys if key in work.frame.columns]
    dates = [key for key in keys if key.endswith("DTC")]
    known = pl.all_horizontal(pl.col(d).is_not_null() for d in dates)
    # A date alone does not say that two records are one: a time does, or what the mapping calls sure.
    timed = pl.all_horizontal(iso8601.has_time(d) for d in dates)
    sure = pl.any_horizontal(timed, *(pl.col(name).is_not_null() for name in rule.sure))
    # only records whose keys share a hash with another's can be duplicates: the exact test is on few
    alike = work.frame.select(pl.struct(keys).hash().is_duplicated()).to_series()
    frame = work.frame.with_row_index("_n").filter(alike).filter(known & sure)
    frame = frame.filter(pl.struct(keys).is_duplicated()).filter(
        pl.col("_resource").n_unique().over(keys) > 1
    )
    if not frame.height:
        return
    preferred = (
        pl.all_horizontal(pl.col(name).is_in(list(values)) for name, values in rule.prefer.items())
        if rule.prefer
        else pl.lit(value=False)
    )
    values = [value for value in rule.values if value in frame.columns]
    frame = frame.sort("_key", "_index").with_columns(_preferred=preferred)
    frame = frame.with_columns(
        _same=pl.struct(values).n_unique().over(keys) == 1, _corrections=pl.col("_preferred").sum().over(keys)
    )
    frame = frame.sort("_preferred", "_key", "_index", descending=[True, False, False])
    decided = pl.col("_same") | (pl.col("_corrections") == 1)
    frame = frame.with_columns(
        _keep=pl.col("_n").first().over(keys),
        _ids=pl.col("_key").sort().str.join(", ").over(keys),
        _decided=decided,
    )
    merged = frame.filter("_decided").filter(pl.col("_n") != pl.col("_keep"))
    clashing = frame.filter(~pl.col("_decided"))
    ids = work.frame.with_row_index("_n").join(
        frame.select("_n", "_ids"), on="_n", how="left", maintain_order="left"
    )["_ids"]
    number = work.frame.with_row_index("_n")["_n"]
    kept = merged["_keep"].unique().to_list()
    work.report(Problem("MAP-DUP-001", number.is_in(kept)), other=ids)
    gone, bad = number.is_in(merged["_n"].to_list()), number.is_in(clashing["_n"].to_list())
    work.report(Problem("MAP-DUP-002", bad), other=ids)
    work.drop(gone, fate="merged", reason="duplicate")
    work.drop(bad.filter(~gone), fate="quarantined", reason="MAP-DUP-002")
