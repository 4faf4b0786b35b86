"""Mapping files (``domains/xx.yaml``) as `DomainMapping`; a study's overlay replaces variables by name."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from interop.errors import MappingError
from interop.fhir.view import View
from interop.mapping.concepts import CodeTable
from interop.mapping.model import (
    Branch,
    Child,
    DomainMapping,
    Duplicate,
    Finding,
    Gate,
    Join,
    Omission,
    Variable,
)
from interop.mapping.put import check_put
from interop.mapping.verbs import VERBS
from interop.mapping.verbs.coded import table_target
from interop.tables import Keys, Tree, check_schema, read_yaml, suggestion

# Keys of a variable that every verb shares; the rest are options of its verb.
SHARED = ("codelist", "origin", "method", "when", "unless", "else", "put", "loss", "label", "qorig")


def read_domain(file: Path, *, schema: Path, constants: Mapping[str, str]) -> DomainMapping:
    """Read one mapping file.

    Raises MappingError with file:line on an unknown key or verb, a name that no view gives, or a view that is
    not valid.
    """
    tree = read_yaml(file)
    check_schema(tree, schema)
    data = tree.data
    views = {name: _view(tree, name, constants) for name in data["views"]}
    variables = _variables(tree, "variables")
    supp = _variables(tree, "supp") if data.get("supp") else {}
    mapping = DomainMapping(
        domain=data["domain"],
        file=file,
        views=views,
        definitions=data["views"],
        branches=_branches(tree),
        joins={
            a: Join(a, j["view"], j["on"], j.get("choose"), j.get("put", "none"), tree.line(("join", a)))
            for a, j in data.get("join", {}).items()
        },
        variables=variables,
        supp=supp,
        keys=data["keys"],
        resource={**data["resource"], "joined": data.get("joined", {})},
        rows=data.get("rows", "resources"),
        status=data.get("status"),
        gate=_gate(tree) if "gate" in data else None,
        omit=[Omission(o["reason"], o.get("when", {}), o.get("unless", {})) for o in data.get("omit", [])],
        findings=[
            Finding(f["rule"], f.get("when", {}), f.get("unless", {}), f.get("variable"))
            for f in data.get("findings", [])
        ],
        duplicate=Duplicate(**data["duplicate"]) if "duplicate" in data else None,
        loss=data.get("loss", []),
    )
    _check_views(mapping, tree)
    _check_keys(mapping, tree)
    return mapping


def _view(tree: Tree, name: str, constants: Mapping[str, str]) -> View:
    return View.load(
        tree.data["views"][name], constants=constants, file=tree.file, line=tree.line(("views", name))
    )


def _branches(tree: Tree) -> Sequence[Branch]:
    children = {
        alias: _child(alias, c, tree, ("children", alias))
        for alias, c in tree.data.get("children", {}).items()
    }
    branches = [Branch(tree.data["from"], children)]
    for n, part in enumerate(tree.data.get("union", [])):
        own = {
            a: _child(a, c, tree, ("union", n, "children", a)) for a, c in part.get("children", {}).items()
        }
        shared = {
            a: Child(a, c.view, c.on, children[a].choose if a in children else c.choose, c.line)
            for a, c in own.items()
        }
        branches.append(Branch(part["view"], {**children, **shared}, part.get("element")))
    return branches


def _child(alias: str, part: Mapping[str, Any], tree: Tree, at: Keys) -> Child:
    return Child(alias, part["view"], part["on"], part.get("choose"), tree.line(at))


def _gate(tree: Tree) -> Gate:
    gate = tree.data["gate"]
    names = {"recode": "table", "from": "candidates"}
    return Gate(**{names.get(key, key): value for key, value in gate.items()}, line=tree.line(("gate",)))


def _variables(tree: Tree, part: str) -> dict[str, Variable]:
    found = tree.data[part]
    return {n: read_variable(n, body, tree, (part, n)) for n, body in found.items() if body is not None}


def read_variable(name: str, body: Mapping[str, Any], tree: Tree, at: Keys) -> Variable:
    """One variable's mapping from its YAML.

    Raises MappingError with file:line on a wrong verb, option or way back.
    """
    line = tree.line(at)
    verbs = [key for key in body if key in VERBS]
    if len(verbs) != 1:
        word = "has no verb" if not verbs else f"has {len(verbs)} verbs ({', '.join(verbs)})"
        raise MappingError(f"{name} {word}; use one of {', '.join(VERBS)}", file=tree.file, line=line)
    verb = verbs[0]
    options = {key: value for key, value in body.items() if key not in SHARED and key != verb}
    for option in options:
        if option not in VERBS[verb].options:
            known = VERBS[verb].options
            raise MappingError(
                f'{name}: {verb} takes no "{option}"{suggestion(option, known)}', file=tree.file, line=line
            )
    put = body.get("put")
    if put == "none" and not body.get("loss"):
        raise MappingError(f"{name}: put: none needs a loss: with the reason", file=tree.file, line=line)
    otherwise = read_variable(name, body["else"], tree, (*at, "else")) if body.get("else") else None
    shared = {
        key: body[key] for key in ("codelist", "origin", "method", "loss", "label", "qorig") if key in body
    }
    made = Variable(
        *(name, verb, body[verb], tree.file, line, options),
        when=body.get("when", {}),
        unless=body.get("unless", {}),
        otherwise=otherwise,
        put={} if put == "none" else put,
        **shared,
    )
    check_put(made)
    return made


def overlay(mapping: DomainMapping, tree: Tree, at: Keys) -> DomainMapping:
    """The mapping with a study's variables in place of the packaged ones; ``VARIABLE: ~`` removes one.

    Raises MappingError with file:line when a removed variable is not there, or another still reads it.
    """
    parts: dict[str, dict[str, Variable]] = {"variables": dict(mapping.variables), "supp": dict(mapping.supp)}
    body = tree.data
    for key in at:
        body = body[key]
    for part, changes in body.items():
        for name, change in changes.items():
            if change is not None:
                parts[part][name] = read_variable(name, change, tree, (*at, part, name))
            elif parts[part].pop(name, None) is None:
                near = suggestion(name, parts[part])
                raise MappingError(
                    f"{name} is not mapped, so it cannot be removed{near}",
                    file=tree.file,
                    line=tree.line((*at, part, name)),
                )
    made = msgspec.structs.replace(mapping, variables=parts["variables"], supp=parts["supp"])
    check_variables(made)
    return made


def _check_views(mapping: DomainMapping, tree: Tree) -> None:
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
            _require([*rule.when, *rule.unless], mapping, key, (mapping.file, tree.line((key, n))))


def _check_keys(mapping: DomainMapping, tree: Tree) -> None:
    """Raise MappingError for a key of the records that is no variable of the mapping."""
    named = {("keys",): mapping.keys}
    if mapping.duplicate is not None:
        named |= {
            ("duplicate",): [*mapping.duplicate.keys, *mapping.duplicate.values, *mapping.duplicate.sure]
        }
    for at, names in named.items():
        for name in names:
            if name not in mapping.columns:
                raise MappingError(
                    f'{at[0]}: no variable "{name}"{suggestion(name, mapping.columns)}',
                    file=mapping.file,
                    line=tree.line(at),
                )


def check_variables(mapping: DomainMapping) -> None:
    """Raise MappingError with file:line for the first variable that reads what nothing gives."""
    for variable in mapping.columns.values():
        for alternative in variable.alternatives:
            _require(needs(alternative), mapping, variable.name, (alternative.file, alternative.line))


def check_tables(mapping: DomainMapping, tables: Mapping[str, CodeTable]) -> None:
    """Raise MappingError with file:line for the first code table, or column of one, that is not there."""
    gate, status = mapping.gate, mapping.status
    if status is not None:
        _require_table(f"{status['recode']}.policy", tables, "status", (mapping.file, 1))
    if gate is not None:
        for column in ("code", *([gate.agree] if gate.agree else []), *gate.keep):
            _require_table(f"{gate.table}.{column}", tables, "gate", (mapping.file, gate.line))
    for variable in mapping.columns.values():
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
    return names | set(mapping.columns)


def needs(alternative: Variable) -> list[str]:
    """Columns, aliases and variables that one alternative reads."""
    return [*VERBS[alternative.verb].columns(alternative), *alternative.when, *alternative.unless]


def _require(names: Iterable[str], mapping: DomainMapping, what: str, place: tuple[Path, int]) -> None:
    """Raise MappingError for the first name that nothing gives: no view, domain, gate or roster."""
    known = available(mapping)
    for name in names:
        head, _, tail = name.partition(".")
        foreign = head in ("gate", "roster") or name.startswith("_") or (head.isupper() and tail)
        if name not in known and not foreign:
            raise MappingError(
                f'{what}: no column "{name}"{suggestion(name, known)}', file=place[0], line=place[1]
            )
