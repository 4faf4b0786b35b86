"""Cells: where one value of a dataset came from, told from the dataset files and their sidecars alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from interop.cdisc.longtext import split
from interop.mapping.accounts import Account, Facts, Row, account
from interop.mapping.element import INDEX, UNIT, UNIT_SENT, Element
from interop.mapping.intervals import MEMBERS
from interop.mapping.model import DomainMapping, Variable
from interop.mapping.sent import PARTS

SHOWN = 3  # records of another dataset that a source names; the others are counted


class Resource(msgspec.Struct, frozen=True, omit_defaults=True):
    """A resource by its key, with the version that was read."""

    key: str
    version: str | None = None


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a value was made of: a text `sent` in an element, a `code` table's column, another `cell`.

    `name` is as the mapping has it, `where` the FHIRPath, the ``file:line``, or ``DATASET USUBJID:SEQ
    VARIABLE``. A cell of the same study has its own `sources`, one level deep.
    """

    name: str
    kind: Literal["sent", "code", "cell", "key", "roster"]
    value: str | None
    where: str
    resource: Resource | None = None
    sources: Sequence["Source"] = ()
    more: int = 0  # further records that gave the same


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value: the resources of its record, the mapping's line, the steps, and what they started from.

    `again` is what these give today when that is another value: the mapping or a table has changed since.
    """

    dataset: str
    variable: str
    label: str
    record: str
    value: str
    resources: Sequence[Resource] = ()
    verb: str = ""
    argument: Any = None
    mapping: str = ""
    steps: Sequence[str] = ()
    sources: Sequence[Source] = ()
    origin: str | None = None
    method: str | None = None
    again: str | None = None


class Teller(msgspec.Struct):
    """Tells the cells of one domain; `rows` are those of `interop.mapping.replay`, of all domains."""

    mapping: DomainMapping
    facts: Facts
    rows: Mapping[str, Mapping[str, Sequence[Row]]]  # domain -> USUBJID -> rows
    branches: Sequence[Mapping[str, Element]]
    others: Mapping[str, "Teller"] = {}

    def told(self, row: Row, name: str, *, deep: bool = True) -> tuple[Variable, Account, list[Source]]:
        """The alternative that gave a variable's value in a row, its account and its sources."""
        branch = row.get(f"_{name}.branch") or 0
        variable = self.mapping.columns[name].alternatives[branch]
        found = account(variable, row, self.facts)
        if variable.verb == "usubjid":
            found = self._subject(variable, found)
        asked = [read for read in (*variable.when, *variable.unless) if row.get(read) is not None]
        used = dict.fromkeys([*found.uses, *asked])
        return variable, found, [s for read in used for s in self._sources(row, name, read, deep=deep)]

    def _subject(self, variable: Variable, found: Account) -> Account:
        """The account of the subject's identifier: as sent, of the roster's parts, or that of the roster."""
        roster = [domain for domain, other in self.others.items() if other.mapping.rows == "roster"]
        if self.mapping.rows != "roster":
            return Account([f"{domain}.{variable.name}" for domain in roster], ["that of the subject"])
        parts = [n for n, v in self.mapping.variables.items() if str(v.argument).startswith("roster.")]
        return Account(found.uses or parts, found.steps)

    def _sources(self, row: Row, name: str, read: str, *, deep: bool) -> Iterator[Source]:
        alias, _, column = read.partition(".")
        if read in self.mapping.columns:
            yield self._cell(row, read, read, deep=deep)
        elif alias == "gate":
            yield self._code(row, read)
        elif alias == "roster":
            yield Source(read, "roster", _text(row.get(read)), "mappings/roster.yaml")
        elif column and alias in {records.alias for records in self.mapping.records}:
            yield from self._members(row, name, read, deep=deep)
        elif column and alias in self.others:
            yield from self._elsewhere(row, name, read, deep=deep)
        elif row.get(f"{alias}.{PARTS}") is not None:
            yield from self._parts(row, alias)
        elif read.startswith("_"):
            yield Source(read, "key", row.get(read), str(row["_resource"]))
        else:
            yield self._sent(row, read)

    def _cell(self, row: Row, read: str, variable: str, *, deep: bool, more: int = 0) -> Source:
        sources: Sequence[Source] = ()
        if deep and row.get(variable) is not None:
            sources = self.told(row, variable, deep=False)[2]
        where = f"{self.mapping.domain} {self.record(row)} {variable}"
        return Source(read, "cell", _text(row.get(variable)), where, sources=sources, more=more)

    def record(self, row: Row) -> str:
        """``USUBJID:SEQ``, or USUBJID where a subject has one record."""
        seq = row.get(f"{self.mapping.domain}SEQ")
        return str(row["USUBJID"]) if seq is None else f"{row['USUBJID']}:{seq}"

    def _code(self, row: Row, read: str) -> Source:
        gate = self.mapping.gate
        system, code = str(row.get("gate.system")), str(row.get("gate.code"))
        line = self.facts.citations.code(gate.table, system, code) if gate else None
        elements = self.branches[row.get("_branch") or 0]
        own = [name for name in (gate.candidates if gate else ()) if name in elements]
        parts = set(self.mapping.branches[row.get("_branch") or 0].children)
        found = [name for name in own if row.get(name) is not None or (system != "text" and name in parts)]
        sent = " or ".join(elements[name].at(*self._places(row, elements[name])) for name in found)
        where = f"{line or 'no longer there'}, by {system}|{code} sent in {sent}"
        return Source(read, "code", _text(row.get(read)), where, _resource(row))

    def _sent(self, row: Row, read: str) -> Source:
        element = self.branches[row.get("_branch") or 0].get(read)
        if element is None:
            return Source(read, "sent", _text(row.get(read)), "", _resource(row))
        value = row.get(read)
        if read == f"{element.alias}.{UNIT}" and not element.joined:
            value = row.get(f"{element.alias}.{UNIT_SENT}")
        resource = _resource(row, element.alias) if element.joined else _resource(row)
        return Source(read, "sent", _text(value), element.at(*self._places(row, element)), resource)

    def _places(self, row: Row, element: Element) -> list[int | None]:
        """Places in the lists that lead to an element: of the row's own part, and of the one chosen."""
        if element.joined:
            return []
        own = [row.get("_index")] if self.mapping.branches[row.get("_branch") or 0].element else []
        chosen = [row.get(f"{element.alias}.{INDEX}")] if element.alias else []
        return [None if n is None else int(n) for n in (*own, *chosen)]

    def _parts(self, row: Row, alias: str) -> Iterator[Source]:
        """What was sent in the parts that a chooser made one value of."""
        branch = row.get("_branch") or 0
        for part in msgspec.json.decode(row[f"{alias}.{PARTS}"]):
            for name, value in part.items():
                if value is None or value == [] or name.startswith("_") or "._" in name:
                    continue
                join, _, column = name.partition(".")
                element = self.branches[branch].get(f"{alias}.{name}")
                own = Resource(part.get(f"{join}._key")) if column else _resource(row)
                where = element.at(None if column else part["_index"]) if element else ""
                yield Source(f"{alias}.{name}", "sent", _text(value), where, own)

    def _members(self, row: Row, name: str, read: str, *, deep: bool) -> Iterator[Source]:
        """Cells of the records that an interval was made of: those with its value, else all of them."""
        alias, _, variable = read.partition(".")
        domain = next(records.dataset for records in self.mapping.records if records.alias == alias)
        other = self.others.get(domain)
        if other is None:
            return
        keys = list(row.get(MEMBERS) or [row["_key"]])
        rows = [one for one in other.rows[domain].get(row["USUBJID"], ()) if one["_key"] in keys]
        same = [one for one in rows if _text(one.get(variable)) == _text(row.get(name))]
        found = [one for one in same or rows if one.get(variable) is not None]
        for n, one in enumerate(found[:SHOWN]):
            more = len(found) - SHOWN if n == SHOWN - 1 and len(found) > SHOWN else 0
            yield other.source(one, read, variable, deep=deep and n == 0, more=more)

    def _elsewhere(self, row: Row, name: str, read: str, *, deep: bool) -> Iterator[Source]:
        """A cell of another domain's record: the one of the subject, or the first that has the same value."""
        domain, _, variable = read.partition(".")
        other = self.others[domain]
        rows = [one for one in other.rows[domain].get(row["USUBJID"], ()) if one.get(variable) is not None]
        if other.mapping.rows != "roster":
            rows = [one for one in rows if _text(one[variable]) == _text(row.get(name))]
        if rows:
            yield other.source(rows[0], read, variable, deep=deep, more=len(rows) - 1)

    def source(self, row: Row, read: str, variable: str, *, deep: bool, more: int) -> Source:
        """A cell of this domain as what another was made of."""
        return self._cell(row, read, variable, deep=deep, more=more)

    def _resources(self, row: Row) -> list[Resource]:
        """The resource of a record; of an interval those of all its records."""
        keys = row.get("_sources")
        if not keys:
            own = _resource(row)
            return [own] if own else []
        behind = [self.others[r.dataset] for r in self.mapping.records if r.dataset in self.others]
        found = [_resource(one) for t in behind for one in t.rows[t.mapping.domain].get(row["USUBJID"], ())]
        return [one for one in found if one is not None and one.key in keys]

    def cell(self, row: Row, name: str, value: Any, *, label: str, dataset: str | None = None) -> Cell:
        """The story of one value of a record; `value` is as the dataset has it."""
        variable, found, sources = self.told(row, name)
        today = row.get(name)
        return Cell(
            dataset or self.mapping.domain,
            name,
            label,
            self.record(row),
            _text(value) or "",
            self._resources(row),
            variable.verb,
            variable.argument,
            self.facts.citations.place(variable.file, variable.line),
            found.steps,
            sources,
            variable.origin or self.mapping.columns[name].origin,
            variable.method or self.mapping.columns[name].method,
            None if same(today, value) else (_text(today) or "nothing"),
        )


def same(today: Any, value: Any) -> bool:
    """Whether a value as made again is the dataset's, or a part of it; a number may be another text there."""
    if isinstance(value, int | float) and today is not None:
        return float(today) == float(value)
    return bool(today == value) or (isinstance(today, str) and value in split(today))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _resource(row: Row, alias: str = "") -> Resource | None:
    key = row.get(f"{alias}._key") if alias else row.get("_resource")
    version = row.get(f"{alias}._version") if alias else row.get("_version")
    return Resource(key, version) if key is not None else None
