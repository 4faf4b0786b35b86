"""What loading a study does not refuse but a person should see: terms, paths and columns of its mappings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from interop.cdisc.standard import Standard
from interop.issues import Issue, Issues, Location, Severity
from interop.knowledge import folder
from interop.mapping.context import Context
from interop.mapping.model import Child, Conditions, DomainMapping, Join, Variable
from interop.mapping.names import needs
from interop.mapping.put import places
from interop.mapping.verbs.coded import table_target
from interop.mapping.verbs.registry import names

# rule -> (FHIR R4 issue-type, what is wrong and what would be right)
RULES: Mapping[str, tuple[str, str]] = {
    "STUDY-CT-001": ("code-invalid", "not a term of the codelist, which is closed"),
    "STUDY-CT-002": ("code-invalid", "not a term of the codelist; it becomes the sponsor's own"),
    "STUDY-CT-003": ("not-found", "the codelist is not in the loaded terminology; its terms are not checked"),
    "STUDY-VIEW-001": ("not-found", "FHIR R4 has no such element; the column is always null"),
    "STUDY-VIEW-002": ("multiple-matches", "may have several values; end the path with .first()"),
    "STUDY-VIEW-003": ("informational", "no variable reads this column"),
    "STUDY-PUT-001": ("invariant", "cannot be written back; put: names a column whose path has an inverse"),
}


def lint(mappings: Iterable[DomainMapping], standard: Standard, context: Context) -> Issues:
    """Terms that a mapping can produce and the terminology lacks, and paths that promise what they cannot.

    Severity error is what gives wrong data, warning what needs a decision, information what is idle.
    """
    found: list[Issue] = []
    for mapping in mappings:
        found += _terms(mapping, standard, context)
        found += _views(mapping)
        found += _puts(mapping)
    return Issues(found)


def _issue(
    rule: str, severity: Severity, value: str, mapping: DomainMapping, variable: Variable | None = None
) -> Issue:
    code, message = RULES[rule]
    file, line = (mapping.file, None) if variable is None else (variable.file, variable.line)
    name = None if variable is None else variable.name
    where = Location(file=_known(file), line=line, dataset=mapping.domain, variable=name)
    return Issue(rule, severity, code, message, where, value)


def _known(file: Path) -> str:
    home = folder("mappings").parent
    return (file.relative_to(home) if file.is_relative_to(home) else file).as_posix()


def _terms(mapping: DomainMapping, standard: Standard, context: Context) -> Iterator[Issue]:
    for variable in mapping.columns.values():
        own = variable.name in mapping.variables
        demanded = standard[mapping.domain][variable.name].codelist if own else None
        head = variable.codelist or demanded
        for part in variable.alternatives:
            codelist = part.codelist or head
            if codelist is None:
                continue
            if codelist not in context.terminology:
                yield _issue("STUDY-CT-003", "information", codelist, mapping, part)
                continue
            closed = not context.terminology[codelist].extensible
            for value in context.terminology.missing(codelist, _produced(mapping, part, context)):
                yield _term(f"{codelist} {value}", mapping, part, closed=closed)


def _term(value: str, mapping: DomainMapping, part: Variable, *, closed: bool) -> Issue:
    # a literal that stands for several terms ("MULTIPLE") is the sponsor's own (SDTMIG 3.4 4.2.8.3)
    exception = part.options.get("many") == value.partition(" ")[2]
    if closed and not exception:
        return _issue("STUDY-CT-001", "error", value, mapping, part)
    return _issue("STUDY-CT-002", "warning", value, mapping, part)


def _produced(mapping: DomainMapping, part: Variable, context: Context) -> list[str]:
    """Every value that an alternative can give, as far as tables and literals decide it."""
    if part.verb == "hardcode":
        text = str(part.argument)
        return [str(context.setting(text.removeprefix("study.")))] if text.startswith("study.") else [text]
    if part.verb == "unit":
        return sorted(set(context.units.units.values()))
    found = []
    if part.verb == "recode":
        found += _targets(mapping, part.argument, context, gated=part.options.get("from") == "gate")
    if "map" in part.options:
        found += _targets(mapping, part.options["map"], context, gated=False)
    if "many" in part.options:
        found.append(str(part.options["many"]))
    if part.verb == "assign" and mapping.gate is not None:
        named = [name.removeprefix("gate.") for name in names(part.argument) if name.startswith("gate.")]
        for column in named:
            found += _targets(mapping, f"{mapping.gate.table}.{column}", context, gated=True)
    return found


def _targets(mapping: DomainMapping, target: str, context: Context, *, gated: bool) -> list[str]:
    table, column = table_target(target)
    frame = context.tables[table].frame
    if gated and mapping.gate is not None:
        for name, values in mapping.gate.keep.items():
            frame = frame.filter(pl.col(name).is_in(list(values)))
    return frame[column].drop_nulls().unique(maintain_order=True).to_list()


def _views(mapping: DomainMapping) -> Iterator[Issue]:
    used = _used(mapping)
    for name, view in mapping.views.items():
        for path in view.unknown:
            yield _issue("STUDY-VIEW-001", "warning", f"{name}: {path}", mapping)
        for column in view.columns:
            if column.shape.many and not column.collection:
                yield _issue("STUDY-VIEW-002", "warning", f"{name}.{column.name}", mapping)
            if column.name not in used.get(name, ()):
                yield _issue("STUDY-VIEW-003", "information", f"{name}.{column.name}", mapping)


def _used(mapping: DomainMapping) -> Mapping[str, set[str]]:
    """Columns of each view that something reads or writes; a view reduced by a chooser is used whole."""
    used: dict[str, set[str]] = {name: set() for name in mapping.views}
    rows = set(_read(mapping))
    for branch in mapping.branches:
        used[branch.view] |= rows | {"id", "subject"}
        parts: list[Child | Join] = [*branch.children.values(), *mapping.joins.values()]
        for part in parts:
            used[branch.view] |= set(part.on)
            used[part.view] |= {"id", *part.on.values(), *_under(part.alias, rows)}
            joins = part.join.values() if isinstance(part, Child) else ()
            whole = [part.view] if part.choose is not None or part.alias in _candidates(mapping) else []
            for view in (*whole, *(join.view for join in joins)):
                used[view] |= {column.name for column in mapping.views[view].columns}
    return used


def _under(alias: str, found: Iterable[str]) -> set[str]:
    return {name.removeprefix(f"{alias}.") for name in found if name.startswith(f"{alias}.")}


def _candidates(mapping: DomainMapping) -> Sequence[str]:
    return mapping.gate.candidates if mapping.gate else ()


def _read(mapping: DomainMapping) -> Iterator[str]:
    for variable in mapping.columns.values():
        for part in variable.alternatives:
            yield from needs(part)
            yield from (name for key in part.put or {} for name in key.split("/"))
    yield from _candidates(mapping)
    yield from mapping.status.columns if mapping.status else []
    conditions: list[Conditions] = [
        *(c for rule in mapping.omit for c in (rule.when, rule.unless)),
        *(c for rule in mapping.findings for c in (rule.when, rule.unless)),
        *([mapping.duplicate.prefer] if mapping.duplicate else []),
    ]
    yield from (name for condition in conditions for name in condition)


def _puts(mapping: DomainMapping) -> Iterator[Issue]:
    known = places(mapping)
    for variable in mapping.columns.values():
        for key in variable.put or {}:
            for name in key.split("/"):
                if name not in known:
                    yield _issue("STUDY-PUT-001", "error", name, mapping, variable)
