"""What a run of a conformance suite comes to."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from interop.errors import InteropError


class Outcome(msgspec.Struct, frozen=True):
    """A suite's version, how many of its cases passed, and by name what did not or was left out, and why."""

    version: str
    passed: int
    total: int
    listed: tuple[str, ...] = ()


def tally(version: str, cases: Iterable[tuple[str, Any]], check: Callable[[Any], None]) -> Outcome:
    """The outcome of a check on named cases; a case fails by an assertion or an error of the toolkit."""
    failures = []
    named = list(cases)
    for name, case in named:
        try:
            check(case)
        except (AssertionError, InteropError) as failure:
            first = str(failure).partition("\n")[0]
            failures.append(f"{name}: {first}" if first else name)
    return Outcome(version, len(named) - len(failures), len(named), tuple(failures))
