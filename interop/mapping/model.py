"""A mapping as frozen values: `DomainMapping` and its `Variable`s, read from one YAML file per domain."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from interop.fhir.view import View

# {"not": [values]} holds where there is no value, or another one.
Conditions = Mapping[str, Sequence[str] | Mapping[str, Sequence[str]] | Literal["present", "absent"]]


class Agree(msgspec.Struct, frozen=True):
    """A rule that is broken where two alternatives give different values; the values `but` break none."""

    rule: str
    but: Sequence[str] = ()


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
    agree: "Agree | None" = None
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
    """Repeating parts of a resource in a view of their own; a chooser takes one, or the gate reads all.

    Before that `join` adds what the parts refer to, `columns` what verbs make of it, and parts for which the
    conditions do not hold leave. `put` names for the way back the column that tells a part from the others,
    and the column of a join that holds its name.
    """

    alias: str
    view: str
    on: Mapping[str, str]
    choose: Mapping[str, Any] | None = None
    line: int = 0
    join: Mapping[str, Join] = {}
    columns: Mapping[str, Variable] = {}
    when: Conditions = {}
    unless: Conditions = {}
    put: Mapping[str, str] = {}


class Branch(msgspec.Struct, frozen=True):
    """One main view with the views of its children; a union has several, with equal columns."""

    view: str
    children: Mapping[str, Child]
    element: str | None = None  # FHIRPath of its forEach: the row key gets "#element.n"
    instead: bool = False  # its rows count for subjects who have none from the branches before


class Records(msgspec.Struct, frozen=True):
    """Records of another dataset as rows: one for each that the conditions let in, as ``alias.COLUMN``."""

    dataset: str
    alias: str
    when: Conditions = {}
    unless: Conditions = {}
    line: int = 0


class Intervals(msgspec.Struct, frozen=True):
    """Records of a dataset become one from `start` to `end` while they follow each other and say the same.

    A new interval begins when a value of `same` changes, when a value of `begins` comes that is another one,
    after a record of `apart`, and after a gap of more days than `gap` (a setting of the study, default 1)
    allows, times the nominal days that the table of `nominal` has for a value of its variable. An interval
    that begins with a change takes a null value of `begins` from the column that it names.
    """

    within: Sequence[str]
    start: str
    end: str
    same: Sequence[str]
    begins: Mapping[str, str | None] = {}
    apart: Conditions = {}
    gap: str = ""
    nominal: Mapping[str, str] = {}
    line: int = 0


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
    before: Sequence[str] = ()  # two dates: the first is certainly before the second
    lacks: Mapping[str, Sequence[str]] = {}  # DOMAIN.VARIABLE: values that no record of the subject has there


class Status(msgspec.Struct, frozen=True):
    """The policy of a record by its status, the first column with a value; `absent` where none has one."""

    table: str
    columns: Sequence[str]
    absent: Literal["row", "skip", "remove", "quarantine"] = "quarantine"


class Omission(msgspec.Struct, frozen=True):
    """Rows that are no record of their own, with the reason for the ledger; `rule` also reports them."""

    reason: str
    when: Conditions = {}
    unless: Conditions = {}
    rule: str | None = None


class Relation(msgspec.Struct, frozen=True):
    """Records, or whole datasets, that belong together (RELREC).

    `keys` has the identifying variable of each dataset. Datasets are related by equal values of them, and
    `types` says MANY or ONE of each; records by a reference: `by` is ``alias.column`` of a child view.
    """

    id: str
    dataset: str
    keys: Mapping[str, str]
    types: Mapping[str, str] = {}
    by: str | None = None
    line: int = 0


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
    status: Status | None = None
    gate: Gate | None = None
    omit: Sequence[Omission] = ()
    findings: Sequence[Finding] = ()
    duplicate: Duplicate | None = None
    records: Sequence[Records] = ()
    intervals: Intervals | None = None
    relations: Sequence[Relation] = ()
    loss: Sequence[Mapping[str, str]] = ()
    understands: Sequence[str] = ()  # URLs of modifierExtensions of the main resource

    @property
    def main(self) -> View:
        """The view that the rows come from."""
        return self.views[self.branches[0].view]

    @property
    def columns(self) -> Mapping[str, Variable]:
        """Variables and supplemental qualifiers together, in file order."""
        return {**self.variables, **self.supp}
