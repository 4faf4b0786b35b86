"""Findings about records that a subject should have in another dataset, told when all domains are made."""

from collections.abc import Mapping, Sequence

from interop.errors import MappingError
from interop.mapping.context import Context, Problem, holds
from interop.mapping.model import DomainMapping, Finding
from interop.mapping.work import Work, rules
from interop.tables import suggestion


def report_lacking(works: Mapping[str, Work], context: Context) -> None:
    """Report the declared findings with `lacks`, where the study has the other dataset."""
    for work in works.values():
        for finding in work.mapping.findings:
            if finding.lacks and work.frame.height and other(finding) in works:
                rows = holds(work.frame, finding.when, finding.unless, context)
                having = _subjects(works[other(finding)], finding.lacks, context)
                lacking = rows & ~work.frame["USUBJID"].is_in(having)
                work.report(Problem(finding.rule, lacking), variable=finding.variable)


def other(finding: Finding) -> str:
    """The dataset that a finding's `lacks` asks for."""
    return next(iter(finding.lacks)).partition(".")[0]


def check_lacking(mappings: Mapping[str, DomainMapping]) -> None:
    """Raise MappingError for a finding that cannot be told when all domains are made.

    One that asks for several datasets, for a variable that is not there, or whose rule takes records away.
    """
    for mapping in mappings.values():
        for finding in mapping.findings:
            domains = {name.partition(".")[0] for name in finding.lacks}
            known = [f"{d}.{name}" for d in domains if d in mappings for name in mappings[d].columns]
            absent = [
                name for name in finding.lacks if name.partition(".")[0] in mappings and name not in known
            ]
            what = f"finding {finding.rule}: lacks"
            if len(domains) > 1:
                raise MappingError(f"{what} names several datasets; one is asked", file=mapping.file)
            if absent:
                near = suggestion(absent[0], known)
                raise MappingError(f'{what}: no variable "{absent[0]}"{near}', file=mapping.file)
            if finding.lacks and rules()[finding.rule]["severity"] == "error":
                raise MappingError(
                    f"{what} tells of records that stay; an error takes them away", file=mapping.file
                )


def _subjects(work: Work, wanted: Mapping[str, Sequence[str]], context: Context) -> list[str]:
    """Subjects who have a record with these values."""
    conditions = {name.partition(".")[2]: values for name, values in wanted.items()}
    if not work.frame.height:
        return []
    return work.frame.filter(holds(work.frame, conditions, {}, context))["USUBJID"].unique().sort().to_list()
