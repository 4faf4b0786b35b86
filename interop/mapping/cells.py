"""The cells of a folder that ``to-sdtm`` wrote: its dataset files and ``_interop/``; no source is needed."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from interop.cdisc.dataset import Dataset
from interop.cdisc.formats import files_of, read
from interop.errors import SourceError
from interop.mapping.accounts import Facts, Row
from interop.mapping.cell import Cell, Resource, Teller
from interop.mapping.citation import Citations
from interop.mapping.element import elements
from interop.mapping.model import DomainMapping
from interop.mapping.relationship import qualifier_cells, relation_cells
from interop.mapping.relrec import RELREC
from interop.mapping.replay import replay
from interop.mapping.sent import unpacked
from interop.mapping.sidecars import FOLDER
from interop.mapping.supp import with_qualifiers
from interop.mapping.to_sdtm import Plan
from interop.tables import suggestion

SUPP = "SUPP"


class Record(msgspec.Struct, frozen=True):
    """One record of a dataset file: its place, its values, the row behind it (of SUPP-- its parent's)."""

    dataset: str
    place: str
    values: Mapping[str, Any]
    row: Row = {}


class Cells(msgspec.Struct, frozen=True):
    """Datasets as they are on disk, by name, and the tellers of their domains; of one subject or of all."""

    plan: Plan
    datasets: Mapping[str, pl.DataFrame]
    lineage: pl.DataFrame
    tellers: Mapping[str, Teller]

    @classmethod
    def load(cls, plan: Plan, home: Path, file: Path, *, place: str | None = None) -> "Cells":
        """The cells of the folder that holds a dataset file; `home` is the study's.

        With `place` (``USUBJID:SEQ``) those of its subject alone, which is quicker. Raises SourceError where
        the file or ``_interop/`` is not there or not of this study, and for an unknown subject.
        """
        sidecars = _sidecars(file)
        lineage = pl.read_parquet(sidecars / "lineage.parquet")
        datasets = _datasets(plan, file, set(lineage["DATASET"]))
        usubjid = None if place is None else _subject(file, place, lineage)
        cells: dict[str, pl.DataFrame] = {}
        whole: dict[str, pl.DataFrame] = {}
        for domain, mapping in plan.mappings.items():
            own = lineage.filter(pl.col("DATASET") == domain)
            told = sidecars / "cells" / f"{domain.lower()}.parquet"
            if domain in datasets and own.height and told.is_file():
                frame = _aligned(datasets[domain].frame, own, domain)
                made = own.drop("DATASET", "SEQ").hstack(unpacked(pl.read_parquet(told), frame))
                cells[domain] = _of(made, usubjid)
                whole[domain] = _whole(mapping, _of(frame, usubjid), datasets.get(f"{SUPP}{domain}"))
        rows = {domain: frame.to_dicts() for domain, frame in replay(plan, whole, cells).items()}
        frames = {name: _of(dataset.frame, usubjid) for name, dataset in datasets.items()}
        return cls(plan, frames, _of(lineage, usubjid), _tellers(plan, home, rows))

    def mapped(self, dataset: str) -> Sequence[str]:
        """The variables that the mapping of a domain makes, also those that no record has; of others none."""
        return list(self.plan.mappings[dataset].variables) if dataset in self.plan.mappings else []

    def records(self, dataset: str) -> list[Record]:
        """The records of a dataset, in the order of its file."""
        frame = self.datasets[dataset]
        values = frame.iter_rows(named=True)
        if dataset == RELREC:
            behind = self.lineage.filter(pl.col("DATASET") == RELREC).select("key", "version").to_dicts()
            return [
                Record(dataset, _place(one["USUBJID"], one["RELID"]), one, row)
                for one, row in zip(values, behind, strict=True)
            ]
        teller = self.tellers[dataset.removeprefix(SUPP)]
        domain = teller.mapping.domain
        rows = {teller.record(row): row for mine in teller.rows[domain].values() for row in mine}
        seq = "IDVARVAL" if dataset != domain else f"{domain}SEQ"
        found = [(_place(one["USUBJID"], one.get(seq)), one) for one in values]
        strange = [place for place, _ in found if place not in rows]
        if strange:
            raise SourceError(
                f"{dataset}: {FOLDER}/ does not tell of a record {strange[0]}; write them again"
            )
        return [Record(dataset, place, one, rows[place]) for place, one in found]

    def cells(self, record: Record) -> Iterator[Cell]:
        """The cells of a record that have a value, in the order of the dataset; of SUPP-- QVAL by QNAM."""
        if record.dataset == RELREC:
            key, version = record.row["key"], record.row["version"]
            behind = Resource(key, version) if key is not None else None
            yield from relation_cells(record.values, behind, self.tellers, self._labels(RELREC))
            return
        teller = self.tellers[record.dataset.removeprefix(SUPP)]
        labels = self._labels(record.dataset)
        if record.dataset != teller.mapping.domain:
            yield from qualifier_cells(record.values, record.row, teller, labels)
            return
        for name, value in record.values.items():
            if value is not None and name in teller.mapping.columns:
                yield teller.cell(record.row, name, value, label=labels[name])

    def _labels(self, dataset: str) -> Mapping[str, str]:
        return {variable.name: variable.label for variable in self.plan.standard[dataset]}


def _place(usubjid: str | None, number: Any) -> str:
    return ":".join(str(part) for part in (usubjid, number) if part is not None)


def _sidecars(file: Path) -> Path:
    if not file.is_file():
        raise SourceError(f"{file}: no such file; name a dataset file that to-sdtm wrote")
    for folder in (file.parent, file.parent.parent):
        if (folder / FOLDER / "lineage.parquet").is_file():
            return folder / FOLDER
    raise SourceError(f"{file}: no {FOLDER}/ beside it, which to-sdtm writes and which tells of its cells")


def _datasets(plan: Plan, file: Path, told: set[str]) -> dict[str, Dataset]:
    """The datasets beside a file in its format, those that lineage tells of and their qualifiers."""
    wanted = {*told, *(f"{SUPP}{name}" for name in told)}
    beside = [path for path in sorted(file.parent.iterdir()) if path.suffix == file.suffix]
    files = [path for path in beside if path == file or path.stem.upper() in wanted]
    found = {name: one for path in files for name, one in read(files_of(path)[0], plan.standard).items()}
    studies = {study for dataset in found.values() for study in dataset["STUDYID"].unique()}
    if studies != {plan.settings["id"]}:
        raise SourceError(f"{file}: is of study {', '.join(sorted(studies))}; name its folder with --study")
    return found


def _subject(file: Path, place: str, lineage: pl.DataFrame) -> str | None:
    """The subject of a place; null where none is named, as by relations of whole datasets."""
    known = lineage["USUBJID"].drop_nulls().unique().sort().to_list()
    found = next((name for name in (place, place.rpartition(":")[0]) if name in known), None)
    if found is None and ":" in place:
        asked = place.rpartition(":")[0]
        raise SourceError(f"{file}: no subject {asked}{suggestion(asked, known)}")
    return found


def _of(frame: pl.DataFrame, usubjid: str | None) -> pl.DataFrame:
    return frame if usubjid is None else frame.filter(pl.col("USUBJID") == usubjid)


def _aligned(frame: pl.DataFrame, lineage: pl.DataFrame, domain: str) -> pl.DataFrame:
    """The records in the order of their lineage, whatever the order of the file."""
    seq = f"{domain}SEQ"
    if seq not in frame.columns:
        return lineage.select("USUBJID").join(frame, on="USUBJID", how="left", maintain_order="left")
    asked = lineage.select("USUBJID", pl.col("SEQ").cast(pl.Int64).alias(seq))
    found = asked.join(frame, on=["USUBJID", seq], how="left", maintain_order="left")
    return found.select(frame.columns)


def _whole(mapping: DomainMapping, frame: pl.DataFrame, extra: Dataset | None) -> pl.DataFrame:
    """Records with their qualifiers, and with text that goes on in SUPP-- put together."""
    missing = [pl.lit(None, pl.String).alias(name) for name in mapping.columns if name not in frame.columns]
    seq = pl.col(f"^{mapping.domain}SEQ$").cast(pl.String)
    return with_qualifiers(mapping, frame.with_columns(missing).with_columns(seq), extra)[0]


def _tellers(plan: Plan, home: Path, rows: Mapping[str, Sequence[Row]]) -> dict[str, Teller]:
    citations = Citations(plan.context.tables, plan.context.units, home)
    constants = plan.context.setting("constants", {})
    by_subject: dict[str, dict[str, list[Row]]] = {domain: {} for domain in rows}
    for domain, mine in rows.items():
        for row in mine:
            by_subject[domain].setdefault(row["USUBJID"], []).append(row)
    tellers: dict[str, Teller] = {}
    for domain in rows:
        mapping = plan.mappings[domain]
        facts = Facts(plan.context, citations, mapping.columns)
        branches = [elements(mapping, n, constants) for n in range(len(mapping.branches))]
        tellers[domain] = Teller(mapping, facts, by_subject, branches, tellers)
    return tellers
