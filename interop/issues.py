"""Wrong data, as data: `Issue`, and `Issues`, an ordered collection that counts all and keeps examples."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

Severity = Literal["fatal", "error", "warning", "information"]  # FHIR R4 issue-severity, worst first
SEVERITIES: tuple[Severity, ...] = ("fatal", "error", "warning", "information")


class Location(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an issue is: a place in a file, a resource and FHIRPath, or a dataset cell."""

    file: str | None = None
    line: int | None = None
    offset: int | None = None
    resource: str | None = None
    path: str | None = None
    dataset: str | None = None
    variable: str | None = None
    usubjid: str | None = None
    record: str | None = None


class Issue(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finding.

    `rule` is stable and never reused, `severity` one of FHIR's four, `code` a FHIR R4 issue-type;
    `message` says what is wrong and what would be right, without personal data;
    `count` is how often it was seen.
    """

    rule: str
    severity: Severity
    code: str
    message: str
    where: Location = Location()
    value: str | None = None
    count: int = 1

    def __str__(self) -> str:
        places = msgspec.structs.asdict(self.where).items()
        where = " ".join(f"{name}={place}" for name, place in places if place is not None)
        value = f" [{self.value}]" if self.value else ""
        times = f" ({self.count} times)" if self.count > 1 else ""
        return printable(f"{self.severity} {self.rule} {where}: {self.message}{value}{times}")


class Issues:
    """Issues in a stable order: worst severity first, then rule, message and place."""

    def __init__(self, issues: Iterable[Issue] = ()) -> None:
        self._issues = tuple(sorted(issues, key=_order))

    def __iter__(self) -> Iterator[Issue]:
        return iter(self._issues)

    def __len__(self) -> int:
        return len(self._issues)

    def __add__(self, other: Iterable[Issue]) -> "Issues":
        return Issues((*self._issues, *other))

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {severity}" for severity, n in self.counts.items() if n)
        return f"<Issues: {counts or 'none'}>"

    @property
    def counts(self) -> Mapping[Severity, int]:
        """Occurrences by severity, all four keys, worst first."""
        return {s: sum(issue.count for issue in self._issues if issue.severity == s) for s in SEVERITIES}

    @property
    def failed(self) -> bool:
        """True when an issue of severity error or fatal is present (exit code 1)."""
        return any(issue.severity in ("fatal", "error") for issue in self._issues)


def printable(text: str) -> str:
    """Text that stays in its line and moves no cursor: names of files and resources come from strangers."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _order(issue: Issue) -> tuple[object, ...]:
    where = tuple(
        "" if v is None else v if isinstance(v, str) else f"{v:012d}"
        for v in msgspec.structs.astuple(issue.where)
    )
    return (SEVERITIES.index(issue.severity), issue.rule, issue.message, where, issue.value or "")
