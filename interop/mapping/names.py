"""The names that a mapping's lines may read, and the refusal of those that nothing gives."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from interop.cdisc.longtext import numbered
from interop.errors import MappingError
from interop.mapping.choosers import GIVES
from interop.mapping.concepts import CodeTable
from interop.mapping.model import Child, DomainMapping, Finding, Gate, Join, Omission, Variable
from interop.mapping.supp import is_text
from interop.mapping.verbs import VERBS
from interop.mapping.verbs.coded import table_target
from interop.tables import Tree, suggestion


def check_views(mapping: DomainMapping, tree: Tree) -> None:
    """Raise MappingError with file:line for a view, or a column of one, that is not there."""
    parts = _parts(mapping)
    named = [(branch.view, tree.line(("from",))) for branch in mapping.branches]
    for view, line in (*named, *((part.view, part.line) for part in parts)):
        if view not in mapping.views:
            raise MappingError(
                f'no view "{view}"{suggestion(view, mapping.views)}', file=mapping.file, line=line
            )
    for part in parts:
        _require(part.on, mapping, part.alias, (mapping.file, part.line))
        columns = [column.name for column in mapping.views[part.view].columns]
        for name in part.on.values():
            if name not in columns and not name.startswith("_"):
                raise MappingError(
                    f'{part.alias}: no column "{name}" in view "{part.view}"{suggestion(name, columns)}',
                    file=mapping.file,
                    line=part.line,
                )
    check_variables(mapping)
    rules: dict[str, Sequence[Omission | Finding]] = {"omit": mapping.omit, "findings": mapping.findings}
    for key, found in rules.items():
        for n, rule in enumerate(found):
            read = [*rule.when, *rule.unless, *(rule.before if isinstance(rule, Finding) else ())]
            _require(read, mapping, key, (mapping.file, tree.line((key, n))))


def check_keys(mapping: DomainMapping, tree: Tree) -> None:
    """Raise MappingError for a key of the records that is no variable of the mapping."""
    named = {("keys",): mapping.keys}
    if mapping.duplicate is not None:
        named |= {
            ("duplicate",): [*mapping.duplicate.keys, *mapping.duplicate.values, *mapping.duplicate.sure]
        }
    if mapping.intervals is not None:
        rule = mapping.intervals
        own = [*rule.within, rule.start, rule.end, *rule.same, *rule.begins, *rule.nominal]
        named |= {("intervals",): own}
        read = [*rule.apart, *(name for name in rule.begins.values() if name)]
        _require(read, mapping, "intervals", (mapping.file, rule.line))
    for at, names in named.items():
        for name in names:
            if name not in mapping.columns:
                raise MappingError(
                    f'{at[0]}: no variable "{name}"{suggestion(name, mapping.columns)}',
                    file=mapping.file,
                    line=tree.line(at),
                )


def check_relations(mappings: Mapping[str, DomainMapping]) -> None:
    """Raise MappingError with file:line for a relation of what is not there."""
    for mapping in mappings.values():
        for relation in mapping.relations:
            place = (mapping.file, relation.line)
            if set(relation.keys) != {mapping.domain, relation.dataset}:
                raise MappingError(
                    f"relation {relation.id}: keys name {mapping.domain} and {relation.dataset}",
                    file=place[0],
                    line=place[1],
                )
            for domain, name in relation.keys.items():
                known = mappings[domain].columns if domain in mappings else {name: None}
                if name not in known:
                    raise MappingError(
                        f'relation {relation.id}: no variable "{name}" in {domain}{suggestion(name, known)}',
                        file=place[0],
                        line=place[1],
                    )
            if relation.by is not None:
                _require([relation.by], mapping, f"relation {relation.id}", place)


def check_variables(mapping: DomainMapping) -> None:
    """Raise MappingError with file:line for the first variable that reads what nothing gives.

    The same for one whose long text would go on under the name of another.
    """
    for variable in mapping.columns.values():
        further = numbered(variable.name, 1)
        if further in mapping.columns and is_text(mapping, variable.name):
            raise MappingError(
                f"{variable.name}: text above 200 bytes goes on in {further}, which is another variable",
                file=variable.file,
                line=variable.line,
            )
        for alternative in variable.alternatives:
            _require(needs(alternative), mapping, variable.name, (alternative.file, alternative.line))


def check_tables(mapping: DomainMapping, tables: Mapping[str, CodeTable]) -> None:
    """Raise MappingError with file:line for the first code table, or column of one, that is not there."""
    gate, status = mapping.gate, mapping.status
    if status is not None:
        _require_table(f"{status.table}.policy", tables, "status", (mapping.file, 1))
    if gate is not None:
        for column in ("code", *([gate.agree] if gate.agree else []), *gate.keep):
            _require_table(f"{gate.table}.{column}", tables, "gate", (mapping.file, gate.line))
    if mapping.intervals is not None:
        for target in mapping.intervals.nominal.values():
            _require_table(target, tables, "intervals", (mapping.file, mapping.intervals.line))
    own = [v for child in mapping.branches[0].children.values() for v in child.columns.values()]
    for variable in (*mapping.columns.values(), *own):
        for alternative in variable.alternatives:
            for target in _targets(alternative, gate):
                _require_table(target, tables, variable.name, (alternative.file, alternative.line))


def _targets(alternative: Variable, gate: Gate | None) -> Iterable[str]:
    """``TABLE.column`` of every code table that an alternative looks into."""
    if alternative.verb == "recode":
        yield ".".join(table_target(alternative.argument))
    if "map" in alternative.options:
        yield f"{alternative.options['map']}.target"
    for name in needs(alternative):
        head, _, column = name.partition(".")
        if head == "gate" and column and gate is not None:
            yield f"{gate.table}.{column}"


def _require_table(target: str, tables: Mapping[str, CodeTable], what: str, place: tuple[Path, int]) -> None:
    name, _, column = target.partition(".")
    file, line = place
    if name not in tables:
        raise MappingError(
            f'{what}: no code table "{name}"{suggestion(name, tables)}; a study adds concepts/{name}.csv',
            file=file,
            line=line,
        )
    columns = tables[name].frame.columns
    if column not in columns:
        raise MappingError(
            f'{what}: code table {name} has no column "{column}"{suggestion(column, columns)}',
            file=file,
            line=line,
        )


def _parts(mapping: DomainMapping) -> Sequence[Join | Child]:
    """Joins and children: what has columns under an alias."""
    children = [child for branch in mapping.branches for child in branch.children.values()]
    return [*mapping.joins.values(), *children]


def available(mapping: DomainMapping) -> set[str]:
    """Names that a variable of this mapping may read: view columns, alias.columns, its own variables."""
    names = {column.name for branch in mapping.branches for column in mapping.views[branch.view].columns}
    for part in _parts(mapping):
        names |= {f"{part.alias}.{column.name}" for column in mapping.views[part.view].columns} | {part.alias}
        names |= {f"{part.alias}.{name}" for name in _chosen(part)}
    return names | set(mapping.columns)


def _chosen(part: Join | Child) -> Sequence[str]:
    """The names that a child's own columns and its chooser add to those of its view."""
    if isinstance(part, Join):
        return ()
    chooser, arguments = next(iter((part.choose or {"": ()}).items()))
    return [*part.columns, *GIVES.get(chooser, ()), *(f"*.{name}" for name in arguments if chooser == "each")]


def _of_each(name: str) -> str:
    """``alias.*.column`` for ``alias.VALUE.column``: what is said of parts that have one value."""
    head, _, rest = name.partition(".")
    return f"{head}.*.{rest.rpartition('.')[2]}"


def needs(alternative: Variable) -> list[str]:
    """Columns, aliases and variables that one alternative reads."""
    return [*VERBS[alternative.verb].columns(alternative), *alternative.when, *alternative.unless]


def _require(names: Iterable[str], mapping: DomainMapping, what: str, place: tuple[Path, int]) -> None:
    """Raise MappingError for the first name that nothing gives: no view, domain, gate or roster."""
    known = available(mapping)
    taken = {source.alias for source in mapping.records}  # their columns are known when all files are read
    for name in names:
        head, _, tail = name.partition(".")
        foreign = head in ("gate", "roster", "*", *taken) or name.startswith("_") or (head.isupper() and tail)
        if name not in known and _of_each(name) not in known and not foreign:
            raise MappingError(
                f'{what}: no column "{name}"{suggestion(name, known)}', file=place[0], line=place[1]
            )
