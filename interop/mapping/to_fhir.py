"""SDTM to FHIR: rows as resources, by the inverse of the mapping that reads them.

Nothing but the datasets is read, never a sidecar.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
import polars as pl

from interop.cdisc.dataset import Dataset
from interop.fhir.template import Step, Target, build
from interop.issues import Issue, Issues, Location
from interop.mapping.context import Context
from interop.mapping.model import DomainMapping, Join
from interop.mapping.put import Place, places, written
from interop.mapping.roster import ID, patient_id
from interop.mapping.supp import with_qualifiers
from interop.mapping.work import rules


class Resources(msgspec.Struct, frozen=True):
    """What the way back gives: resources by type, issues, and rows counted by dataset and disposition."""

    resources: Mapping[str, Sequence[Mapping[str, Any]]]
    issues: Issues
    rows: Mapping[str, Mapping[str, int]]

    def __iter__(self) -> Any:
        return (resource for group in self.resources.values() for resource in group)


def to_fhir(
    mappings: Mapping[str, DomainMapping], datasets: Mapping[str, Dataset], context: Context
) -> Resources:
    """Resources of the datasets that a mapping reads back; SUPP-- qualifiers return to their records first.

    A record of a subject who is not in DM is refused and reported, so that no reference dangles. Nothing is
    written for records that are made of another dataset's where the subject has records there.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    issues: list[Issue] = []
    counts: dict[str, dict[str, int]] = {}
    subjects = _subjects(mappings, datasets)
    for domain, mapping in mappings.items():
        if not len(datasets.get(domain, ())):
            continue
        rows, orphans = with_qualifiers(
            mapping, _texts(mapping, datasets[domain]), datasets.get(f"SUPP{domain}")
        )
        issues += [_orphan(domain, usubjid, qnam) for usubjid, qnam in orphans]
        known = rows["USUBJID"].is_in(subjects)
        issues += [_stranger(domain, usubjid) for usubjid in rows.filter(~known)["USUBJID"].unique().sort()]
        known_rows = rows.filter(known)
        rows = known_rows.filter(~_recomputed(mapping, known_rows, datasets))
        frame, lost = written(mapping, rows, context)
        issues += [_unsaid(domain, *row) for row in lost.iter_rows()]
        for resource in _resources(mapping, rows, frame):
            found.setdefault(resource["resourceType"], []).append(resource)
        counts[domain] = {
            "rows": known.len(),
            "mapped": rows.height,
            "quarantined": known.len() - known_rows.height,
        }
        if mapping.records:
            counts[domain]["derived"] = known_rows.height - rows.height
    return Resources(found, Issues(issues), counts)


def _subjects(mappings: Mapping[str, DomainMapping], datasets: Mapping[str, Dataset]) -> list[str]:
    rosters = [
        domain for domain, mapping in mappings.items() if mapping.rows == "roster" and domain in datasets
    ]
    frames = [datasets[domain].frame for domain in rosters if len(datasets[domain])]
    return [usubjid for frame in frames for usubjid in frame["USUBJID"].unique().sort()]


def _recomputed(mapping: DomainMapping, rows: pl.DataFrame, datasets: Mapping[str, Dataset]) -> pl.Series:
    """Rows that come back from the records of another dataset, which their subject has."""
    found = [
        datasets[s.dataset].frame["USUBJID"] for s in mapping.records if len(datasets.get(s.dataset, ()))
    ]
    subjects = [usubjid for usubjids in found for usubjid in usubjids.unique()]
    return rows["USUBJID"].is_in(subjects)


def _texts(mapping: DomainMapping, dataset: Dataset) -> pl.DataFrame:
    """A dataset's rows as text, with every variable and qualifier of the mapping."""
    frame = dataset.frame.with_columns(_plain(dataset.frame[name]) for name in dataset.frame.columns)
    missing = [pl.lit(None, pl.String).alias(name) for name in mapping.columns if name not in frame.columns]
    return frame.with_columns(missing)


def _plain(values: pl.Series) -> pl.Series:
    """Numbers as shortest exact text (``98``, not ``98.0``); text as it is."""
    if values.dtype == pl.String:
        return values
    distinct = values.drop_nulls().unique()
    texts = [_number(value) for value in distinct.cast(pl.Float64)]
    return values.replace_strict(
        distinct, pl.Series(texts, dtype=pl.String), default=None, return_dtype=pl.String
    )


def _number(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _resources(mapping: DomainMapping, rows: pl.DataFrame, frame: pl.DataFrame) -> list[Mapping[str, Any]]:
    known = places(mapping)
    names = _ids(mapping, rows)
    own = [name for name in frame.columns if not known[name].alias]
    made: list[Mapping[str, Any]] = []
    for number, (record, usubjid) in enumerate(
        zip(frame.iter_rows(named=True), rows["USUBJID"], strict=True)
    ):
        others: list[tuple[Target, str | None]] = []
        contained: list[dict[str, Any]] = []
        for alias, join in mapping.joins.items():
            joined = _joined(mapping, alias, join, record, known, usubjid)
            if joined is None:
                continue
            others.append((known[next(iter(join.on))].target, joined["_reference"]))
            del joined["_reference"]
            (contained if join.put == "contained" else made).append(joined)
        fixed = {
            key: value for key, value in mapping.resource.items() if key not in ("resourceType", "joined")
        }
        contained += _named(known[name].contained for name in own if record[name] is not None)
        values = [pair for name in own for pair in _pairs(known[name], record[name])]
        resource = _with_id(_build(mapping.main.resource, fixed, [*values, *others]), names[number])
        made.append({**resource, "contained": contained} if contained else resource)
    return made


def _named(found: Iterable[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """Contained resources that list items refer to, each once."""
    once = {resource["id"]: dict(resource) for resource in found if resource is not None}
    return [once[name] for name in sorted(once)]


def _joined(
    mapping: DomainMapping,
    alias: str,
    join: Join,
    record: Mapping[str, Any],
    known: Mapping[str, Place],
    usubjid: str,
) -> dict[str, Any] | None:
    if join.put == "none":
        return None
    names = [name for name in record if known[name].alias == alias]
    person = mapping.views[join.view].resource == "Patient"
    if not person and all(record[name] is None for name in names):
        return None
    fixed = {
        k: v for k, v in mapping.resource.get("joined", {}).get(alias, {}).items() if k != "resourceType"
    }
    kind = mapping.views[join.view].resource
    identity = alias if join.put == "contained" else patient_id(usubjid) if person else _hashed(kind, usubjid)
    body = _build(kind, fixed, [pair for name in names for pair in _pairs(known[name], record[name])])
    reference = f"#{identity}" if join.put == "contained" else f"{kind}/{identity}"
    return {**_with_id(body, identity), "_reference": reference}


def _build(
    kind: str, fixed: Mapping[str, Any], values: Sequence[tuple[Target, str | None]]
) -> dict[str, Any]:
    replaced = {where.steps[0].name for where, value in values if value and len(where.steps) == 1}
    fits = [(where, value) for where, value in values if value is None or where.fits(value)]
    return build(kind, {key: value for key, value in fixed.items() if key not in replaced}, fits)


def _with_id(resource: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        "resourceType": resource.pop("resourceType"),
        "id": name,
        **{k: v for k, v in resource.items() if k != "id"},
    }


def _pairs(place: Place, value: Any) -> list[tuple[Target, str | None]]:
    if not isinstance(value, list):
        return [(place.target, value)]
    return [(_apart(place.target, text), text) for text in value]


def _apart(where: Target, text: str) -> Target:
    """The target in a list item of its own: its first repeating element also says the code as text."""
    at = next(n for n, step in enumerate(where.steps) if step.many)
    word = (Target((Step("text", many=False, type="string"),)), text)
    step = msgspec.structs.replace(where.steps[at], fixed=(*where.steps[at].fixed, word))
    return msgspec.structs.replace(where, steps=(*where.steps[:at], step, *where.steps[at + 1 :]))


def _ids(mapping: DomainMapping, rows: pl.DataFrame) -> list[str]:
    """Stable ids of the main resources: that of --SPID where it is a resource key, else a hash of keys."""
    kind = mapping.main.resource
    spid = next((name for name, v in mapping.variables.items() if v.verb == "id"), None)
    keys = [key for key in mapping.keys if key in rows.columns]
    found: list[str] = []
    for record in rows.iter_rows(named=True):
        text = record.get(spid) if spid else None
        name = text.removeprefix(f"{kind}/") if text and text.startswith(f"{kind}/") else ""
        if not ID.fullmatch(name):
            name = _hashed(kind, "|".join(str(record[key] or "") for key in ("USUBJID", *keys)))
        found.append(name)
    seen: dict[str, int] = {}
    for number, name in enumerate(found):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            found[number] = _hashed(kind, f"{name}|{seen[name]}")
    return found


def _hashed(kind: str, text: str) -> str:
    return sha256(f"{kind}|{text}".encode()).hexdigest()[:32]


def _stranger(domain: str, usubjid: str) -> Issue:
    row = rules()["MAP-BACK-001"]
    return Issue(
        "MAP-BACK-001",
        "error",
        str(row["code"]),
        str(row["message"]),
        Location(dataset=domain, usubjid=usubjid),
    )


def _unsaid(domain: str, variable: str, value: str, count: int) -> Issue:
    row = rules()["MAP-BACK-003"]
    where = Location(dataset=domain, variable=variable)
    return Issue("MAP-BACK-003", "warning", str(row["code"]), str(row["message"]), where, value, count)


def _orphan(domain: str, usubjid: str, qnam: str) -> Issue:
    row = rules()["MAP-BACK-002"]
    where = Location(dataset=f"SUPP{domain}", variable=qnam, usubjid=usubjid)
    return Issue("MAP-BACK-002", "error", str(row["code"]), str(row["message"]), where)
