"""The order of work for one batch: the steps of all domains, sorted by what each needs and gives."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Literal

import msgspec

from interop.errors import MappingError
from interop.mapping.across import read_through
from interop.mapping.model import DomainMapping
from interop.mapping.names import needs
from interop.tables import suggestion

ORDERED = ("seq", "numbered")  # derivations that count records in their order
Kind = Literal["rows", "choose", "variable", "settle", "derive"]


class Step(msgspec.Struct, frozen=True, order=True):
    """One step: a domain's rows, a chosen child, a variable, the end of row changes, or a derivation."""

    domain: str
    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind:<8} {self.domain}{'.' if self.name else ''}{self.name}"


def plan(mappings: Mapping[str, DomainMapping]) -> tuple[Step, ...]:
    """All steps in an order in which each finds what it needs; ties in the order of the mapping files.

    Raises MappingError when steps need each other in a circle.
    """
    waits: dict[Step, list[Step]] = {}
    for mapping in mappings.values():
        waits |= _domain(mapping, mappings)
    rank = {step: n for n, step in enumerate(waits)}
    sorter = TopologicalSorter(waits)
    try:
        sorter.prepare()
    except CycleError as circle:
        names = " -> ".join(str(step).strip() for step in circle.args[1])
        raise MappingError(f"these steps need each other: {names}") from None
    order: list[Step] = []
    ready: list[Step] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()], key=rank.__getitem__)
        step, *ready = ready
        order.append(step)
        sorter.done(step)
    return tuple(order)


def _domain(mapping: DomainMapping, mappings: Mapping[str, DomainMapping]) -> dict[Step, list[Step]]:
    rows, settle = Step(mapping.domain, "rows"), Step(mapping.domain, "settle")
    waits: dict[Step, list[Step]] = {
        rows: [Step(source.dataset, "settle") for source in mapping.records if source.dataset in mappings]
    }
    late = _late(mapping)
    _check_records(mapping, mappings, late)
    for alias, child in mapping.branches[0].children.items():
        if child.choose is not None:
            arguments = next(iter(child.choose.values()))
            waits[Step(mapping.domain, "choose", alias)] = [
                rows,
                *_sources(arguments, mapping, mappings, late),
            ]
    for name in mapping.columns:
        step = Step(mapping.domain, "derive" if name in late else "variable", name)
        first = settle if name in late else rows
        waits[step] = [first, *_sources(_reads(mapping, name), mapping, mappings, late)]
    waits[settle] = [step for step in waits if step.kind in ("rows", "choose", "variable")]
    return waits


def _check_records(
    mapping: DomainMapping, mappings: Mapping[str, DomainMapping], late: frozenset[str]
) -> None:
    """Raise MappingError with file:line for a value that is asked for before it is made."""
    for source in mapping.records:
        other = mappings.get(source.dataset)
        after = _late(other) if other is not None else frozenset()
        for name in read_through(mapping, source):
            if name in after:
                raise MappingError(
                    f"{source.alias}.{name} is made after the records of {source.dataset} are taken",
                    file=mapping.file,
                    line=source.line,
                )
    rule = mapping.intervals
    if rule is not None:
        for name in (*rule.within, rule.start, rule.end, *rule.same, *rule.begins):
            if name in late:
                raise MappingError(
                    f"intervals: {name} is made after the intervals", file=mapping.file, line=rule.line
                )


def _reads(mapping: DomainMapping, name: str) -> list[str]:
    return [need for alternative in mapping.columns[name].alternatives for need in needs(alternative)]


def _late(mapping: DomainMapping) -> frozenset[str]:
    """Variables that wait until rows are settled: --SEQ, readers of other domains, and readers of those."""
    late = {
        name
        for name, variable in mapping.columns.items()
        if any(
            a.verb == "derive" and (a.argument in ORDERED or _reaches_out(_reads(mapping, name)))
            for a in variable.alternatives
        )
    }
    grown = True
    while grown:
        more = {
            name for name in mapping.columns if name not in late and late.intersection(_reads(mapping, name))
        }
        grown = bool(more)
        late |= more
    return frozenset(late)


def _reaches_out(names: Sequence[str]) -> bool:
    return any(name.partition(".")[0].isupper() and "." in name for name in names)


def _sources(
    names: Sequence[str], mapping: DomainMapping, mappings: Mapping[str, DomainMapping], late: frozenset[str]
) -> list[Step]:
    found: list[Step] = []
    aliases = {alias for alias, child in mapping.branches[0].children.items() if child.choose is not None}
    for name in names:
        head, _, tail = name.partition(".")
        if name in mapping.columns:
            found.append(Step(mapping.domain, "derive" if name in late else "variable", name))
        elif head in aliases:
            found.append(Step(mapping.domain, "choose", head))
        elif tail and head in mappings and head != mapping.domain:
            other = mappings[head]
            if tail not in other.columns:
                near = suggestion(tail, other.columns)
                raise MappingError(
                    f'no variable "{name}", which {mapping.domain} reads{near}', file=mapping.file
                )
            kind: Kind = "derive" if tail in _late(other) else "variable"
            found.append(Step(head, kind, tail))
            if other.rows != "roster":  # a roster domain has one row per subject from the start
                found.append(Step(head, "settle"))
    return found
