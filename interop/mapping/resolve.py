"""Between pass 1 and pass 2: keys, versions and references of what was read, in this order, before joins."""

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl

from interop.fhir.columns import CompiledView
from interop.fhir.identity import Bases, anonymous_keys, expand_contained, own_bases, resource_keys
from interop.fhir.path.nodes import Call, Node
from interop.fhir.read import records
from interop.fhir.references import References, identifier_rows, replacements
from interop.fhir.source import Source
from interop.fhir.versions import current_versions, digest
from interop.fhir.view import View
from interop.mapping.gather import Gathered, Reader, take_contained
from interop.mapping.work import FATES, fates

DISPOSITIONS = {
    "superseded": ("merged", "superseded"),
    "identical": ("merged", "same content"),
    "conflict": ("quarantined", "MAP-VERSION-001"),
}
# Columns of the index whose resources are not processed, with the rule that says why.
FLAGS = {"modifier": "MAP-RULES-001", "rules": "MAP-RULES-002", "misfit": "MAP-JSON-001"}


class Resolved(msgspec.Struct, frozen=True):
    """What was read, with keys.

    `index` has `rid` and `key`; `views` have `_key`, `_version`, and reference columns as keys; `fates` are
    those known so far; `unresolved` lists references that lead nowhere: key, view, column, reason.
    """

    index: pl.DataFrame
    views: Mapping[str, pl.DataFrame]
    fates: pl.DataFrame
    unresolved: pl.DataFrame


def resolve(gathered: Gathered, source: Source, reader: Reader, *, bases: Sequence[str]) -> Resolved:
    """Give every resource its key, keep the current version of each, and turn references into keys."""
    own = own_bases(bases, gathered.index["full_url"])
    index = gathered.index.with_row_index("rid")
    index = index.with_columns(key=_keys(index, source, own))
    gone = _fates(index, source)
    parts, index, bad = _with_contained(gathered, index, reader, gone)
    gone = pl.concat([gone, bad])
    references = _references(gathered, index, own, parts, reader.views)
    views, unresolved = {}, [_unled(references)]
    for name, frame in parts.items():
        # a record number is a position in the index
        keyed = frame.with_columns(
            _key=index["key"].gather(frame["_rid"]), _version=index["version_id"].gather(frame["_rid"])
        )
        if "_contained" in keyed.columns:
            keyed = keyed.with_columns(_key=pl.coalesce("_contained", "_key")).drop("_contained")
        if gone.height:
            keyed = keyed.filter(~pl.col("_rid").is_in(gone["rid"].implode()))
        views[name], lost = _resolved(keyed, reader.views[name].view, references, name)
        unresolved.extend(lost)
    return Resolved(index.filter(pl.col("owner").is_null()), views, gone, pl.concat(unresolved))


def _unled(references: References) -> pl.DataFrame:
    """Patients whose link leads to no Patient, or to one that was not sent, as rows of `unresolved`."""
    found = dict.fromkeys(references.unfollowed, "unresolved link")
    found |= dict.fromkeys(references.unsent, "not in source")
    rows = [(key, "Patient.link", "other", reason) for key, reason in sorted(found.items())]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("key", "view", "column", "reason"), pl.String), orient="row"
    )


def _keys(index: pl.DataFrame, source: Source, bases: Bases) -> pl.Series:
    nameless = index.filter(pl.col("id").is_null())
    if nameless.height:
        raws = _bytes(nameless, source)
        found = nameless.with_columns(
            _raw=pl.Series(
                [raws.get((f, o), b"{}") for f, o in nameless.select("file", "ordinal").iter_rows()],
                dtype=pl.Binary,
            )
        )
        names = anonymous_keys(found["type"].to_list(), found["_raw"].to_list())
        named = found.select("rid").with_columns(anonymous=pl.Series(names, dtype=pl.String))
        index = index.join(named, on="rid", how="left", maintain_order="left")
    return resource_keys(index, bases=bases)


def _bytes(rows: pl.DataFrame, source: Source) -> dict[tuple[str, int], bytes]:
    wanted: dict[str, set[int]] = {}
    for file, ordinal in rows.select("file", "ordinal").iter_rows():
        wanted.setdefault(file, set()).add(ordinal)
    return {(file, ordinal): raw for file, ordinal, raw in records(source, wanted)}


def _fates(index: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Resources that must not be processed, and records that are not the current version of theirs."""
    versions = current_versions(index)
    undecided = index.join(versions, on="rid").filter(pl.col("disposition") == "undecided")
    if undecided.height:
        raws = _bytes(undecided, source)
        digests = [digest(raws[f, o]) for f, o in undecided.select("file", "ordinal").iter_rows()]
        known = undecided.select("rid").with_columns(digest=pl.Series(digests, dtype=pl.String))
        versions = current_versions(index.join(known, on="rid", how="left", maintain_order="left"))
    versions, deleted = _without_deleted(index.join(versions, on="rid", maintain_order="left"))
    found = [
        fates(index.filter(flag)["rid"], fate="quarantined", reason=rule, dataset=None)
        for flag, rule in FLAGS.items()
    ]
    found.append(fates(deleted["rid"], fate="removed", reason="deleted at the source", dataset=None))
    for word, (fate, reason) in DISPOSITIONS.items():
        found.append(
            fates(
                versions.filter(pl.col("disposition") == word)["rid"], fate=fate, reason=reason, dataset=None
            )
        )
    return pl.concat([pl.DataFrame(schema=FATES), *found])


def _without_deleted(versions: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with their disposition as far as nothing was deleted, and those that are gone.

    When the current version of a resource is its deletion, all its versions are gone. A deletion whose place
    in the order is not known leaves the conflict to the others.
    """
    if not versions["deleted"].any():
        return versions, versions.clear()
    last = versions.filter(pl.col("deleted") & (pl.col("disposition") == "current"))["key"]
    gone = pl.col("key").is_in(last.to_list()) | (pl.col("deleted") & (pl.col("disposition") == "conflict"))
    return versions.filter(~gone), versions.filter(gone)


def _with_contained(
    gathered: Gathered, index: pl.DataFrame, reader: Reader, gone: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, pl.DataFrame]:
    """View rows with those of contained resources, under ``Owner/1#id`` and the owner's record number.

    Also the index with them, and the fates of owners of what cannot be processed: a contained resource that
    has not the form of FHIR, or two of one id.
    """
    index = index.with_columns(owner=pl.lit(None, pl.String))
    parts = dict(gathered.views)
    holding = gathered.contained.filter(~pl.col("rid").is_in(gone["rid"].to_list())).join(
        index.select("rid", "key"), on="rid", maintain_order="left"
    )
    pieces, _ = expand_contained(holding["key"], holding["raw"])
    if not pieces:
        return parts, index, pl.DataFrame(schema=FATES)
    rids = dict(holding.select("key", "rid").iter_rows())
    owners = pl.DataFrame(
        [(n, rids[piece.owner], piece.key) for n, piece in enumerate(pieces)],
        schema={"n": pl.UInt32, "_owner": pl.UInt32, "_contained": pl.String},
        orient="row",
    )
    taken = take_contained(pieces, reader)
    for name, rows in taken.views.items():
        if rows.height:
            joined = (
                rows.join(owners, left_on="_rid", right_on="n", maintain_order="left")
                .drop("_rid")
                .rename({"_owner": "_rid"})
            )
            parts[name] = pl.concat([parts[name], joined], how="diagonal_relaxed")
    own_rows = pl.DataFrame(
        {"type": [p.type for p in pieces], "key": [p.key for p in pieces], "owner": [p.owner for p in pieces]}
    )
    bad = pl.concat(
        fates(owners["_owner"].filter(rows), fate="quarantined", reason=rule, dataset=None)
        for rows, rule in (
            (taken.index["misfit"], FLAGS["misfit"]),
            (owners["_contained"].is_duplicated(), "MAP-REFERENCE-003"),
        )
    )
    return parts, pl.concat([index, own_rows], how="diagonal_relaxed"), bad


def _references(
    gathered: Gathered,
    index: pl.DataFrame,
    bases: Bases,
    parts: Mapping[str, pl.DataFrame],
    views: Mapping[str, CompiledView],
) -> References:
    asked = any(
        parts[name][column.name].str.contains("?identifier=", literal=True).any()
        for name, view in views.items()
        for column in view.view.columns
        if _form(column.path) == "getReferenceKey"
    )
    keyed = index.select("rid", "key")
    borne = gathered.identifiers.clear() if not asked else gathered.identifiers
    borne = borne.join(keyed, on="rid", maintain_order="left")
    linked = gathered.links.join(keyed, on="rid", maintain_order="left")
    return References.build(
        index.select("key", "full_url"),
        identifiers=identifier_rows(borne["type"], borne["key"], borne["raw"]),
        links=replacements(linked["key"], linked["raw"]),
        bases=bases,
    )


def _resolved(
    frame: pl.DataFrame, view: View, references: References, name: str
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    lost = []
    if view.resource == "Patient":
        frame = _of_survivors(frame, references)
    for column in view.columns:
        kind = _form(column.path)
        if kind == "getResourceKey":
            frame = frame.with_columns(pl.col("_key").alias(column.name))
        elif kind == "getReferenceKey" and frame.height:
            found = references.resolve(frame[column.name], frame["_key"])
            unmet = found["reason"].is_not_null()
            lost.append(
                pl.DataFrame(
                    {"key": frame["_key"].filter(unmet), "reason": found["reason"].filter(unmet)}
                ).select("key", view=pl.lit(name), column=pl.lit(column.name), reason="reason")
            )
            frame = frame.with_columns(found["key"].alias(column.name))
    return frame, lost


def _of_survivors(frame: pl.DataFrame, references: References) -> pl.DataFrame:
    """Rows of Patients but those that were replaced; who stands in for one not sent has that one's key."""
    stand_ins = references.stand_ins
    frame = frame.with_columns(
        _key=pl.col("_key").replace(list(stand_ins), list(stand_ins.values())) if stand_ins else "_key"
    )
    return frame.filter(references.survivors(frame["_key"]) == frame["_key"])


def _form(path: Node) -> str | None:
    while isinstance(path, Call) and path.function == "first":
        path = path.base
    return (
        path.function
        if isinstance(path, Call) and path.function in ("getResourceKey", "getReferenceKey")
        else None
    )
