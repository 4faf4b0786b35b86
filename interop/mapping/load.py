"""Mapping files (``domains/xx.yaml``) as `DomainMapping`; a study's overlay replaces variables by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from interop.errors import MappingError
from interop.fhir.view import View
from interop.mapping.model import (
    Agree,
    Branch,
    Child,
    DomainMapping,
    Duplicate,
    Finding,
    Gate,
    Intervals,
    Join,
    Omission,
    Records,
    Relation,
    Status,
    Variable,
)
from interop.mapping.names import check_keys, check_variables, check_views
from interop.mapping.parts import check_parts
from interop.mapping.put import check_put
from interop.mapping.verbs import VERBS
from interop.tables import Keys, Tree, check_schema, read_yaml, suggestion

# Keys of a variable that every verb shares; the rest are options of its verb.
SHARED = ("codelist", "origin", "method", "when", "unless", "else", "agree", "put", "loss", "label", "qorig")


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
        status=_status(data["status"]) if "status" in data else None,
        gate=_gate(tree) if "gate" in data else None,
        omit=[Omission(**omission) for omission in data.get("omit", [])],
        findings=[Finding(**finding) for finding in data.get("findings", [])],
        duplicate=Duplicate(**data["duplicate"]) if "duplicate" in data else None,
        records=_records(tree),
        intervals=_intervals(tree) if "intervals" in data else None,
        relations=_relations(tree),
        loss=data.get("loss", []),
        understands=data.get("understands", []),
    )
    check_views(mapping, tree)
    check_parts(mapping)
    check_keys(mapping, tree)
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
        if "view" not in part:
            continue
        own = {
            a: _child(a, c, tree, ("union", n, "children", a)) for a, c in part.get("children", {}).items()
        }
        shared = {
            a: Child(a, c.view, c.on, children[a].choose if a in children else c.choose, c.line)
            for a, c in own.items()
        }
        branches.append(Branch(part["view"], {**children, **shared}, part.get("element"), "instead" in part))
    return branches


def _records(tree: Tree) -> Sequence[Records]:
    return [
        Records(
            part["dataset"],
            part["as"],
            part.get("when", {}),
            part.get("unless", {}),
            tree.line(("union", n)),
        )
        for n, part in enumerate(tree.data.get("union", []))
        if "dataset" in part
    ]


def _intervals(tree: Tree) -> Intervals:
    line = tree.line(("intervals",))
    if not _records(tree):
        raise MappingError(
            "intervals need a union with a dataset, whose records they are", file=tree.file, line=line
        )
    return Intervals(**tree.data["intervals"], line=line)


def _child(alias: str, part: Mapping[str, Any], tree: Tree, at: Keys) -> Child:
    line = tree.line(at)
    return Child(
        *(alias, part["view"], part["on"], part.get("choose"), line),
        join={
            name: Join(name, join["view"], join["on"], line=line)
            for name, join in part.get("join", {}).items()
        },
        columns={
            name: read_variable(name, body, tree, (*at, "columns", name))
            for name, body in part.get("columns", {}).items()
        },
        **{key: part[key] for key in ("when", "unless", "put") if key in part},
    )


def _relations(tree: Tree) -> list[Relation]:
    names = {"with": "dataset"}
    return [
        Relation(**{names.get(k, k): value for k, value in one.items()}, line=tree.line(("relations", n)))
        for n, one in enumerate(tree.data.get("relations", []))
    ]


def _status(data: Mapping[str, Any]) -> Status:
    sources = data["from"]
    columns = [sources] if isinstance(sources, str) else sources
    return Status(data["recode"], columns, data.get("absent", "quarantine"))


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
        agree=Agree(**body["agree"]) if "agree" in body else None,
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
