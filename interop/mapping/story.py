"""What is known of one variable: the standard, the mapping's lines, FHIR paths, code tables, the way back."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from interop.cdisc.ct import Terminology
from interop.cdisc.standard import Standard
from interop.cdisc.standard import Variable as Demanded
from interop.errors import MappingError, SpecError
from interop.knowledge import folder
from interop.mapping.context import Context
from interop.mapping.derive import DERIVATIONS
from interop.mapping.load import read_domain
from interop.mapping.model import Child, Conditions, DomainMapping, Variable
from interop.mapping.names import needs
from interop.mapping.verbs import VERBS
from interop.mapping.verbs.coded import table_target
from interop.tables import read_table, suggestion

INVERSE = {"E": "exact", "L": "lookup", "C": "carrier", "D": "derived"}


class Read(msgspec.Struct, frozen=True, omit_defaults=True):
    """One name that an alternative reads: a FHIR path in a view, or `what` else it is."""

    name: str
    what: str
    view: str | None = None
    path: str | None = None


class Alternative(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way to make the value: verb, argument and what they mean, what it reads, under which conditions."""

    verb: str
    argument: Any
    means: str
    place: str
    options: Mapping[str, Any] = {}
    reads: Sequence[Read] = ()
    when: Conditions = {}
    unless: Conditions = {}
    tables: Sequence[str] = ()
    origin: str | None = None
    method: str | None = None


class Back(msgspec.Struct, frozen=True, omit_defaults=True):
    """The way back: its class, the columns that `put:` writes with their paths, and what is lost."""

    inverse: str
    puts: Sequence[Read] = ()
    losses: Sequence[str] = ()


class Story(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything about one variable; without `alternatives` it is not mapped."""

    dataset: str
    variable: str
    label: str
    type: str
    core: str = ""
    role: str = ""
    codelist: str | None = None
    values: str | None = None
    replaces: str | None = None
    alternatives: Sequence[Alternative] = ()
    back: Back | None = None


class Known(msgspec.Struct, frozen=True):
    """What stories are told from."""

    mappings: Mapping[str, DomainMapping]
    standard: Standard
    context: Context


def stories(name: str, known: Known) -> Sequence[Story]:
    """The stories of ``DOMAIN`` (its variables, qualifiers last) or ``DOMAIN.VARIABLE`` (one), in any case.

    Raises MappingError for a domain without a mapping, SpecError for a variable that neither the standard nor
    the mapping knows.
    """
    domain, _, variable = name.upper().partition(".")
    if domain not in known.mappings:
        near = suggestion(domain, known.mappings)
        raise MappingError(f"no mapping for {domain}; there are {', '.join(known.mappings)}{near}")
    mapping = known.mappings[domain]
    if variable:
        if variable not in mapping.columns and variable not in known.standard[domain]:
            near = suggestion(variable, [*known.standard[domain].names, *mapping.supp])
            raise SpecError(f"{domain} has no variable {variable!r}{near}")
        return [story_of(mapping, variable, known)]
    shown = [v.name for v in known.standard[domain] if v.name in mapping.variables or v.core != "Perm"]
    return [story_of(mapping, name, known) for name in (*shown, *mapping.supp)]


def story_of(mapping: DomainMapping, name: str, known: Known) -> Story:
    """The story of a variable or qualifier; SpecError for one that neither mapping nor standard knows."""
    mapped = mapping.columns.get(name)
    if name in mapping.supp:
        label, dataset = mapping.supp[name].label or "", f"SUPP{mapping.domain}"
        demanded = Demanded(name, label, "Char", role="Supplemental Qualifier")
    else:
        demanded, dataset = known.standard[mapping.domain][name], mapping.domain
    told = Story(
        dataset,
        name,
        demanded.label,
        demanded.type,
        demanded.core if dataset == mapping.domain else "",
        demanded.role,
        _codelist((mapped and mapped.codelist) or demanded.codelist, known.context.terminology),
        demanded.values,
    )
    if mapped is None:
        return told
    return msgspec.structs.replace(
        told,
        replaces=_replaced(mapping, mapped),
        alternatives=[_alternative(mapping, a, known.context) for a in mapped.alternatives],
        back=_back(mapping, mapped, dataset, known.context),
    )


def place(file: Path, line: int) -> str:
    """``file:line``, the file as seen from the folder that holds the knowledge, else as it was given."""
    home = folder("mappings").parent
    return f"{(file.relative_to(home) if file.is_relative_to(home) else file).as_posix()}:{line}"


def _codelist(code: str | None, terminology: Terminology) -> str | None:
    if code is None or code not in terminology:
        return code
    found = terminology[code]
    grows = "extensible" if found.extensible else "not extensible"
    return f"{code} {found.name} ({found.title}; {grows}; SDTM CT {terminology.date})"


def _replaced(mapping: DomainMapping, variable: Variable) -> str | None:
    """The packaged line that a study's overlay replaced."""
    if variable.file == mapping.file:
        return None
    packaged = read_domain(mapping.file, schema=folder("mappings") / "domain.schema.json", constants={})
    before = packaged.columns.get(variable.name)
    return place(before.file, before.line) if before else f"nothing in {place(mapping.file, 1)}"


def _alternative(mapping: DomainMapping, variable: Variable, context: Context) -> Alternative:
    verb = VERBS[variable.verb].get
    function = DERIVATIONS.get(str(variable.argument), verb) if variable.verb == "derive" else verb
    read = [found for name in dict.fromkeys(needs(variable)) for found in _reads(mapping, name, context)]
    return Alternative(
        variable.verb,
        variable.argument,
        (function.__doc__ or "").strip().partition("\n")[0],
        place(variable.file, variable.line),
        variable.options,
        read,
        variable.when,
        variable.unless,
        [
            place(file, 1).removesuffix(":1")
            for name in _tables(variable)
            for file in context.tables[name].files
        ],
        variable.origin,
        variable.method,
    )


def _tables(variable: Variable) -> Sequence[str]:
    named = [variable.argument] if variable.verb == "recode" else [variable.options.get("map")]
    return [table_target(name)[0] for name in named if name]


def _reads(mapping: DomainMapping, name: str, context: Context) -> Iterator[Read]:
    alias, _, column = name.partition(".")
    if name in mapping.columns:
        yield Read(name, f"variable {mapping.domain}.{name}")
    elif alias == "gate" and mapping.gate:
        part = f"column {column} of the row" if column else "the row"
        yield Read(name, f"{part} that the code sent has in code table {mapping.gate.table}")
    elif alias in (taken := {source.alias: source.dataset for source in mapping.records}):
        yield Read(name, f"variable {taken[alias]}.{column} of the record that this one is made of")
    elif alias == "roster":
        yield Read(name, f"{column} of the roster (ResearchSubject)")
    else:
        yield from _in_views(mapping, name, context) or [
            Read(name, f"variable {name}" if column else "the row")
        ]


def _in_views(mapping: DomainMapping, name: str, context: Context) -> list[Read]:
    """The view columns that a name stands for; a union has one in each of its branches."""
    alias, _, column = name.partition(".")
    found = []
    for branch in mapping.branches:
        part = branch.children.get(alias) or mapping.joins.get(alias)
        view = part.view if part else branch.view
        if part is not None and not column:
            chosen = f", chosen by {next(iter(part.choose))}" if part.choose else ""
            found.append(Read(name, f"{mapping.views[view].resource}, a row of view {view}{chosen}", view))
            continue
        if isinstance(part, Child):
            found += _in_parts(mapping, part, name, column, context)
            continue
        paths = column_paths(mapping.definitions[view], context.setting("constants", {}))
        path = paths.get(column if part else name)
        if path is not None:
            found.append(Read(name, mapping.views[view].resource, view, path))
    return list(dict.fromkeys(found))


def _in_parts(mapping: DomainMapping, child: Child, name: str, column: str, context: Context) -> list[Read]:
    """What a column of a child stands for: paths of its view, those behind a made column, or its chooser."""
    joined, _, tail = column.partition(".")
    last = column.rpartition(".")[2]
    if last in child.columns:
        behind = [need for a in child.columns[last].alternatives for need in needs(a)]
        return [r for need in dict.fromkeys(behind) for r in _in_parts(mapping, child, name, need, context)]
    if joined in child.join:
        view, column = child.join[joined].view, tail
    else:
        view, column = child.view, last
    path = union_paths(mapping.definitions[view], context.setting("constants", {})).get(column)
    resource = mapping.views[view].resource
    if path is not None:
        return [Read(name, resource, view, path)]
    chooser = next(iter(child.choose or ()), "")
    return [Read(name, f"{last} by the chooser {chooser} from {resource}, view {view}")]


def column_paths(definition: Mapping[str, Any], constants: Mapping[str, str]) -> Mapping[str, str]:
    """FHIRPath of every column of a ViewDefinition by name; forEach before it, constants as values."""
    return {name: paths[-1] for name, paths in _branches(definition, constants).items()}


def union_paths(definition: Mapping[str, Any], constants: Mapping[str, str]) -> Mapping[str, str]:
    """As `column_paths`, with the paths of all branches of a unionAll."""
    return {name: " | ".join(paths) for name, paths in _branches(definition, constants).items()}


def _branches(definition: Mapping[str, Any], constants: Mapping[str, str]) -> dict[str, list[str]]:
    values = {
        entry["name"]: next(str(v) for k, v in entry.items() if k.startswith("value"))
        for entry in definition.get("constant", [])
    }
    values |= {name: value for name, value in constants.items() if name in values}
    found: dict[str, list[str]] = {}
    for name, path in _paths(definition["select"], ""):
        for constant in sorted(values, key=len, reverse=True):
            path = path.replace(f"%{constant}", f"'{values[constant]}'")  # noqa: PLW2901  one by one
        found.setdefault(name, []).append(path)
    return found


def _paths(selects: Sequence[Mapping[str, Any]], before: str) -> Iterator[tuple[str, str]]:
    for select in selects:
        each = select.get("forEach") or select.get("forEachOrNull")
        inside = f"{before}{each}." if each else before
        for column in select.get("column", []):
            path = column["path"]
            yield column["name"], path if path.startswith("%") else f"{inside}{path}"
        yield from _paths([*select.get("select", []), *select.get("unionAll", [])], inside)


def _back(mapping: DomainMapping, variable: Variable, dataset: str, context: Context) -> Back:
    losses = [variable.loss] if variable.loss else []
    file = folder("mappings") / "losses.csv"
    if file.is_file():
        rows = read_table(file, required=("dataset", "variable", "reason"))
        own = [row for row in rows if row["dataset"] == dataset and row["variable"] == variable.name]
        losses += [str(row["reason"]) for row in own]
    if variable.put == {}:
        return Back("lost", (), losses)
    puts = []
    for name, how in (variable.put or {}).items():
        found = _in_views(mapping, name.partition("/")[0], context) or [Read(name, "")]
        path = found[0].path and found[0].path.partition(" | ")[0]  # of a unionAll the first is written
        puts.append(msgspec.structs.replace(found[0], name=name, what=f"{how} -> {found[0].what}", path=path))
    verb = VERBS[variable.verb]
    into = ", into the columns that it reads" if verb.put is not None and not puts else ""
    return Back(f"{INVERSE[verb.inverse]}{into}", puts, losses)
