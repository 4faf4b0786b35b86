"""Control characters in the texts of records: some break listings, some are no text at all (FHIR R4 2.24)."""

from collections.abc import Iterator

import polars as pl

from interop.mapping.context import Problem
from interop.mapping.verbs.registry import VERBS
from interop.mapping.work import Work

_CONTROL = r"\p{Cc}"
_NO_TEXT = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"  # what a FHIR string cannot hold
_SENDERS = ("E", "C")  # inverse classes of verbs whose values are what was sent


def control_characters(work: Work) -> Iterator[tuple[str, Problem]]:
    """Variables with control characters, each with the problem and its rows.

    Tab, line feed, carriage return and the controls above U+007E are kept (MAP-VALUE-011); what no FHIR
    string may hold is damage, and its record leaves (MAP-VALUE-012). Only what was sent is looked at: tables
    and derivations give no such text of their own.
    """
    for name, variable in work.mapping.columns.items():
        sent = any(VERBS[one.verb].inverse in _SENDERS for one in variable.alternatives)
        if not sent or name not in work.frame.columns or work.frame[name].dtype != pl.String:
            continue
        values = work.frame[name]
        distinct = values.unique()
        found = distinct.filter(distinct.str.contains(_CONTROL).fill_null(value=False))
        if found.len():
            damaged = found.filter(found.str.contains(_NO_TEXT))
            yield name, Problem("MAP-VALUE-012", values.is_in(damaged.to_list()))
            yield (
                name,
                Problem("MAP-VALUE-011", values.is_in(found.to_list()) & ~values.is_in(damaged.to_list())),
            )
