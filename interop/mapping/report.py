"""Problems as issues: all counted, the first few of each kind kept as examples."""

from collections.abc import Iterator

import polars as pl

from interop.issues import Issue, Location
from interop.mapping.lineage import hashed
from interop.mapping.work import rules

EXAMPLES = 5
LONGEST = 200  # characters of a value in an issue
# Rules whose value is a code or a unit, so that each distinct one is an issue of its own.
BY_VALUE = (
    "MAP-CODE-001",
    "MAP-CODE-002",
    "MAP-CODE-003",
    "MAP-CT-001",
    "MAP-UNIT-001",
    "MAP-UNIT-002",
    "MAP-UNIT-003",
)


def issues_of(problems: pl.DataFrame, disposed: pl.DataFrame) -> Iterator[Issue]:
    """Issues of a run: the first `EXAMPLES` records of each kind.

    A kind is rule, dataset and variable, and the value where it is a code or unit. One more issue, without a
    record, counts the rest. Records stand in the order of their keys.
    """
    known = rules()
    yield from _strangers(disposed)
    value = pl.when(pl.col("rule").is_in(BY_VALUE)).then("value")
    keys = ["rule", "dataset", "variable", "value"]
    ordered = problems.with_columns(value=value).sort(*keys, "resource", "usubjid", "other", nulls_last=False)
    for (rule, dataset, variable, text), group in ordered.group_by(keys, maintain_order=True):
        row = known[str(rule)]
        shown = group.head(EXAMPLES)
        severity, code, message = str(row["severity"]), str(row["code"]), str(row["message"])
        for usubjid, resource, other in shown.select("usubjid", "resource", "other").iter_rows():
            where = Location(
                resource=_public(resource), dataset=_text(dataset), variable=_text(variable), usubjid=usubjid
            )
            said = f"{message} ({other})" if other else message
            yield Issue(str(rule), severity, code, said, where, _text(text))  # type: ignore[arg-type]
        if group.height > shown.height:
            where = Location(dataset=_text(dataset), variable=_text(variable))
            rest = group.height - shown.height
            yield Issue(str(rule), severity, code, message, where, _text(text), rest)  # type: ignore[arg-type]


def _strangers(disposed: pl.DataFrame) -> Iterator[Issue]:
    row = rules()["MAP-SUBJECT-001"]
    people = disposed.filter((pl.col("type") == "Patient") & (pl.col("fate") == "not in study"))["key"].sort()
    for key in people:
        yield Issue(
            "MAP-SUBJECT-001",
            "information",
            str(row["code"]),
            str(row["message"]),
            Location(resource=hashed(key)),
        )


def _public(key: str | None) -> str | None:
    return hashed(key) if key is not None and ("Patient/" in key) else key


def _text(value: object) -> str | None:
    """A value as an issue shows it: all of it where it is short."""
    text = None if value is None else str(value)
    return text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}..."
