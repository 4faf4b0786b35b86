"""Checks: what is wrong with a source, by sets of rules."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from interop.checks.source import check_fhir
from interop.errors import SourceError, SpecError
from interop.fhir.source import Source, open_source
from interop.issues import Issues
from interop.tables import suggestion

#: What can be asked of a source, by the name of the rule set.
RULE_SETS: Mapping[str, Callable[[Source], Issues]] = {"fhir": check_fhir}

_DATASETS = (".xpt", ".sas7bdat", ".parquet", ".csv")


def opened(path: str) -> Source:
    """The source that a path names; SourceError for datasets, of which no rule set knows anything yet."""
    place = Path(path)
    files = place.glob("*") if place.is_dir() else [place]
    if path != "-" and any(file.suffix.lower() in _DATASETS for file in files):
        raise SourceError(
            f"{path}: holds datasets; there are rules for FHIR sources only ({', '.join(RULE_SETS)})"
        )
    return open_source(path)


def check(source: Source, *, rules: Sequence[str] = ("fhir",)) -> Issues:
    """What some rule sets find in a source; SpecError for a name that is none of `RULE_SETS`."""
    for name in rules:
        if name not in RULE_SETS:
            known = ", ".join(RULE_SETS)
            raise SpecError(f"no rule set {name!r}{suggestion(name, RULE_SETS)} (there are: {known})")
    return Issues(issue for name in dict.fromkeys(rules) for issue in RULE_SETS[name](source))
