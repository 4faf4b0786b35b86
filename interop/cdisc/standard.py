"""What SDTM demands of a dataset: `Standard`, `Domain` and `Variable`, read from ``sdtm/sdtmig-*/``."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

import msgspec

from interop import knowledge
from interop.errors import SpecError
from interop.tables import read_table, suggestion

Type = Literal["Char", "Num"]
Core = Literal["Req", "Exp", "Perm"]

NAME_LENGTH, LABEL_LENGTH, TESTCD_LENGTH = 8, 40, 8  # SAS Transport v5; SDTMIG 3.4 4.2.1
SUPPLEMENTAL = "SUPPQUAL"

_DOMAINS = ("domain", "label", "class", "structure", "keys")
_VARIABLES = ("domain", "order", "variable", "label", "type", "role", "core", "codelist", "values")


class Variable(msgspec.Struct, frozen=True):
    """A variable of a domain; `codelist` is an NCI code, `values` says "ISO 8601 duration" and the like."""

    name: str
    label: str
    type: Type
    role: str = ""
    core: Core = "Perm"
    codelist: str | None = None
    values: str | None = None


class Domain(msgspec.Struct, frozen=True, dict=True):
    """A kind of dataset: its variables in the standard's order, and the natural keys of a record.

    `name` is the dataset name ("LB", "SUPPLB"), `prefix` what the dashes stand for ("LB" for both).
    """

    name: str
    label: str
    observation_class: str
    structure: str
    prefix: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.variables)

    def __contains__(self, name: str) -> bool:
        return self.resolve(name) in self._by_name

    def __getitem__(self, name: str) -> Variable:
        """The variable of a name; generic names ("--SEQ") resolve. Raises `SpecError` with a suggestion."""
        resolved = self.resolve(name)
        if (found := self._by_name.get(resolved)) is None:
            raise SpecError(f"{self.name} has no variable {name!r}{suggestion(resolved, self._by_name)}")
        return found

    def resolve(self, name: str) -> str:
        """The name in this domain of a generic variable: "--SEQ" is "LBSEQ"."""
        return self.prefix + name[2:] if name.startswith("--") else name

    def generic(self, name: str) -> str:
        """The generic name of a variable of this domain: "LBSEQ" is "--SEQ", "USUBJID" stays."""
        own = name.startswith(self.prefix) and name != self.prefix and self.name == self.prefix
        return f"--{name[len(self.prefix) :]}" if own else name

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the variables, in the standard's order."""
        return tuple(self._by_name)

    @cached_property
    def _by_name(self) -> Mapping[str, Variable]:
        return MappingProxyType({variable.name: variable for variable in self.variables})


class Standard(msgspec.Struct, frozen=True):
    """One version of SDTMIG, as far as its domains are in use."""

    version: str
    domains: Mapping[str, Domain]

    @classmethod
    def load(cls, version: str = "3.4", *, folder: Path | None = None) -> "Standard":
        """The tables of SDTMIG `version` in `folder`, else the packaged ones.

        Raises `SpecError` with file and line for an unknown version or a row that cannot be.
        """
        folder = folder or knowledge.folder("sdtm") / f"sdtmig-{version.replace('.', '-')}"
        variables = _read_variables(folder / "variables.csv")
        domains: dict[str, Domain] = {}
        for line, row in _rows(folder / "domains.csv", _DOMAINS):
            domain = _domain(row, variables.pop(row["domain"], ()), folder / "domains.csv", line)
            if domain.name in domains:
                raise SpecError(f"{domain.name} is listed twice", file=folder / "domains.csv", line=line)
            domains[domain.name] = domain
        if variables:
            raise SpecError(f"no row for {', '.join(variables)}", file=folder / "domains.csv")
        return cls(version, MappingProxyType(domains))

    def __getitem__(self, name: str) -> Domain:
        return self.dataset(name)

    def __contains__(self, name: str) -> bool:
        return name != SUPPLEMENTAL and (name in self.domains or self._parent(name) is not None)

    def dataset(self, name: str) -> Domain:
        """What the dataset `name` must look like; "SUPPLB" is SUPPQUAL for LB (SDTMIG 3.4 8.4).

        Raises `SpecError` with a suggestion for a dataset that is not in use.
        """
        if name not in self:
            close = suggestion(name, self.domains)
            raise SpecError(f"SDTMIG {self.version} dataset {name!r} is not in use{close}")
        if (parent := self._parent(name)) is None:
            return self.domains[name]
        generic = self.domains[SUPPLEMENTAL]
        label = generic.label.replace("--", parent)
        return msgspec.structs.replace(generic, name=name, label=label, prefix=parent)

    def _parent(self, name: str) -> str | None:
        """The domain that a supplemental dataset belongs to; None for any other name."""
        parent = name.removeprefix("SUPP")
        return parent if name != parent and parent in self.domains and parent != SUPPLEMENTAL else None


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for row in read_table(path, required=columns, optional=(), error=SpecError):
        yield row.line, {column: row[column] or "" for column in columns}


def _domain(row: Mapping[str, str], variables: Sequence[Variable], file: Path, line: int) -> Domain:
    name, keys = row["domain"], tuple(row["keys"].split())
    if unknown := [key for key in keys if key not in {v.name for v in variables}]:
        raise SpecError(f"{name} has no variable {unknown[0]!r} to be a key", file=file, line=line)
    if len(row["label"]) > LABEL_LENGTH:
        raise SpecError(f"the label of {name} is longer than {LABEL_LENGTH}", file=file, line=line)
    return Domain(name, row["label"], row["class"], row["structure"], name, keys, tuple(variables))


def _read_variables(path: Path) -> dict[str, list[Variable]]:
    found: dict[str, list[Variable]] = {}
    for line, row in _rows(path, _VARIABLES):
        others = found.setdefault(row["domain"], [])
        if problem := _problem(row, others):
            raise SpecError(f"{row['domain']}.{row['variable']}: {problem}", file=path, line=line)
        others.append(_variable(row))
    return found


def _variable(row: Mapping[str, str]) -> Variable:
    kind, core = cast("Type", row["type"]), cast("Core", row["core"])
    return Variable(
        row["variable"], row["label"], kind, row["role"], core, row["codelist"] or None, row["values"] or None
    )


def _problem(row: Mapping[str, str], others: Sequence[Variable]) -> str | None:
    """What is wrong with a row of variables.csv, and what would be right; None when nothing is."""
    checks = (
        (len(row["variable"]) > NAME_LENGTH, f"a name has at most {NAME_LENGTH} characters"),
        (len(row["label"]) > LABEL_LENGTH, f"a label has at most {LABEL_LENGTH} characters"),
        (row["type"] not in get_args(Type), "type is Char or Num"),
        (row["core"] not in get_args(Core), "core is Req, Exp or Perm"),
        (row["variable"] in {v.name for v in others}, "is listed twice"),
        (row["order"] != str(len(others) + 1), f"order {row['order']} where {len(others) + 1} is due"),
    )
    return next((text for wrong, text in checks if wrong), None)
