"""Cells of the datasets that hold relationships: SUPP-- and RELREC (SDTMIG 3.4 8.2 to 8.4)."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from interop.cdisc.longtext import numbered
from interop.mapping.accounts import Row
from interop.mapping.cell import Cell, Resource, Source, Teller
from interop.mapping.model import DomainMapping, Relation
from interop.mapping.relrec import RELREC
from interop.mapping.story import place

Values = Mapping[str, Any]
Labels = Mapping[str, str]

OF_PARENT = {"STUDYID": "STUDYID", "USUBJID": "USUBJID", "RDOMAIN": "DOMAIN"}
_FURTHER = 100  # more parts of a long text than there can be


def qualifier_cells(values: Values, row: Row, teller: Teller, labels: Labels) -> Iterator[Cell]:
    """The cells of a record of SUPP--; `row` is that of its parent, `labels` those of the variables."""
    name = qualified(teller.mapping, str(values["QNAM"]))
    dataset, parent = f"SUPP{teller.mapping.domain}", {**OF_PARENT, "IDVARVAL": values["IDVAR"]}
    told = teller.cell(row, name, values["QVAL"], label=str(values["QLABEL"]), dataset=dataset)
    for column, value in values.items():
        if value is None:
            continue
        cell = msgspec.structs.replace(told, variable=str(values["QNAM"]), value=str(value))
        if column != "QVAL":
            same = parent.get(column)
            sources = [teller.source(row, same, same, deep=True, more=0)] if same else []
            step = f"{same} of the parent record" if same else f"the mapping's line of {name} says so"
            own = {"variable": f"{values['QNAM']}.{column}", "label": labels[column]}
            cell = msgspec.structs.replace(
                cell, **own, verb="", argument=None, steps=[step], sources=sources, again=None, method=None
            )
        yield cell


def qualified(mapping: DomainMapping, qnam: str) -> str:
    """The qualifier of a QNAM, or the variable whose long text goes on in it (SDTMIG 3.4 4.5.3.2)."""
    if qnam in mapping.supp:
        return qnam
    further = {numbered(name, n): name for name in mapping.columns for n in range(1, _FURTHER)}
    return further[qnam]


def relation_cells(
    values: Values, behind: Resource | None, tellers: Mapping[str, Teller], labels: Labels
) -> Iterator[Cell]:
    """The cells of a record of RELREC; `behind` is the resource that the record is of."""
    mapping, relation = _relation(str(values["RELID"]), tellers)
    teller = tellers[str(values["RDOMAIN"])]
    rows = [] if values["USUBJID"] is None else teller.rows[teller.mapping.domain].get(values["USUBJID"], [])
    of_row = [row for row in rows if _same(row.get(values["IDVAR"]), values["IDVARVAL"])]
    parent = {**OF_PARENT, "IDVARVAL": values["IDVAR"]}
    for column, value in values.items():
        if value is None:
            continue
        same = parent.get(column) if of_row else None
        yield Cell(
            RELREC,
            column,
            labels[column],
            ":".join(filter(None, (values["USUBJID"], values["RELID"]))),
            str(value),
            [behind] if behind else [],
            mapping=place(mapping.file, relation.line),
            steps=[f"{same} of the related record" if same else f"relation {relation.id} of the mapping"],
            sources=[_source(teller, of_row[0], same)] if same else [],
        )


def _source(teller: Teller, row: Row, name: str) -> Source:
    return teller.source(row, name, name, deep=True, more=0)


def _same(one: Any, text: Any) -> bool:
    return one is not None and str(one) == str(text)


def _relation(relid: str, tellers: Mapping[str, Teller]) -> tuple[DomainMapping, Relation]:
    """The relation of a mapping that a RELID is of: of datasets its id, of records what begins with it."""
    return next(
        (teller.mapping, relation)
        for teller in tellers.values()
        for relation in teller.mapping.relations
        if relid == relation.id or (relation.by is not None and relid.startswith(f"{relation.id}-"))
    )
