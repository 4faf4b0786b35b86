"""What mappings read of each other: the records that one takes from another, dates of every domain."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from interop.errors import MappingError
from interop.mapping.model import DomainMapping, Finding, Omission, Records, Variable
from interop.mapping.names import available, needs
from interop.tables import suggestion


def read_through(mapping: DomainMapping, source: Records) -> list[str]:
    """Columns of another dataset that a mapping reads of the records it takes from there."""
    rules: list[Omission | Finding] = [*mapping.omit, *mapping.findings]
    conditions = [*source.when, *source.unless, *(name for r in rules for name in (*r.when, *r.unless))]
    own = [name for v in mapping.columns.values() for part in v.alternatives for name in needs(part)]
    if mapping.intervals is not None:
        own += [*mapping.intervals.apart, *(name for name in mapping.intervals.begins.values() if name)]
    head = f"{source.alias}."
    found = (name.removeprefix(head) for name in (*own, *conditions) if name.startswith(head))
    return list(dict.fromkeys(found))


def check_records(mappings: Mapping[str, DomainMapping], *, known: Collection[str]) -> None:
    """Raise MappingError with file:line for a dataset that is not `known`, or a column that it lacks."""
    for mapping in mappings.values():
        for source in mapping.records:
            other = mappings.get(source.dataset)
            columns = available(other) if other is not None else set()
            if source.dataset not in known:
                raise MappingError(
                    f'no dataset "{source.dataset}"{suggestion(source.dataset, known)}',
                    file=mapping.file,
                    line=source.line,
                )
            for name in read_through(mapping, source) if other is not None else []:
                if name not in columns and not name.startswith("_"):
                    raise MappingError(
                        f'{source.alias}: a record of {source.dataset} has no "{name}"'
                        f"{suggestion(name, columns)}",
                        file=mapping.file,
                        line=source.line,
                    )


def across(mappings: Mapping[str, DomainMapping]) -> dict[str, DomainMapping]:
    """The mappings with ``*.--DTC`` in a `from` written out: that variable of every domain that has it."""
    return {domain: _written_out(mapping, mappings) for domain, mapping in mappings.items()}


def _written_out(mapping: DomainMapping, mappings: Mapping[str, DomainMapping]) -> DomainMapping:
    def one(variable: Variable) -> Variable:
        source = variable.options.get("from")
        options = dict(variable.options)
        if isinstance(source, Sequence) and not isinstance(source, str):
            options["from"] = [found for name in source for found in _every(name, mappings)]
        rest = one(variable.otherwise) if variable.otherwise is not None else None
        return msgspec.structs.replace(variable, options=options, otherwise=rest)

    parts = {n: one(v) for n, v in mapping.variables.items()}, {n: one(v) for n, v in mapping.supp.items()}
    return msgspec.structs.replace(mapping, variables=parts[0], supp=parts[1])


def _every(name: str, mappings: Mapping[str, DomainMapping]) -> list[str]:
    if not name.startswith("*.--"):
        return [name]
    ending = name.removeprefix("*.--")
    own = [(domain, f"{domain}{ending}") for domain in sorted(mappings)]
    return [f"{domain}.{variable}" for domain, variable in own if variable in mappings[domain].columns]
