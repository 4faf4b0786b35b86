"""Checks: what is wrong with a source, by sets of rules."""

from collections.abc import Callable, Mapping, Sequence

from interop.checks.source import check_fhir
from interop.errors import SpecError
from interop.fhir.source import Source
from interop.issues import Issues
from interop.tables import suggestion

#: What can be asked of a source, by the name of the rule set.
RULE_SETS: Mapping[str, Callable[[Source], Issues]] = {"fhir": check_fhir}


def check(source: Source, *, rules: Sequence[str] = ("fhir",)) -> Issues:
    """What some rule sets find in a source; SpecError for a name that is none of `RULE_SETS`."""
    for name in rules:
        if name not in RULE_SETS:
            known = ", ".join(RULE_SETS)
            raise SpecError(f"no rule set {name!r}{suggestion(name, RULE_SETS)} (there are: {known})")
    return Issues(issue for name in dict.fromkeys(rules) for issue in RULE_SETS[name](source))
