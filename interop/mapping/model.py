"""A mapping as frozen values: `DomainMapping` and its `Variable`s, read from one YAML file per domain."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from interop.fhir.view import View

Conditions = Mapping[str, Sequence[str] | Literal["present", "absent"]]


class Variable(msgspec.Struct, frozen=True):
    """How one variable (or one alternative of it) is made: a verb, its argument and options, the way back.

    `put` maps view columns to what is written there: ``value``, ``exact``, ``TABLE.column`` or ``=literal``;
    null is the verb's own inverse; an empty mapping is ``put: none``, whose reason is `loss`.
    """

    name: str
    verb: str
    argument: Any
    file: Path
    line: int
    options: Mapping[str, Any] = {}
    when: Conditions = {}
    unless: Conditions = {}
    otherwise: "Variable | None" = None
    codelist: str | None = None
    origin: str | None = None
    method: str | None = None
    label: str | None = None
    qorig: str | None = None
    put: Mapping[str, str] | None = None
    loss: str | None = None

    @property
    def alternatives(self) -> "tuple[Variable, ...]":
        """Alternatives in order: this one, and those behind `else`."""
        return (self, *(self.otherwise.alternatives if self.otherwise else ()))


class Join(msgspec.Struct, frozen=True):
    """Columns of another view, at most one row for each row; `put` is how that resource is written back."""

    alias: str
    view: str
    on: Mapping[str, str]
    choose: Mapping[str, Any] | None = None
    put: Literal["contained", "resource", "none"] = "none"
    line: int = 0


class Child(msgspec.Struct, frozen=True):
    """Repeating parts of a resource in a view of their own; a chooser takes one, or the gate reads all."""

    alias: str
    view: str
    on: Mapping[str, str]
    choose: Mapping[str, Any] | None = None
    line: int = 0


class Branch(msgspec.Struct, frozen=True):
    """One main view with the views of its children; a union has several, with equal columns."""

    view: str
    children: Mapping[str, Child]
    element: str | None = None  # FHIRPath of its forEach: the row key gets "#element.n"


class Gate(msgspec.Struct, frozen=True):
    """Rows pass whose code is in a code table.

    `order` names the systems that win, `agree` the column that codings must agree on.
    """

    table: str
    candidates: Sequence[str]
    order: Sequence[str] = ()
    agree: str | None = None
    keep: Mapping[str, Sequence[str]] = {}
    miss: Literal["quarantine", "out of scope"] = "quarantine"
    line: int = 0


class Duplicate(msgspec.Struct, frozen=True):
    """Rows with equal `keys` are one record.

    They must agree on `values`, else the row that `prefer` names wins, else all go to quarantine.
    """

    keys: Sequence[str]
    values: Sequence[str]
    prefer: Mapping[str, Sequence[str]] = {}
    sure: Sequence[str] = ()


class Finding(msgspec.Struct, frozen=True):
    """A declared finding: rows for which the conditions hold break a rule; one of severity error goes."""

    rule: str
    when: Conditions = {}
    unless: Conditions = {}
    variable: str | None = None


class Omission(msgspec.Struct, frozen=True):
    """Rows that are no record of their own, with the reason counted in the ledger."""

    reason: str
    when: Conditions = {}
    unless: Conditions = {}


class DomainMapping(msgspec.Struct, frozen=True):
    """Everything one mapping file says about one domain."""

    domain: str
    file: Path
    views: Mapping[str, View]
    definitions: Mapping[str, Mapping[str, Any]]
    branches: Sequence[Branch]
    joins: Mapping[str, Join]
    variables: Mapping[str, Variable]
    supp: Mapping[str, Variable]
    keys: Sequence[str]
    resource: Mapping[str, Any]
    rows: Literal["resources", "roster"] = "resources"
    status: Mapping[str, str] | None = None
    gate: Gate | None = None
    omit: Sequence[Omission] = ()
    findings: Sequence[Finding] = ()
    duplicate: Duplicate | None = None
    loss: Sequence[Mapping[str, str]] = ()

    @property
    def main(self) -> View:
        """The view that the rows come from."""
        return self.views[self.branches[0].view]

    @property
    def columns(self) -> Mapping[str, Variable]:
        """Variables and supplemental qualifiers together, in file order."""
        return {**self.variables, **self.supp}
